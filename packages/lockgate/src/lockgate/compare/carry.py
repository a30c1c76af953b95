"""How values travel from a database into the bench: as its driver has them, or as text that the bench reads.

A number that no decimal type of the bench holds stays text there, and is compared digit by digit.
"""

from __future__ import annotations

from dataclasses import replace

from lockgate.compare.encoding import interval_text
from lockgate.compare.forms import POSTGRES_JSON, is_interval
from lockgate.core.comparison import ComparedColumn
from lockgate.core.types import ColumnType, Kind

# What PostgreSQL's binary format brings as it is; the rest comes as the text that PostgreSQL prints.
_AS_IT_IS = frozenset({Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.REAL, Kind.DOUBLE, Kind.BYTES})
_BENCH_TYPES = {
    Kind.SMALLINT: "smallint",
    Kind.INTEGER: "integer",
    Kind.BIGINT: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.REAL: "float",
    Kind.DOUBLE: "double",
    Kind.BYTES: "blob",
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.JSON: "json",
}
_DATED = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
# PostgreSQL writes BC at the end of a time, DuckDB behind the date.
_BEFORE_CHRIST = (
    "case when ends_with({x}, ' BC') then regexp_replace({x}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2') else {x} end"
)
BENCH = "duckdb"


def carried(column: ComparedColumn, dialect: str) -> ComparedColumn:
    """The column as the bench has it once its values are there."""
    if dialect == BENCH:
        return column
    if column.type == ColumnType(Kind.NUMERIC):
        return replace(column, native="number", is_written=True)
    return replace(column, native=POSTGRES_JSON if column.type.kind is Kind.JSON else _bench_type(column))


def sent(column: ComparedColumn, x: str, dialect: str) -> str:
    """SQL, in the database that has the column, for what is sent of it."""
    if dialect == BENCH or column.type.kind in _AS_IT_IS:
        return x
    if is_interval(column):
        return interval_text(x)
    return f"cast(to_jsonb({x}) as text)" if column.type.kind is Kind.JSON else f"cast({x} as text)"


def received(column: ComparedColumn, x: str, dialect: str) -> str:
    """SQL, in the bench, for a value as it came."""
    if dialect == BENCH or carried(column, dialect).is_written:
        return x
    if column.type.kind in _DATED:
        x = _BEFORE_CHRIST.format(x=x)
    return f"cast({x} as {_bench_type(column)})"


def _bench_type(column: ComparedColumn) -> str:
    if column.type.kind is Kind.NUMERIC:
        return f"decimal({column.type.precision}, {column.type.scale})"
    if is_interval(column):
        return "interval"
    return _BENCH_TYPES.get(column.type.kind, "varchar")
