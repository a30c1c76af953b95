"""What PostgreSQL's catalog says of relations, in logical types."""

from __future__ import annotations

from lockgate.adapters.warehouses.postgres.sessions import Connection, statement
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import sql_type
from lockgate.core.types import MAX_PRECISION, ColumnType, Kind

_KINDS = {
    "bool": Kind.BOOLEAN,
    "int2": Kind.SMALLINT,
    "int4": Kind.INTEGER,
    "int8": Kind.BIGINT,
    "oid": Kind.BIGINT,
    "numeric": Kind.NUMERIC,
    "float4": Kind.REAL,
    "float8": Kind.DOUBLE,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
    "uuid": Kind.UUID,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
    "bytea": Kind.BYTES,
}
_NESTED = {"A", "C"}  # pg_type.typcategory of arrays and composites


def columns_of(connection: Connection, relation: Relation) -> tuple[Column, ...]:
    """The columns of a relation, in order; empty where there is none."""
    names = {"schema": relation.schema, "name": relation.name}
    rows = connection.execute(statement("columns"), names).fetchall()
    return tuple(Column(name, logical_type(*type_)) for name, _, *type_ in rows)


def logical_type(name: str, category: str, modifier: int) -> ColumnType:
    """The logical type behind a `pg_type` name, category and modifier; what has none of its own is text."""
    if name == "numeric":
        return numeric_type(modifier)
    return ColumnType(Kind.JSON if category in _NESTED else _KINDS.get(name, Kind.TEXT))


def numeric_type(modifier: int) -> ColumnType:
    """The numeric type that a type modifier packs: precision above 16 bits, an 11-bit signed scale below them."""
    precision = (modifier - 4) >> 16
    scale = (((modifier - 4) & 0x7FF) ^ 0x400) - 0x400
    if modifier < 0 or precision > MAX_PRECISION or not 0 <= scale <= precision:
        return ColumnType(Kind.NUMERIC)
    return ColumnType(Kind.NUMERIC, precision, scale)


def column_sql(type_: ColumnType) -> str:
    """A logical type as PostgreSQL spells it; JSON is jsonb, which compares by content."""
    return "jsonb" if type_.kind is Kind.JSON else sql_type(type_).sql("postgres")


def never_null(connection: Connection, relation: Relation) -> frozenset[str]:
    """The columns that the database itself keeps NULL out of."""
    names = {"schema": relation.schema, "name": relation.name}
    return frozenset(name for (name,) in connection.execute(statement("never_null"), names))


def unique_keys(connection: Connection, relation: Relation) -> tuple[frozenset[str], ...]:
    """The sets of columns that the database itself holds unique and not NULL."""
    names = {"schema": relation.schema, "name": relation.name}
    filled = never_null(connection, relation)
    unique = [frozenset(found) for (found,) in connection.execute(statement("unique_indexes"), names)]
    return tuple(each for each in unique if each <= filled)
