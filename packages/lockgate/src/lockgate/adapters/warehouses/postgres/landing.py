"""The raw side of a PostgreSQL target: logs, their views up to the pin, the ledger of loads, quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.postgres.catalog import column_sql, columns_of
from lockgate.adapters.warehouses.postgres.patience import patiently
from lockgate.adapters.warehouses.postgres.sessions import (
    Connection,
    Sessions,
    composed,
    identifier,
    lock_key,
    relation_name,
    statement,
)
from lockgate.core.load import Landed, Landing, LoadMode, Pin, Pruned, Quarantined
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, log_of
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ContractBroken, SourceInconsistent

if TYPE_CHECKING:
    from psycopg import sql

    from lockgate.adapters.warehouses.postgres.bulk import Bulk
    from lockgate.core.ports import Clock

QUARANTINE = Relation("lockgate", "quarantine")
_BIGINT, _TEXT = ColumnType(Kind.BIGINT), ColumnType(Kind.TEXT)
_SYSTEM = (Column(LOAD_ID_COLUMN, _BIGINT), Column(POSITION_COLUMN, _BIGINT))
_REJECTS = (*_SYSTEM, *(Column(name, _TEXT) for name in ("column", "reason", "record")))


class PostgresLandings:
    """Lands loads in plain tables, one a stream, by one COPY in the transaction that records the load."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        """Take the sessions of the role that owns what is landed, and the clock that tells when."""
        self._sessions = sessions
        self._clock = clock

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        from lockgate.adapters.warehouses.postgres.bulk import bulk_session

        with self._sessions.session() as connection:
            columns = _prepare_log(connection, landing)
            with bulk_session(self._sessions.conninfo()) as bulk:
                if _claim(bulk, landing, self._clock()):
                    _copy(bulk, landing, columns)
                    bulk.commit()
                    _refresh_statistics(connection, log_of(landing.relation))
        return next(load for load in self.landed(landing.relation) if load.load_id == landing.load_id)

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        names = {"schema": relation.schema, "stream": relation.name}
        with self._sessions.session() as connection:
            rows = connection.execute(statement("landed"), names).fetchall()
        return tuple(Landed(load_id, relation, LoadMode(mode), *counts) for load_id, mode, *counts in rows)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`. PostgreSQL's own vacuum makes the space free for new rows."""
        from psycopg import sql

        names = {"schema": relation.schema, "stream": relation.name, "before": before}
        words = {name: sql.Literal(value) for name, value in names.items()}
        log = log_of(relation)
        with self._sessions.session() as connection, connection.transaction():
            if not columns_of(connection, log):
                return Pruned(relation, 0, 0, 0, 0)
            row = connection.execute(composed("prunable", log=relation_name(log), **words)).fetchone()
            if not dry_run:
                connection.execute(composed("prune", log=relation_name(log), **words))
        return Pruned(relation, *(row or (0, 0, 0, 0)))

    def move_pins(self, pins: Sequence[Pin]) -> None:
        """See `lockgate.core.ports.Landings.move_pins`."""
        rows = [
            {
                "schema": pin.relation.schema,
                "stream": pin.relation.name,
                "first_load": pin.first_load,
                "last_load": pin.last_load,
            }
            for pin in sorted(pins, key=lambda pin: pin.relation)
        ]
        with self._sessions.session() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(statement("move_pin"), rows)

    def pins(self) -> tuple[Pin, ...]:
        """See `lockgate.core.ports.Landings.pins`."""
        with self._sessions.session() as connection:
            rows = connection.execute(statement("pins")).fetchall()
        return tuple(Pin(Relation(schema, stream), first, last) for schema, stream, first, last in rows)

    def raw_state(self) -> str:
        """See `lockgate.core.ports.Landings.raw_state`."""
        with self._sessions.session() as connection:
            row = connection.execute(statement("raw_state")).fetchone()
        return str(row[0]) if row else ""

    def quarantined(self, relation: Relation, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """See `lockgate.core.ports.Landings.quarantined`."""
        names = {"schema": relation.schema, "stream": relation.name, "limit": limit}
        with self._sessions.session() as connection:
            rows = connection.execute(statement("quarantined"), names).fetchall()
        return tuple(Quarantined(relation, *row) for row in rows)


def _prepare_log(connection: Connection, landing: Landing) -> tuple[Column, ...]:
    """Makes the log hold the landing's columns and its view show them; returns the log's types of those columns."""
    log = log_of(landing.relation)
    present = {column.name: column for column in columns_of(connection, log)}
    for column in landing.columns:
        if column.name in present and not present[column.name].type.holds(column.type):
            raise ContractBroken(
                f"{landing.relation}: column {column.name!r} is {column.type} in this load, "
                f"and {present[column.name].type} in those before",
                column=column.name,
            )
    missing = [column for column in landing.columns if column.name not in present]
    if missing or not present or not columns_of(connection, landing.relation):
        patiently(connection, [log], lambda: _extend(connection, landing))
        return _prepare_log(connection, landing)
    return tuple(present[column.name] for column in landing.columns)


def _extend(connection: Connection, landing: Landing) -> None:
    """Creates what is missing; two landings of a stream take turns, and the second one finds it done."""
    from psycopg import sql

    log, view = log_of(landing.relation), landing.relation
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key(f"log {log}"),))
    for schema in (log.schema, view.schema):
        create_schema(connection, schema)
    connection.execute(composed("create_log", log=relation_name(log)))
    connection.execute(composed("index_log", index=_index_name(log), log=relation_name(log)))
    present = {column.name for column in columns_of(connection, log)}
    for column in landing.columns:
        if column.name not in present:
            words = {
                "log": relation_name(log),
                "column": identifier(column.name),
                "type": sql.SQL(column_sql(column.type)),
            }
            connection.execute(sql.SQL("ALTER TABLE {log} ADD COLUMN {column} {type}").format(**words))
    connection.execute(_raw_view(view, columns_of(connection, log)))


