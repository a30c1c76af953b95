"""Queries over tables in memory, by the target's own PostgreSQL, in sessions that reach none of its tables."""

from __future__ import annotations

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, cast

from lockgate.adapters.records.confined import confined
from lockgate.adapters.warehouses.postgres.failures import translated
from lockgate.adapters.warehouses.postgres.guest import guest_connection
from lockgate.adapters.warehouses.postgres.sessions import Connection, Sessions, composed, identifier, statement
from lockgate.adapters.warehouses.postgres.wire import (
    ArrayParameter,
    array_parameter,
    arrow_table,
    binary_copy,
    register,
)
from lockgate.core.deadline import NO_ANSWER, remaining_seconds
from lockgate.errors import StatementFailed, WarehouseUnavailable

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg.pq.abc import PGresult

CONNECTIONS = 4
# The server gives a query up before nobody listens any more: a session that is not left alone need not be replaced.
SERVERS_PART = 0.9
_CANCELED = "57014"
_UNLOCK = "SELECT pg_advisory_unlock_all()"
_TIMEOUT = "SELECT set_config('statement_timeout', %s, true)"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A kept table: its columns as SQL, and its rows as PostgreSQL's binary COPY writes them."""

    name: str
    columns: str
    rows: bytes


@dataclass(slots=True)
class _Session:
    """A connection, and how many of which kept tables it has."""

    connection: Connection
    shelf: list[_Kept]
    has: int = field(default=0)


