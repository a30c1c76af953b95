"""Column types by Spark's names, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.adapters.warehouses.spark.names import identifier
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind, digits

Typed = tuple[str, str]

_SPARK = {
    Kind.BOOLEAN: "boolean",
    Kind.SMALLINT: "smallint",
    Kind.INTEGER: "int",
    Kind.BIGINT: "bigint",
    Kind.REAL: "float",
    Kind.DOUBLE: "double",
    Kind.TEXT: "string",
    Kind.DATE: "date",
    Kind.TIME: "time(6)",
    Kind.TIMESTAMP: "timestamp_ntz",
    Kind.TIMESTAMPTZ: "timestamp",
    Kind.UUID: "string",
    Kind.JSON: "string",
    Kind.BYTES: "binary",
}
_KINDS = {
    "boolean": Kind.BOOLEAN,
    "tinyint": Kind.SMALLINT,
    "smallint": Kind.SMALLINT,
    "int": Kind.INTEGER,
    "bigint": Kind.BIGINT,
    "float": Kind.REAL,
    "double": Kind.DOUBLE,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMPTZ,
    "timestamp_ntz": Kind.TIMESTAMP,
    "binary": Kind.BYTES,
    "variant": Kind.JSON,
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


def spark_type(type_: ColumnType) -> str:
    """Spark's name for a logical type; a UUID and JSON are text there."""
    if type_.kind is Kind.NUMERIC:
        precision, scale = digits(type_)
        return f"decimal({precision},{scale})"
    return _SPARK[type_.kind]


def logical_type(name: str) -> ColumnType:
    """The logical type behind Spark's name for a type; what has none of its own is text."""
    if match := _DECIMAL.fullmatch(name):
        return ColumnType(Kind.NUMERIC, int(match[1]), int(match[2]))
    if name.startswith(("array<", "map<", "struct<")):
        return ColumnType(Kind.JSON)
    if name.startswith("time("):
        return ColumnType(Kind.TIME)
    return ColumnType(_KINDS.get(name, Kind.TEXT))


def typed(columns: Iterable[Column]) -> tuple[Typed, ...]:
    """Columns as names and Spark's types."""
    return tuple((column.name, spark_type(column.type)) for column in columns)


def schema_of(columns: Iterable[Typed]) -> str:
    """The columns as Spark's readers take a schema."""
    return ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns)