def _raw_view(view: Relation, columns: tuple[Column, ...]) -> sql.Composed:
    from psycopg import sql

    return composed(
        "create_raw_view",
        view=relation_name(view),
        columns=sql.SQL(", ").join(identifier(column.name) for column in columns),
        log=relation_name(log_of(view)),
        schema=sql.Literal(view.schema),
        stream=sql.Literal(view.name),
    )


def _index_name(log: Relation) -> sql.Identifier:
    return identifier(f"loads_{lock_key(str(log)) & 0xFFFFFFFFFFFF:012x}")


def create_schema(connection: Connection, schema: str) -> None:
    """Creates a schema where it is missing; where it is there, no right to create any is asked for."""
    from psycopg import sql

    found = connection.execute(statement("schema_exists"), {"schema": schema}).fetchone()
    if found and not found[0]:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(identifier(schema)))


def _claim(bulk: Bulk, landing: Landing, now: datetime) -> bool:
    """Records the load in this transaction, waiting for one that is landing it now; False where it is recorded."""
    from psycopg import sql

    words = {
        "schema": landing.relation.schema,
        "stream": landing.relation.name,
        "load_id": landing.load_id,
        "mode": landing.mode.value,
        "rows": landing.rows,
        "rejected": landing.rejected,
        "cursor_until": landing.cursor_until,
        "manifest": landing.manifest,
        "landed_at": now,
    }
    claim = composed("claim_load", **{name: sql.Literal(value) for name, value in words.items()})
    return len(bulk.read(claim.as_string())) == 1


def _copy(bulk: Bulk, landing: Landing, columns: tuple[Column, ...]) -> None:
    from lockgate.adapters.warehouses.postgres.bulk import parquet_rows

    relation = landing.relation
    rows = rejected = 0
    if landing.files:
        with parquet_rows(landing.files, (*_SYSTEM, *columns)) as reader:
            rows = bulk.copy_in(log_of(relation), reader)
    if landing.rejects:
        with parquet_rows(landing.rejects, _REJECTS, schema=relation.schema, stream=relation.name) as reader:
            rejected = bulk.copy_in(QUARANTINE, reader)
    if (rows, rejected) != (landing.rows, landing.rejected):
        raise SourceInconsistent(
            f"load {landing.load_id} of {relation} was staged with {landing.rows} rows and {landing.rejected} rejects, "
            f"its files hold {rows} and {rejected}"
        )


def _refresh_statistics(connection: Connection, log: Relation) -> None:
    """Tells the planner of the new rows at once, by a small sample; PostgreSQL takes its usual one later by itself."""
    from psycopg import sql

    with connection.transaction():
        connection.execute("SET LOCAL default_statistics_target = 10")
        connection.execute(sql.SQL("ANALYZE {}").format(relation_name(log)))
