"""The few pieces of SQL that several rooms build, as sqlglot trees.

sqlglot is imported where a tree is built: rooms that build one now and then do not wait for it before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.core.bucket import BUCKETS, LAST_BUCKET
from lockgate.core.relation import Relation
from lockgate.core.types import ColumnType, Kind, digits

if TYPE_CHECKING:
    from sqlglot import exp

_BUCKET = {
    "bigquery": "mod(cast(concat('0x', substr(to_hex(md5({text})), 1, 8)) as int64), {buckets})",
    "postgres": "mod(cast(cast('x' || substring(md5({text}) from 1 for 8) as bit(32)) as bigint), {buckets})",
    "spark": "cast(conv(substring(md5({text}), 1, 8), 16, 10) as bigint) % {buckets}",
    "duckdb": "cast('0x' || substring(md5({text}), 1, 8) as bigint) % {buckets}",
}
# Kinds that sqlglot calls otherwise; on Spark TIMESTAMP has a zone, and TIMESTAMP_NTZ has none.
_SQL_NAMES = {Kind.INTEGER: "INT", Kind.NUMERIC: "DECIMAL", Kind.REAL: "FLOAT", Kind.BYTES: "VARBINARY"}
_SQL_NAMES |= {Kind.TIMESTAMP: "TIMESTAMPNTZ"}

_NUMERIC_WHOLE, _NUMERIC_SCALE = 29, 9


def column(name: str) -> exp.Column:
    """A column by its quoted name."""
    from sqlglot import exp

    return exp.column(exp.to_identifier(name, quoted=True))


def table(relation: Relation) -> exp.Table:
    """A relation by its quoted names."""
    from sqlglot import exp

    return exp.table_(exp.to_identifier(relation.name, quoted=True), db=exp.to_identifier(relation.schema, quoted=True))


def sql_type(type_: ColumnType) -> exp.DataType:
    """A logical type as SQL's; sqlglot spells it in each dialect. Numeric without precision gets core's default."""
    from sqlglot import exp

    kind = exp.DataType.Type[_SQL_NAMES.get(type_.kind, type_.kind.name)]
    parameters = digits(type_) if type_.kind is Kind.NUMERIC else ()
    size = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in parameters]
    return exp.DataType(this=kind, expressions=size)


def is_bignumeric(precision: int, scale: int) -> bool:
    """Whether BigQuery keeps a decimal as BIGNUMERIC: NUMERIC has 29 digits before the point there, and 9 behind it."""
    return scale > _NUMERIC_SCALE or precision - scale > _NUMERIC_WHOLE


def bucket_expression(key: tuple[str, ...], dialect: str) -> exp.Expr:
    """The bucket of `lockgate.core.bucket` for key columns that already have their contract's types.

    The last bucket where one is NULL. Dates must render as YYYY-MM-DD (ISO DateStyle) when cast to text.

    Raises:
        KeyError: the dialect is none of `bigquery`, `duckdb`, `postgres` and `spark`.
    """
    from sqlglot import parse_one

    part = "cast(length(cast({0} as text)) as text) || ':' || cast({0} as text)"
    text = " || ".join(part.format(column(name).sql(dialect)) for name in key)
    bucket = _BUCKET[dialect].format(text=text, buckets=BUCKETS)
    return parse_one(f"coalesce({bucket}, {LAST_BUCKET})", dialect=dialect)
