"""Queries over tables in memory, by the target's own PostgreSQL, in sessions that reach none of its tables."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lockgate.adapters.records.confined import confined, names_in, short, shortened
from lockgate.adapters.records.postgres_reading import PostgresReading
from lockgate.adapters.warehouses.postgres.catalog import logical_type
from lockgate.adapters.warehouses.postgres.guest import UNLOCK, Guest, Guests, bound, undone
from lockgate.adapters.warehouses.postgres.sessions import Connection, composed, identifier, statement
from lockgate.adapters.warehouses.postgres.wire import ArrayParameter, array_parameter, arrow_table, binary_copy
from lockgate.core.compiled import CompiledQuery, Obstacle
from lockgate.core.deadline import NO_ANSWER, remaining_seconds
from lockgate.core.relation import Column, Relation
from lockgate.errors import StatementFailed, WarehouseUnavailable

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg.pq.abc import PGresult

_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A kept table: what sessions call it, its columns as SQL, and its rows as PostgreSQL's binary COPY writes them."""

    table: str
    columns: str
    rows: bytes


class PostgresMemory:
    """See `lockgate.core.ports.Memory`.

    The guests of a database answer, whom its memories share, each query in a transaction that only reads and is rolled
    back. A temporary table belongs to one session, so what is kept is held here as bytes, and a session takes what a
    query names and it lacks before it answers: queries over kept tables wait for each other no more than others do.
    """

    dialect = "postgres"

    def __init__(self, guests: Guests) -> None:
        """Take the guests; nothing is connected yet."""
        self._guests = guests
        self._kept: dict[str, _Kept] = {}

    def query(self, sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """See `lockgate.core.ports.Memory.query`."""
        with self._asked(sql, tables) as (guest, asked, parameters):
            result = _answer(guest.connection, asked, parameters)
        return arrow_table(result)

    def keep(self, name: str, sql: str, tables: Mapping[str, pa.Table]) -> None:
        """See `lockgate.core.ports.Memory.keep`."""
        name = short(name)
        with self._asked(sql, tables) as (guest, asked, parameters):
            kept = _made(guest.connection, asked, parameters)
            self._guests.keep(kept.table)
            _take(guest, kept)
        if self._kept.setdefault(name, kept) is not kept:
            self._guests.forget([kept.table])
            raise StatementFailed(f"the table {name!r} already exists")

    def columns(self, sql: str, tables: Mapping[str, pa.Table]) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Memory.columns`."""
        with self._asked(sql, tables) as (guest, asked, parameters):
            result = _answer(guest.connection, asked, parameters)
            places = range(result.nfields)
            oids = [result.ftype(place) for place in places]
            rows = guest.connection.execute(statement("types"), {"oids": oids}).fetchall()
        types = {oid: (name, category) for oid, name, category in rows}
        return tuple(
            Column((result.fname(place) or b"").decode(), logical_type(*types[oids[place]], result.fmod(place)))
            for place in places
        )

    def obstacles(
        self, queries: Sequence[CompiledQuery], columns: Mapping[Relation, Sequence[Column]]
    ) -> Mapping[Relation, tuple[Obstacle, ...]]:
        """See `lockgate.core.ports.Memory.obstacles`."""
        with _in_time(), self._guests.one() as guest:
            return PostgresReading(guest.connection).obstacles(queries, columns)

    def close(self) -> None:
        """See `lockgate.core.ports.Memory.close`; the sessions are the warehouse's, which closes them."""
        kept, self._kept = self._kept, {}
        self._guests.forget(one.table for one in kept.values())

    @contextmanager
    def _asked(self, sql: str, tables: Mapping[str, pa.Table]) -> Iterator[tuple[Guest, str, Sequence[ArrayParameter]]]:
        """A session that has what the query needs, the statement to ask it, and its parameters."""
        sql, tables = shortened(sql), {short(name): rows for name, rows in tables.items()}
        kept = {
            name: one for name, one in tuple(self._kept.items()) if name in names_in(sql).tables and name not in tables
        }
        given = tuple((name, rows.schema) for name, rows in tables.items())
        asked = confined(sql, given, tuple((name, one.table) for name, one in kept.items()))
        columns = (pair for rows in tables.values() for pair in zip(rows.column_names, rows.columns, strict=True))
        parameters = [array_parameter(name, values) for name, values in columns]
        with _in_time(), self._guests.one() as guest:
            for one in kept.values():
                if one.table not in guest.tables:
                    _take(guest, one)
            yield guest, asked, parameters


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
    with undone(connection):
        with _collected(failed), connection.pipeline(), _collected(failed):
            connection.execute("BEGIN READ ONLY")
            bound(connection)
            cursor.execute(sql, parameters, binary=True)
            connection.execute("ROLLBACK")
            connection.execute(UNLOCK)
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


def _made(connection: Connection, sql: str, parameters: Sequence[ArrayParameter]) -> _Kept:
    """A query's rows as they are to be kept, in their own types; the query runs as any other does, and only once."""
    from psycopg import RawCursor

    table = f"kept_{secrets.token_hex(8)}"
    begin, end = (composed(part, table=identifier(table)).as_bytes(connection) for part in ("keep", "without_rows"))
    with undone(connection):
        connection.execute("BEGIN READ WRITE")
        bound(connection)
        RawCursor(connection).execute(b"\n".join((begin, sql.encode(), end)), parameters)
        found = connection.execute(statement("kept_columns"), {"name": table}).fetchone()
        connection.execute("ROLLBACK")
    rows = binary_copy(_answer(connection, sql, parameters))
    return _Kept(table, found[0] if found else "", rows)


def _take(guest: Guest, kept: _Kept) -> None:
    """Makes a kept table one of the session's."""
    from psycopg import sql

    connection, table = guest.connection, identifier(kept.table)
    with undone(connection):
        connection.execute("BEGIN READ WRITE")
        bound(connection)
        connection.execute(composed("make_kept", table=table, columns=sql.SQL(kept.columns)))
        with connection.cursor().copy(composed("write_kept", table=table)) as copy:
            copy.write(kept.rows)
        connection.execute(composed("analyze_kept", table=table))
        connection.execute("COMMIT")
    guest.tables.add(kept.table)
