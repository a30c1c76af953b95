"""Logical column types to Arrow's and back."""

from __future__ import annotations

import pyarrow as pa

from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind, digits

_TO_ARROW: dict[Kind, pa.DataType] = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.SMALLINT: pa.int16(),
    Kind.INTEGER: pa.int32(),
    Kind.BIGINT: pa.int64(),
    Kind.REAL: pa.float32(),
    Kind.DOUBLE: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    Kind.UUID: pa.string(),
    Kind.JSON: pa.string(),
    Kind.BYTES: pa.binary(),
}


def arrow_type(type_: ColumnType) -> pa.DataType:
    """The Arrow type that holds every value of a logical type; UUID and JSON travel as text."""
    if type_.kind is Kind.NUMERIC:
        return pa.decimal128(*digits(type_))
    return _TO_ARROW[type_.kind]


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of typed columns, in order."""
    return pa.schema([(column.name, arrow_type(column.type)) for column in columns])


def column_type(type_: pa.DataType) -> ColumnType:
    """The narrowest logical type for an Arrow type; nested values become JSON."""
    for test, kind in _FROM_ARROW:
        if test(type_):
            return ColumnType(kind)
    if pa.types.is_decimal(type_) and type_.scale >= 0:
        return ColumnType(Kind.NUMERIC, type_.precision, type_.scale)
    if pa.types.is_timestamp(type_):
        return ColumnType(Kind.TIMESTAMPTZ if type_.tz else Kind.TIMESTAMP)
    if pa.types.is_uint64(type_):
        return ColumnType(Kind.NUMERIC, 20, 0)
    return ColumnType(Kind.JSON if pa.types.is_nested(type_) else Kind.TEXT)


_FROM_ARROW = (
    (pa.types.is_boolean, Kind.BOOLEAN),
    (lambda type_: pa.types.is_int8(type_) or pa.types.is_int16(type_) or pa.types.is_uint8(type_), Kind.SMALLINT),
    (lambda type_: pa.types.is_int32(type_) or pa.types.is_uint16(type_), Kind.INTEGER),
    (lambda type_: pa.types.is_int64(type_) or pa.types.is_uint32(type_), Kind.BIGINT),
    (lambda type_: pa.types.is_float16(type_) or pa.types.is_float32(type_), Kind.REAL),
    (pa.types.is_float64, Kind.DOUBLE),
    (pa.types.is_date, Kind.DATE),
    (pa.types.is_time, Kind.TIME),
    (
        lambda type_: (
            pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_)
        ),
        Kind.BYTES,
    ),
)
