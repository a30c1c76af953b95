"""The one Spark of this process: started when a statement needs it, with the settings that results depend on pinned."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lockgate.errors import CapabilityMissing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG4J = Path(__file__).with_name("log4j2.properties")
_JAVA = "Install Java 17 (Debian: openjdk-17-jre-headless), and let JAVA_HOME or PATH lead to it."
# What `toArrow` imports: here a warning of it harms nobody.
_WITH_ARROW = ("pyspark.sql.pandas.types", "pyspark.testing.utils")
_guard = threading.Lock()
_running: dict[int, tuple[Engine, SparkSession]] = {}

# Where pyspark keeps the Spark of its process, and has nothing that lets go of one that has ended.
_OF_CONTEXT = ("_gateway", "_jvm", "_active_spark_context")
_OF_SESSION = ("_instantiatedSession", "_activeSession")

# What a project may set otherwise.
DEFAULTS = {
    "spark.sql.shuffle.partitions": "8",
    "spark.driver.memory": "1g",
}
# What results, safety or the readers of files depend on.
PINNED = {
    "spark.app.name": "lockgate",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": f'-Dlog4j2.configurationFile="{_LOG4J}" -Duser.timezone=UTC',
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "parquet",
    "spark.sql.timeType.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.variable.substitute": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@dataclass(frozen=True, slots=True)
class Engine:
    """Where Spark runs, and what a project sets of it."""

    master: str = "local[*]"
    conf: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        """Every setting that Spark is started with.

        Raises:
            CapabilityMissing: a setting is one that the target's promises depend on.
        """
        taken = [name for name, value in self.conf if PINNED.get(name, value) != value]
        if taken:
            raise CapabilityMissing(f"Spark's {taken[0]} cannot be set: the target depends on it", setting=taken[0])
        local = {"spark.local.dir": tempfile.gettempdir(), "spark.sql.warehouse.dir": _nowhere()}
        return DEFAULTS | local | dict(self.conf) | PINNED

    def session(self) -> SparkSession:
        """This process's Spark, shared by all targets in it.

        Raises:
            CapabilityMissing: there is no Java, or this process has a Spark with other settings.
        """
        with _guard:
            running = _alive(_running.get(os.getpid()))
            if running is not None and running[0] != self:
                hint = "Give the targets the same `master` and `conf`, or use them from processes of their own."
                raise CapabilityMissing("a process has one Spark, and this one's has other settings", hint=hint)
            if running is None:
                running = _running[os.getpid()] = (self, _started(self.master, self.settings))
            return running[1]


def _alive(running: tuple[Engine, SparkSession] | None) -> tuple[Engine, SparkSession] | None:
    """The Spark that runs; None where its Java process has ended, which pyspark is made to forget."""
    if running is None:
        return None
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    process = getattr(vars(SparkContext)["_gateway"], "proc", None)
    if process is None or process.poll() is None:
        return running
    for name in _OF_CONTEXT:
        setattr(SparkContext, name, None)
    for name in _OF_SESSION:
        setattr(SparkSession, name, None)
    return None


def _nowhere() -> str:
    """Where tables without a place would be: nothing here makes any."""
    return str(Path(tempfile.gettempdir()) / "lockgate-spark-warehouse")


def _started(master: str, settings: Mapping[str, str]) -> SparkSession:
    with warnings.catch_warnings(), _own_signals(), tempfile.TemporaryFile() as said:
        warnings.simplefilter("ignore")  # of what Spark's client thinks of other packages' versions
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        for name in _WITH_ARROW:
            import_module(name)
        logging.getLogger("SQLQueryContextLogger").disabled = True  # it writes the values of rows
        conf = SparkConf(loadDefaults=False).setMaster(master).setAll(list(settings.items()))
        try:
            launch: Any = import_module("pyspark.java_gateway").launch_gateway
            gateway = launch(conf, popen_kwargs={"stdout": said, "stderr": said})
        except (PySparkException, OSError) as error:
            raise CapabilityMissing(f"Spark's Java process did not start{_last_line(said)}", hint=_JAVA) from error
        return SparkSession(SparkContext(conf=conf, gateway=gateway))


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    return f": {lines[-1].strip()}" if lines else ""


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps Spark's client from putting its own handler in the place of ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)
