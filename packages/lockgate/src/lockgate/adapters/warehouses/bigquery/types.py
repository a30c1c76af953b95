"""Column types by BigQuery's names, and back; Arrow as it comes from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.bigquery.names import column_of, field
from lockgate.core.relation import Column
from lockgate.core.sql import is_bignumeric
from lockgate.core.types import MAX_PRECISION, ColumnType, Kind, digits

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import SchemaField

_BIGQUERY = {
    Kind.BOOLEAN: "BOOL",
    Kind.SMALLINT: "INT64",
    Kind.INTEGER: "INT64",
    Kind.BIGINT: "INT64",
    Kind.REAL: "FLOAT64",
    Kind.DOUBLE: "FLOAT64",
    Kind.TEXT: "STRING",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.TIMESTAMP: "DATETIME",
    Kind.TIMESTAMPTZ: "TIMESTAMP",
    Kind.UUID: "STRING",
    Kind.JSON: "STRING",
    Kind.BYTES: "BYTES",
}
_KINDS = {
    "BOOL": Kind.BOOLEAN,
    "BOOLEAN": Kind.BOOLEAN,
    "INT64": Kind.BIGINT,
    "INTEGER": Kind.BIGINT,
    "FLOAT64": Kind.DOUBLE,
    "FLOAT": Kind.DOUBLE,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "DATETIME": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMPTZ,
    "BYTES": Kind.BYTES,
    "JSON": Kind.JSON,
    "STRUCT": Kind.JSON,
    "RECORD": Kind.JSON,
}
_DECIMALS = frozenset({"NUMERIC", "BIGNUMERIC"})


def bigquery_type(type_: ColumnType) -> str:
    """BigQuery's name for a logical type; a UUID and JSON are text there, and every integer has 64 bits."""
    if type_.kind is Kind.NUMERIC:
        precision, scale = digits(type_)
        return f"{'BIGNUMERIC' if is_bignumeric(precision, scale) else 'NUMERIC'}({precision}, {scale})"
    return _BIGQUERY[type_.kind]


def schema_field(column: Column) -> SchemaField:
    """A column as the interface takes it."""
    from google.cloud.bigquery import SchemaField

    if column.type.kind is Kind.NUMERIC:
        precision, scale = digits(column.type)
        kind = "BIGNUMERIC" if is_bignumeric(precision, scale) else "NUMERIC"
        return SchemaField(field(column.name), kind, precision=precision, scale=scale)
    return SchemaField(field(column.name), bigquery_type(column.type))


def columns_in(schema: Sequence[SchemaField]) -> tuple[Column, ...]:
    """The columns of a table as the interface gives them; what has no type of its own here is text."""
    return tuple(Column(column_of(one.name), _logical(one)) for one in schema)


def _logical(one: SchemaField) -> ColumnType:
    if one.mode == "REPEATED":
        return ColumnType(Kind.JSON)
    if one.field_type in _DECIMALS:
        precision = one.precision
        known = precision is not None and precision <= MAX_PRECISION
        return ColumnType(Kind.NUMERIC, precision, one.scale or 0) if known else ColumnType(Kind.NUMERIC)
    return ColumnType(_KINDS.get(one.field_type, Kind.TEXT))


def as_read(table: pa.Table) -> pa.Table:
    """Rows with the columns' own names, and with decimals that are no wider than others take."""
    import pyarrow as pa

    for number, one in enumerate(table.schema):
        if pa.types.is_decimal256(one.type):
            narrow = _narrowed(table.column(number))
            table = table.set_column(number, pa.field(one.name, narrow.type), narrow)
    return table.rename_columns([column_of(name) for name in table.column_names])


def _narrowed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values in a decimal of 38 digits, with the digits behind the point that they have, where that holds."""
    import pyarrow as pa

    behind = [-int(one.normalize().as_tuple().exponent) for one in values.to_pylist() if one is not None]
    scale = max([0, *behind])
    try:
        return values.cast(pa.decimal128(MAX_PRECISION, min(scale, MAX_PRECISION)))
    except pa.ArrowInvalid:
        return values
