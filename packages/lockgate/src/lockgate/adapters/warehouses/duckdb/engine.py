"""DuckDB connections of this process, with the settings that results depend on pinned, and types by DuckDB's names."""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.failures import translated
from lockgate.adapters.warehouses.duckdb.names import relation_name
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from sqlglot import exp

_instances: dict[int, DuckDBPyConnection] = {}
_guard = Lock()
_TYPES = {
    "BOOLEAN": Kind.BOOLEAN,
    "TINYINT": Kind.SMALLINT,
    "UTINYINT": Kind.SMALLINT,
    "SMALLINT": Kind.SMALLINT,
    "USMALLINT": Kind.INTEGER,
    "INTEGER": Kind.INTEGER,
    "UINTEGER": Kind.BIGINT,
    "BIGINT": Kind.BIGINT,
    "FLOAT": Kind.REAL,
    "DOUBLE": Kind.DOUBLE,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "TIMESTAMP": Kind.TIMESTAMP,
    "TIMESTAMP_S": Kind.TIMESTAMP,
    "TIMESTAMP_MS": Kind.TIMESTAMP,
    "TIMESTAMP_NS": Kind.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": Kind.TIMESTAMPTZ,
    "UUID": Kind.UUID,
    "JSON": Kind.JSON,
    "BLOB": Kind.BYTES,
}
_WIDE = {"UBIGINT": 20, "HUGEINT": 38, "UHUGEINT": 38}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_NESTED = re.compile(r"(STRUCT|MAP|UNION)\b|.*\]$", flags=re.DOTALL)


@contextmanager
def engine(database: Path | None = None, *, read_only: bool = False) -> Iterator[DuckDBPyConnection]:
    """A connection in memory, or to a database file, with UTC as its zone; closed at the end.

    Raises:
        TargetBusy: another process writes to the file.
    """
    import duckdb

    with translated(), duckdb.connect(str(database or ":memory:"), read_only=read_only) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@contextmanager
def attached(database: Path, *, read_only: bool = False) -> Iterator[DuckDBPyConnection]:
    """A connection whose default database is a file, as it is now; what was changed is in the file at the end.

    It is one of an instance that this process keeps: starting one costs 25 ms, attaching a file to it two. Attached
    under a name of its own, a file that took another's place is not taken for the one before.

    Raises:
        TargetBusy: another process writes to the file.
    """
    name = f"file_{secrets.token_hex(8)}"
    with translated(), _instance().cursor() as connection:
        connection.execute(f"ATTACH ? AS {name}{' (READ_ONLY)' if read_only else ''}", [str(database)])
        try:
            connection.execute(f"USE {name}")
            yield connection
            if not read_only:
                connection.execute(f"CHECKPOINT {name}")
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {name}")


@contextmanager
def in_transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commits at the end what was done meanwhile; on an error, takes it back."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _instance() -> DuckDBPyConnection:
    """The instance in memory of this process: a forked one must not touch its parent's, whose threads it lacks."""
    import duckdb

    with _guard:
        if os.getpid() not in _instances:
            _instances[os.getpid()] = duckdb.connect()
            _instances[os.getpid()].execute("SET GLOBAL TimeZone = 'UTC'")
        return _instances[os.getpid()]


def parquet(files: Sequence[Path], **options: bool) -> exp.Expr:
    """Parquet files as a table function; names are taken literally."""
    from sqlglot import exp

    names = exp.array(*[exp.Literal.string(glob.escape(str(file))) for file in files])
    settings = [exp.EQ(this=exp.column(name), expression=exp.convert(value)) for name, value in options.items()]
    return exp.func("read_parquet", names, *settings, dialect="duckdb")


def columns_of(connection: DuckDBPyConnection, relation: Relation) -> tuple[Column, ...]:
    """The columns of a relation, in order; empty where there is none."""
    import duckdb

    try:
        rows = connection.sql(f"DESCRIBE {relation_name(relation)}").fetchall()
    except duckdb.CatalogException:
        return ()
    return tuple(Column(name, logical_type(type_)) for name, type_, *_ in rows)


def logical_type(name: str) -> ColumnType:
    """The logical type behind DuckDB's name for a type; what has none of its own is text."""
    if match := _DECIMAL.fullmatch(name):
        return ColumnType(Kind.NUMERIC, int(match[1]), int(match[2]))
    if name in _WIDE:
        return ColumnType(Kind.NUMERIC, _WIDE[name], 0)
    return ColumnType(Kind.JSON if _NESTED.match(name) else _TYPES.get(name, Kind.TEXT))
