"""Tables and views of PostgreSQL databases as sides of a comparison, read in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from lockgate.adapters.warehouses.postgres.bulk import Bulk, bulk_session
from lockgate.adapters.warehouses.postgres.catalog import logical_type, unique_keys
from lockgate.adapters.warehouses.postgres.failures import translated_midway, translation
from lockgate.adapters.warehouses.postgres.sessions import SETTINGS, Sessions, statement
from lockgate.core.comparison import ComparedColumn
from lockgate.core.nearness import did_you_mean_or_known
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.core.sql import table
from lockgate.errors import UnknownName

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.postgres.sessions import Connection

BATCH_BYTES = 16 * 1024 * 1024
# Hashing a row costs far more than handing its hash to another process, so it pays to share it out early.
_PARALLEL = {"parallel_setup_cost": "10", "parallel_tuple_cost": "0.001"}
# What a join may keep in memory before it writes to the server's disk; 4 MB is the default.
_MEMORY = {"work_mem": "64MB"}
# Rows as they are stored take longer to hand over to another process than to read.
_WORKERS = "SET LOCAL max_parallel_workers_per_gather TO {many}"
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TABLES = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1
"""


class PostgresEngine:
    """See `lockgate.core.ports.QueryEngine`: one session, which only reads."""

    dialect = "postgres"

    def __init__(self, bulk: Bulk) -> None:
        """Read in an open session."""
        self._bulk = bulk
        self._is_alone = False

    def query(self, sql: str) -> pa.Table:
        """See `lockgate.core.ports.QueryEngine.query`."""
        with _translated():
            self._work(is_alone=False)
            return self._bulk.read(sql)

    @contextmanager
    def stream(self, sql: str, *, is_plain: bool = False) -> Iterator[pa.RecordBatchReader]:
        """See `lockgate.core.ports.QueryEngine.stream`."""
        with _translated(), translated_midway():
            self._work(is_alone=is_plain)
            with self._bulk.reader(sql, batch_bytes=BATCH_BYTES) as reader:
                yield reader

    def _work(self, *, is_alone: bool) -> None:
        """Lets the server answer what comes next in one process, or in as many as it likes."""
        if is_alone != self._is_alone:
            self._bulk.run(_WORKERS.format(many=0 if is_alone else "DEFAULT"))
            self._is_alone = is_alone


@contextmanager
def opened_postgres(url: str) -> Iterator[tuple[PostgresEngine, Sessions]]:
    """A session that sees the database as it is now until it is closed, and sessions to look into its catalog."""
    sessions = Sessions(url, settings={**SETTINGS, **_PARALLEL, **_MEMORY, "default_transaction_read_only": "on"})
    try:
        with bulk_session(sessions.conninfo()) as bulk:
            bulk.run(_SNAPSHOT)
            yield PostgresEngine(bulk), sessions
    finally:
        sessions.close()


def postgres_side(engine: PostgresEngine, sessions: Sessions, name: str, relation: Relation) -> Side:
    """A table or view.

    Raises:
        UnknownName: there is none of that name.
    """
    with sessions.session() as connection:
        columns = _columns(connection, relation)
        if not columns:
            raise _unknown(connection, relation)
        unique = unique_keys(connection, relation)
    return Side(name, engine, table(relation).sql("postgres"), columns, unique)


def _columns(connection: Connection, relation: Relation) -> tuple[ComparedColumn, ...]:
    rows = connection.execute(statement("columns"), {"schema": relation.schema, "name": relation.name}).fetchall()
    return tuple(ComparedColumn(name, logical_type(*type_), native) for name, native, *type_ in rows)


def _unknown(connection: Connection, relation: Relation) -> UnknownName:
    tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
    told = did_you_mean_or_known(str(relation), tables)
    return UnknownName(f"the database has no table {relation}; {told}", name=str(relation))


@contextmanager
def _translated() -> Iterator[None]:
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        raise translation(error) from error
