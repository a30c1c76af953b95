"""DBOS as we use it: a few queues, one workflow, in this process; nothing reaches out, and its errors are ours."""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from lockgate.core.write_ahead import write_ahead
from lockgate.errors import ControlPlaneUnavailable, ExtraMissing

if TYPE_CHECKING:
    from dbos import DBOSClient

APPLICATION = "lockgate"
VERSION = "1"  # fixed: whoever is running may finish what another release began
WORKFLOW = "execution"
SCHEMA = "dbos"
POOL_SIZE = 5
STOPPED_SECONDS = 5.0
_PATIENCE = 30.0
PENDING = "PENDING"
ENDED = ["SUCCESS", "ERROR"]
PAGE = 500

_TAKEN = Lock()  # DBOS is a global of its process


class DbosEngine:
    """The one DBOS of this process, for what is on a few queues."""

    def __init__(self, address: str, queues: Mapping[str, int], *, poll_seconds: float) -> None:
        """Use the control plane's database at `sqlite:///path` or `postgresql://…`; nothing is opened yet.

        `queues` says how much of each is worked on at a time in this process.
        """
        self._url = _url(address)
        self._queues = dict(queues)
        self._poll_seconds = poll_seconds
        self._client: DBOSClient | None = None
        self._has_started = False

    def start(self, executor: str, run: Callable[[str, str], None]) -> None:
        """Begins to take work under the name `executor`; `run` is called for each, with its queue and its id.

        Raises:
            ExtraMissing: DBOS is not installed.
            ControlPlaneUnavailable: the database does not answer.
        """
        _route_logs()
        try:
            from dbos import DBOS, DBOSClient
        except ModuleNotFoundError as error:
            message = f"the queue needs the package {error.name!r}, which is not installed"
            raise ExtraMissing(message, extra="server") from error
        if not _TAKEN.acquire(blocking=False):
            raise RuntimeError("DBOS is one a process, and it is taken")
        self._has_started = True
        with _errors_mapped():
            _prepare(self._url)
            try:
                DBOS(config=self._config(executor))  # type: ignore[arg-type]
                DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(run)
                DBOS.listen_queues(list(self._queues))
                DBOS.launch()
                for queue, workers in self._queues.items():
                    poll = self._poll_seconds
                    DBOS.register_queue(
                        queue, worker_concurrency=workers, polling_interval_sec=poll, on_conflict="always_update"
                    )
                self._client = DBOSClient(
                    system_database_url=self._url,
                    dbos_system_schema=SCHEMA,
                    system_database_pool_size=1,
                    application_name=APPLICATION,
                    retry_connection_errors=False,
                    sys_db_idle_transaction_timeout_sec=STOPPED_SECONDS,
                )
            except BaseException:
                self.stop(patience_seconds=0)
                raise

    def enqueue(self, queue: str, ids: Sequence[str]) -> None:
        """Queues what DBOS does not know yet; an id is one of its queue.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        with _errors_mapped():
            for each in ids:
                options: Any = {
                    "queue_name": queue,
                    "workflow_name": WORKFLOW,
                    "workflow_id": f"{queue}:{each}",
                    "app_version": VERSION,
                }
                self._opened().enqueue(options, queue, each)

    def executors(self) -> frozenset[str]:
        """The names under which anything of these queues is being worked on.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        with _errors_mapped():
            pending = self._opened().list_workflows(
                status=PENDING, queue_name=list(self._queues), load_input=False, load_output=False
            )
        return frozenset(each.executor_id for each in pending if each.executor_id is not None)

    def hand_back(self, executors: Sequence[str]) -> None:
        """Queues again what executors that are gone were working on; one that has been taken since stays as it is."""
        from dbos import DBOS

        with _errors_mapped():
            DBOS._recover_pending_workflows(list(executors))  # noqa: SLF001  the conditional one; `resume` is not

    def forget(self, before: datetime) -> None:
        """Drops what DBOS remembers of what ended before an instant, some hundred at a time."""
        with _errors_mapped():
            ended = self._opened().list_workflows(
                status=ENDED,
                queue_name=list(self._queues),
                completed_before=before.isoformat(),
                limit=PAGE,
                load_input=False,
                load_output=False,
            )
            if ended:
                self._opened().delete_workflows([each.workflow_id for each in ended])

    def stop(self, *, patience_seconds: float) -> None:
        """Takes no more work, and waits as long for what is under way."""
        if not self._has_started:
            return
        from dbos import DBOS

        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=math.ceil(patience_seconds))
        if self._client is not None:
            self._client.destroy()
            self._client = None
        self._has_started = False
        _TAKEN.release()

    def _opened(self) -> DBOSClient:
        if self._client is None:
            raise ControlPlaneUnavailable("the queue is not open")
        return self._client

    def _config(self, executor: str) -> dict[str, Any]:
        return {
            "name": APPLICATION,
            "system_database_url": self._url,
            "dbos_system_schema": SCHEMA,
            "sys_db_pool_size": POOL_SIZE,
            "sys_db_idle_transaction_timeout_sec": STOPPED_SECONDS,
            "application_version": VERSION,
            "executor_id": executor,
            "enable_otlp": False,
            "use_listen_notify": False,
            "log_level": "ERROR",
        }


def _url(address: str) -> str:
    """The control plane's address as DBOS takes it.

    On SQLite DBOS has a file of its own beside the control plane's, since its tables bear no prefix there.
    """
    from sqlalchemy.engine import make_url

    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(Path(url.database or "").with_suffix(".queue.db")))
        return url.render_as_string(hide_password=False)
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _prepare(url: str) -> None:
    """Lets readers and the writer of a SQLite file not wait for each other."""
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(parsed.database or "")) as connection:
            write_ahead(connection, patience=_PATIENCE)


def _route_logs() -> None:
    """Sends DBOS's log lines where ours go; with a handler of its own it would write to the console."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """Turns a database's errors into ours, without statements and values."""
    from dbos import error as dbos_error
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise ControlPlaneUnavailable(f"the queue's database does not answer: {said}") from error
    except dbos_error.DBOSException as error:
        raise ControlPlaneUnavailable(f"the queue cannot be used: {error}") from error
