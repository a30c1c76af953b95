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
_AS_IT_IS = frozenset(
    {
        Kind.BOOLEAN,
        Kind.SMALLINT,
        Kind.INTEGER,
        Kind.BIGINT,
        Kind.REAL,
        Kind.DOUBLE,
        Kind.BYTES,
        Kind.DATE,
        Kind.TIMESTAMP,
        Kind.TIMESTAMPTZ,
    }
)
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
# The driver counts from 1970 where PostgreSQL counts from 2000, and lets what is past the last number begin again from
# the first: infinity and minus infinity come as the second numbers below; so do years that the bench has not.
_DAY = """case when {x} >= date '4714-11-24 (BC)' then {x} when {x} is not null then cast(
    case {x} - date '1970-01-01' when -2147472692 then 'infinity' when -2147472691 then '-infinity'
        else 'a later year' end as date) end"""
_MOMENT = """case when {x} >= cast('4714-11-24 (BC) 00:00:00+00' as {type}) and {x} < cast('infinity' as {type})
    then {x} when {x} is not null then cast(case epoch_us({x}) when -9222425352054775809 then 'infinity'
        when -9222425352054775808 then '-infinity' else 'a later year' end as {type}) end"""
_DATED = {Kind.DATE: _DAY, Kind.TIMESTAMP: _MOMENT, Kind.TIMESTAMPTZ: _MOMENT}
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
    if dated := _DATED.get(column.type.kind):
        return dated.format(x=x, type=_bench_type(column))
    return f"cast({x} as {_bench_type(column)})"


def _bench_type(column: ComparedColumn) -> str:
    if column.type.kind is Kind.NUMERIC:
        return f"decimal({column.type.precision}, {column.type.scale})"
    if is_interval(column):
        return "interval"
    return _BENCH_TYPES.get(column.type.kind, "varchar")
