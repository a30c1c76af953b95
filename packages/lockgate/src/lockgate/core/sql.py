"""The few pieces of SQL that several rooms build, as sqlglot trees."""

from __future__ import annotations

from sqlglot import exp, parse_one

from lockgate.core.bucket import BUCKETS, LAST_BUCKET
from lockgate.core.relation import Relation
from lockgate.core.types import ColumnType, Kind, digits

_BUCKET = {
    "postgres": "mod(cast(cast('x' || substring(md5({text}) from 1 for 8) as bit(32)) as bigint), {buckets})",
    "duckdb": "cast('0x' || substring(md5({text}), 1, 8) as bigint) % {buckets}",
}
_SQL_KINDS = {
    Kind.TIMESTAMP: exp.DataType.Type.TIMESTAMP,
    Kind.TIMESTAMPTZ: exp.DataType.Type.TIMESTAMPTZ,
    Kind.INTEGER: exp.DataType.Type.INT,
    Kind.NUMERIC: exp.DataType.Type.DECIMAL,
    Kind.REAL: exp.DataType.Type.FLOAT,
    Kind.BYTES: exp.DataType.Type.VARBINARY,
}


def column(name: str) -> exp.Column:
    """A column by its quoted name."""
    return exp.column(exp.to_identifier(name, quoted=True))


def table(relation: Relation) -> exp.Table:
    """A relation by its quoted names."""
    return exp.table_(exp.to_identifier(relation.name, quoted=True), db=exp.to_identifier(relation.schema, quoted=True))


def sql_type(type_: ColumnType) -> exp.DataType:
    """A logical type as SQL's; sqlglot spells it in each dialect. Numeric without precision gets core's default."""
    kind = _SQL_KINDS.get(type_.kind) or exp.DataType.Type[type_.kind.name]
    parameters = digits(type_) if type_.kind is Kind.NUMERIC else ()
    size = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in parameters]
    return exp.DataType(this=kind, expressions=size)


def bucket_expression(key: tuple[str, ...], dialect: str) -> exp.Expr:
    """The bucket of `lockgate.core.bucket` for key columns that already have their contract's types.

    The last bucket where one is NULL. Dates must render as YYYY-MM-DD (ISO DateStyle) when cast to text.

    Raises:
        KeyError: the dialect is neither `duckdb` nor `postgres`.
    """
    part = "cast(length(cast({0} as text)) as text) || ':' || cast({0} as text)"
    text = " || ".join(part.format(column(name).sql(dialect)) for name in key)
    bucket = _BUCKET[dialect].format(text=text, buckets=BUCKETS)
    return parse_one(f"coalesce({bucket}, {LAST_BUCKET})", dialect=dialect)