class PostgresMemory:
    """See `lockgate.core.ports.Memory`.

    A few sessions as the guest role answer, each query in a transaction that only reads and is rolled back. A temporary
    table belongs to one session, so kept tables are held here as bytes, and each session takes those that it lacks
    before it answers: queries over them wait for each other no more than others do. A session that the server ended is
    replaced.
    """

    dialect = "postgres"

    def __init__(self, owner: Sessions, *, connections: int = CONNECTIONS) -> None:
        """Take the sessions of the target's owner, who makes the guest; nothing is connected yet."""
        self._owner = owner
        self._shelf: list[_Kept] = []
        self._idle: list[_Session] = []
        self._guard, self._keeping = Lock(), Lock()
        self._slots = BoundedSemaphore(connections)

    def query(self, sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """See `lockgate.core.ports.Memory.query`.

        Raises:
            WarehouseUnavailable: the target does not answer, or not before the deadline.
        """
        asked, parameters = self._asked(sql, tables)
        with self._session() as session:
            result = _answer(session.connection, asked, parameters)
        return arrow_table(result)

    def keep(self, name: str, sql: str, tables: Mapping[str, pa.Table]) -> None:
        """See `lockgate.core.ports.Memory.keep`.

        Raises:
            WarehouseUnavailable: as for `query`.
        """
        asked, parameters = self._asked(sql, tables)
        with self._keeping, self._session() as session:
            kept = _made(session.connection, name, asked, parameters)
            _take(session.connection, kept)
            session.shelf.append(kept)
            session.has += 1

    def close(self) -> None:
        """Give back the sessions; what was kept is gone."""
        with self._guard:
            idle, self._idle, self._shelf = self._idle, [], []
        for session in idle:
            session.connection.close()

    def _asked(self, sql: str, tables: Mapping[str, pa.Table]) -> tuple[str, list[ArrayParameter]]:
        given = tuple((name, rows.schema) for name, rows in tables.items())
        asked = confined(sql, given, frozenset(kept.name for kept in self._shelf))
        columns = (pair for rows in tables.values() for pair in zip(rows.column_names, rows.columns, strict=True))
        return asked, [array_parameter(name, values) for name, values in columns]

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        """A session that has what is kept, one of so many; an error that leaves it unsure closes it."""
        if not self._slots.acquire(timeout=remaining_seconds()):
            raise WarehouseUnavailable(NO_ANSWER)
        try:
            session = self._taken()
            try:
                with _in_time(), translated():
                    for kept in session.shelf[session.has :]:
                        _take(session.connection, kept)
                        session.has += 1
                    yield session
            finally:
                self._give_back(session)
        finally:
            self._slots.release()

    def _taken(self) -> _Session:
        while True:
            with self._guard:
                session = self._idle.pop() if self._idle else None
                shelf = self._shelf
            if session is None:
                connection = guest_connection(self._owner)
                register(connection)
                return _Session(connection, shelf)
            if not _has_news(session.connection):
                return session
            session.connection.close()

    def _give_back(self, session: _Session) -> None:
        from psycopg.pq import TransactionStatus

        with self._guard:
            idle = session.connection.info.transaction_status is TransactionStatus.IDLE
            if keep := idle and session.shelf is self._shelf:
                self._idle.append(session)
        if not keep:
            session.connection.close()


def _has_news(connection: Connection) -> bool:
    """Whether the server said something unasked: that it ends the session."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _in_time() -> Iterator[None]:
    """Tells of a query that the server gave up at the deadline as of any other that was not answered in time."""
    try:
        yield
    except StatementFailed as error:
        if error.fields.get("sqlstate") == _CANCELED and remaining_seconds() is not None:
            raise WarehouseUnavailable(NO_ANSWER) from error
        raise


def _answer(connection: Connection, sql: str, parameters: Sequence[ArrayParameter]) -> PGresult:
    """The rows of a query, in one exchange with the server."""
    from psycopg import RawCursor

    cursor: RawCursor[Any] = RawCursor(connection)
    failed: list[Exception] = []
    with _undone(connection):
        with _collected(failed), connection.pipeline(), _collected(failed):
            connection.execute("BEGIN READ ONLY")
            _bound(connection)
            cursor.execute(sql, parameters, binary=True)
            connection.execute("ROLLBACK")
            connection.execute(_UNLOCK)
        for first in failed:
            raise first
    return cast("PGresult", cursor.pgresult)


@contextmanager
def _collected(failed: list[Exception]) -> Iterator[None]:
    """Takes failures together: what failed behind the first failed for its sake."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        failed.append(error)


def _made(connection: Connection, name: str, sql: str, parameters: Sequence[ArrayParameter]) -> _Kept:
    """A query's rows as they are to be kept, in their own types; the query runs as any other does."""
    from psycopg import RawCursor

    words = {"table": identifier(name)}
    begin, end = (composed(part, **words).as_bytes(connection) for part in ("keep", "without_rows"))
    with _undone(connection):
        connection.execute("BEGIN READ WRITE")
        _bound(connection)
        RawCursor(connection).execute(b"\n".join((begin, sql.encode(), end)), parameters)
        found = connection.execute(statement("kept_columns"), {"name": name}).fetchone()
        connection.execute("ROLLBACK")
    rows = binary_copy(_answer(connection, sql, parameters))
    return _Kept(name, found[0] if found else "", rows)


def _take(connection: Connection, kept: _Kept) -> None:
    """Makes a kept table one of the session's."""
    from psycopg import sql

    words = {"table": identifier(kept.name)}
    with _undone(connection):
        connection.execute("BEGIN READ WRITE")
        _bound(connection)
        connection.execute(composed("make_kept", **words, columns=sql.SQL(kept.columns)))
        with connection.cursor().copy(composed("write_kept", **words)) as copy:
            copy.write(kept.rows)
        connection.execute(composed("analyze_kept", **words))
        connection.execute("COMMIT")


def _bound(connection: Connection) -> None:
    """Lets the server give up the transaction's statements at the deadline."""
    seconds = remaining_seconds()
    if seconds is not None:
        connection.execute(_TIMEOUT, (f"{max(1, round(seconds * SERVERS_PART * 1000))}ms",))


@contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    """Ends the transaction where a statement of it failed, so that the session can go on."""
    import psycopg

    try:
        yield
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK")
            connection.execute(_UNLOCK)
        raise
