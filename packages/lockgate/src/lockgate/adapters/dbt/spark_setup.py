"""A Spark for dbt-spark's session method: made before dbt asks for one, and asked afterwards what dbt has built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.wire import Message
from lockgate.core.execution import WorkshopAccess

SESSION = "session"


def session_of(access: WorkshopAccess) -> Message | None:
    """What the process of an invocation makes a Spark of; None where it needs none of its own."""
    if access.kind != "spark" or access.parameters.get("method", SESSION) != SESSION:
        return None
    names = ("folder", "master", "conf", "java_home")
    return {"schema": access.schema, **{name: access.parameters[name] for name in names if name in access.parameters}}


@contextmanager
def spark(session: Message | None) -> Iterator[Callable[[], None]]:
    """A Spark with the workshop's tables while the block runs; what was built in it is kept by the call that is given.

    Raises:
        CapabilityMissing: there is no Java.
    """
    if session is None:
        yield lambda: None
        return
    from lockgate.adapters.warehouses.spark.building import Building

    _keep_settings()
    building = Building(Path(session["folder"]), session["schema"], session["master"], session["conf"])
    yield building.keep


def _keep_settings() -> None:
    """Lets no statement of dbt-spark change the session: it turns ANSI off, so that a cast that fails would be NULL."""
    session: Any = import_module("dbt.adapters.spark.session")
    cursor = _cursor(session.Cursor)
    session.Connection.cursor = lambda _: cursor()


def _cursor(theirs: type[Any]) -> type[Any]:
    """A cursor whose every failure dbt takes for one of the database, and tells with the model's name."""

    class Cursor(theirs):  # type: ignore[misc]
        """One statement at a time."""

        def execute(self, sql: str, *parameters: object) -> None:
            with _told():
                super().execute(sql, *parameters)

        def fetchall(self) -> Any:
            with _told():
                return super().fetchall()

        def fetchone(self) -> Any:
            with _told():
                return super().fetchone()

    return Cursor


@contextmanager
def _told() -> Iterator[None]:
    from dbt_common.exceptions import DbtDatabaseError
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise DbtDatabaseError(str(error)) from error
