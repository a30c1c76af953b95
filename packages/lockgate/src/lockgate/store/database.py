"""The control plane's database: SQLite in a file or PostgreSQL, with short transactions and errors of our own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from lockgate.core.deadline import NO_ANSWER, remaining_seconds, timely, whole_seconds, within
from lockgate.core.write_ahead import write_ahead
from lockgate.errors import (
    AccessRefused,
    ControlPlaneUnavailable,
    DiskFull,
    ExtraMissing,
    LockgateError,
    StatementFailed,
    TargetBusy,
    UnknownName,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

BUSY_SECONDS = 30
STOPPED_SECONDS = 4
# A transaction is short: one that has not ended after this will not, whatever the server's kernel still acknowledges.
ANSWER_SECONDS = 40.0
CONNECT_SECONDS = 10
# A server that is gone without a word is given up by the network after half a minute.
_NETWORK = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
READING = "lockgate_reading"
_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
# SQLite says "disk I/O error" where the file that its processes share has no room to grow.
_DISK_FULL = ("database or disk is full", "No space left on device", "disk I/O error")
_DISK_FULL_STATE = "53100"
# A transaction that may only read, and a right that was not granted.
_READ_ONLY_STATES = {"25006", "42501"}


class Database:
    """Gives out transactions. A writing one excludes other writers from its start, so nothing read in it goes stale."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine`, made by `open_database`."""
        self._engine = engine

    @contextmanager
    def writing(self, *, is_long: bool = False) -> Iterator[Connection]:
        """One transaction, committed at the end or not at all; unless it `is_long`, it has to end in 40 s.

        Raises:
            ControlPlaneUnavailable: the database does not answer in time, or others kept it for 30 s.
            TargetBusy: another process wrote the same thing at the same time.
            DiskFull: nothing was written.
            AccessRefused: it may not be written.
        """
        bound = nullcontext() if is_long else within(ANSWER_SECONDS)
        with _errors_mapped(), bound, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads, and does not wait for writers.

        Raises:
            ControlPlaneUnavailable: the database does not answer in time.
        """
        with _errors_mapped(), within(ANSWER_SECONDS), self._engine.connect() as connection:
            yield connection.execution_options(**{READING: True})

    def close(self) -> None:
        """Gives connections back; the database can be used again."""
        self._engine.dispose()


def now_of(connection: Connection) -> datetime:
    """The time by the database's clock, which no process can have wrong; that of SQLite is the machine's."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what is done where the row is there already, in the words of the connection's database."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def open_database(address: str) -> Database:
    """The database at `sqlite:///path` or `postgresql://…`; a SQLite file and its folder are made where missing.

    Raises:
        UnknownName: the address is of neither kind.
        ExtraMissing: the driver is not installed.
        ControlPlaneUnavailable: it cannot be opened.
    """
    url = _url(address)
    try:
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgres(url)
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"the control plane needs the package {error.name!r}, which is not installed") from error
    return Database(engine)


def _url(address: str) -> URL:
    """The address with the driver that serves it."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = URL.create("none")
    if url.drivername in _POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise UnknownName(
        "the control plane's address is neither sqlite:///path nor postgresql://…", hint="Mend LOCKGATE_CONTROL_URL."
    )


def _postgres(url: URL) -> Engine:
    """An engine over PostgreSQL that notices connections that died, and waits for an answer until the call's deadline.

    A process that stops in the middle of a transaction loses it soon, so that nobody waits for it.
    """
    engine = create_engine(
        url,
        pool_size=2,
        pool_timeout=STOPPED_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=dict(_NETWORK),
    )
    event.listen(engine, "do_connect", _connected)
    event.listen(engine, "connect", _limit)
    return engine


def _sqlite(url: URL) -> Engine:
    """An engine over a SQLite file in write-ahead mode: readers and the one writer do not wait for each other."""
    path = Path(url.database or "")
    if path.exists() and not os.access(path.parent, os.W_OK):
        return _read_only(url, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # as the files that SQLite puts beside it: what people did is its owner's alone
    except OSError as error:
        raise ControlPlaneUnavailable(f"the control plane's file cannot be made: {error.strerror}") from error
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "do_connect", _be_patient)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _read_only(url: URL, path: Path) -> Engine:
    """An engine over a SQLite file in a folder that cannot be written, where SQLite cannot note that it reads."""
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    words = {"mode": "ro", "uri": "true", **({"immutable": "1"} if is_at_rest else {})}
    opened = url.set(database=f"file:{quote(str(path.absolute()))}", query=words)
    engine = create_engine(opened, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "do_connect", _be_patient)
    event.listen(engine, "connect", _leave_begin_to_us)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN DEFERRED"))
    return engine


def _leave_begin_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _be_patient(_dialect: object, _record: object, _given: object, named: dict[str, Any]) -> None:
    """Bounds how long a new SQLite connection waits for others."""
    named["timeout"] = _patience()


def _connected(_dialect: object, _record: object, given: Any, named: dict[str, Any]) -> Any:
    """A new PostgreSQL session, which waits for its server until the deadline of whoever uses it."""
    import psycopg

    if remaining_seconds() == 0:
        raise psycopg.OperationalError(NO_ANSWER)
    return _kind().connect(*given, **{"connect_timeout": whole_seconds(at_most=CONNECT_SECONDS), **named})


@cache
def _kind() -> Any:
    import psycopg

    return timely(psycopg.Connection, psycopg.OperationalError)


def _limit(connection: Any, _record: object) -> None:
    """Bounds how long a new PostgreSQL session waits for others, and keeps them waiting."""
    connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{STOPPED_SECONDS}s'")
    connection.commit()


def _set_up(connection: Any, _record: object) -> None:
    """Makes a new SQLite connection ours."""
    connection.isolation_level = None  # transactions begin where `_begin` says
    write_ahead(connection, patience=_patience())
    connection.execute("PRAGMA foreign_keys = ON").close()


def _patience() -> float:
    """How many seconds others are waited for: as the call's deadline says, where it has one."""
    remaining = remaining_seconds()
    return BUSY_SECONDS if remaining is None else min(BUSY_SECONDS, remaining)


def _begin(connection: Connection) -> None:
    """Begins a transaction; one that writes takes the lock at once, so that it waits instead of failing half-way."""
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """Turns the drivers' errors into ours, without statements and values."""
    try:
        yield
    except DBAPIError as error:
        raise _mapped(error) from error
    except PoolTimeout as error:
        raise ControlPlaneUnavailable("the control plane does not answer: every connection waits for it") from error


def _mapped(error: DBAPIError) -> LockgateError:
    """Our error for one of a driver's."""
    said = " ".join(str(error.orig).split())
    if isinstance(error, IntegrityError):
        return TargetBusy("another process wrote the same to the control plane at the same time")
    if any(words in said for words in _DISK_FULL) or getattr(error.orig, "sqlstate", None) == _DISK_FULL_STATE:
        return DiskFull(f"there is no room left for the control plane, or its disk fails: {said}; nothing was written")
    if "readonly database" in said or getattr(error.orig, "sqlstate", None) in _READ_ONLY_STATES:
        return AccessRefused(f"the control plane cannot be written: {said}", hint="Change the rights on it.")
    if isinstance(error, DataError):
        return StatementFailed(f"the control plane does not take a value: {said}", hint="Change what is to be stored.")
    return ControlPlaneUnavailable(f"the control plane does not answer: {said}")
