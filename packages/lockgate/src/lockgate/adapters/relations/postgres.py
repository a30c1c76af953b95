"""Tables and views of PostgreSQL databases as sides of a comparison, read in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

import pyarrow as pa

from lockgate.adapters.warehouses.postgres.bulk import Bulk, bulk_session
from lockgate.adapters.warehouses.postgres.catalog import logical_type, unique_keys
from lockgate.adapters.warehouses.postgres.failures import translated_midway, translation
from lockgate.adapters.warehouses.postgres.sessions import SETTINGS, Sessions
from lockgate.core.comparison import ComparedColumn
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.core.sql import table
from lockgate.errors import UnknownName

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.postgres.sessions import Connection

BATCH_BYTES = 16 * 1024 * 1024
# Hashing a row costs far more than handing its hash to another process, so it pays to share it out early.
_PARALLEL = {"parallel_setup_cost": "10", "parallel_tuple_cost": "0.001"}
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), u.typname, u.typcategory, u.modifier
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    WITH RECURSIVE below AS (
        SELECT t.typname, t.typcategory, t.typbasetype, COALESCE(NULLIF(t.typtypmod, -1), a.atttypmod) AS modifier
        FROM pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.typname, t.typcategory, t.typbasetype, COALESCE(NULLIF(t.typtypmod, -1), b.modifier)
        FROM below b JOIN pg_type t ON t.oid = b.typbasetype
    )
    SELECT typname, typcategory, modifier FROM below WHERE typbasetype = 0
) AS u
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
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

    def query(self, sql: str) -> pa.Table:
        """See `lockgate.core.ports.QueryEngine.query`."""
        with _translated():
            return self._bulk.read(sql)

    @contextmanager
    def stream(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """See `lockgate.core.ports.QueryEngine.stream`."""
        with _translated(), translated_midway(), self._bulk.reader(sql, batch_bytes=BATCH_BYTES) as reader:
            yield reader


@contextmanager
def opened_postgres(url: str) -> Iterator[tuple[PostgresEngine, Sessions]]:
    """A session that sees the database as it is now until it is closed, and sessions to look into its catalog."""
    sessions = Sessions(url, settings={**SETTINGS, **_PARALLEL, "default_transaction_read_only": "on"})
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
    rows = connection.execute(_COLUMNS, {"schema": relation.schema, "name": relation.name}).fetchall()
    return tuple(ComparedColumn(name, logical_type(*type_), native) for name, native, *type_ in rows)


def _unknown(connection: Connection, relation: Relation) -> UnknownName:
    tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
    near = get_close_matches(str(relation), tables, n=1)
    told = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(tables[:20]) or 'none'}"
    return UnknownName(f"the database has no table {relation}{told}", name=str(relation))


@contextmanager
def _translated() -> Iterator[None]:
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        raise translation(error) from error
