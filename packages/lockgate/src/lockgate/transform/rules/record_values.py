"""Records as JSON brings them, read into typed columns; what a column cannot hold sets its record aside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from uuid import UUID

import pyarrow as pa

from lockgate.core.arrow import arrow_type
from lockgate.core.relation import Column
from lockgate.core.stream import POSITION_COLUMN
from lockgate.core.types import INTEGERS, ColumnType, Kind, digits
from lockgate.transform.rules.language.literals import BITS, literal
from lockgate.transform.rules.language.typed import Mismatch


def readable(
    records: Sequence[Mapping[str, object]], columns: tuple[Column, ...]
) -> tuple[pa.Table, list[tuple[int, str]]]:
    """The records that can be read, as a table with their positions from 1; of the others position and reason."""
    read, bad = {}, dict[int, str]()
    for column in columns:
        values = [record.get(column.name) for record in records]
        read[column.name] = _fast(values, column.type) or _slow(values, column, bad)
    good = [number for number in range(1, len(records) + 1) if number not in bad]
    chosen = pa.array([number - 1 for number in good], pa.int64())
    arrays = {name: values.take(chosen) if bad else values for name, values in read.items()}
    table = pa.table({**arrays, POSITION_COLUMN: pa.array(good, pa.int64())})
    return table, sorted(bad.items())


def _fast(values: list[object], type_: ColumnType) -> pa.Array | None:
    """All values at once, where every one is plainly of the type."""
    plain = {Kind.TEXT: str, Kind.BIGINT: int, Kind.BOOLEAN: bool}.get(type_.kind)
    if plain is None or not all(value is None or type(value) is plain for value in values):
        return None
    try:
        return pa.array(values, arrow_type(type_))
    except (OverflowError, pa.ArrowInvalid, UnicodeEncodeError):
        return None


def _slow(values: list[object], column: Column, bad: dict[int, str]) -> pa.Array:
    """The values one by one; positions of those that cannot be read go into `bad`, the first reason stays."""
    read: list[object] = []
    for number, value in enumerate(values, 1):
        try:
            read.append(None if value is None else _value(value, column.type))
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            read.append(None)
            bad.setdefault(number, f"{column.name}: not {column.type}")
    return pa.array(read, arrow_type(column.type))


def _value(value: object, type_: ColumnType) -> object:
    """A value of JSON, or of Python, as what Arrow takes for the type.

    Raises:
        ValueError, TypeError, InvalidOperation, OverflowError: it is none of the type.
    """
    if type_.kind is Kind.NUMERIC:
        return _decimal(value, type_)
    if type_.kind in INTEGERS:
        return _integer(value, type_)
    return _READERS[type_.kind](value)


def _decimal(value: object, type_: ColumnType) -> Decimal:
    precision, scale = digits(type_)
    number = Decimal(str(value)) if isinstance(value, int | float | Decimal | str) else Decimal("sNaN")
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(type_)
    exact = number.quantize(Decimal(1).scaleb(-scale))
    if exact != number or abs(exact) >= Decimal(10) ** (precision - scale):
        raise ValueError(type_)
    return exact


def _integer(value: object, type_: ColumnType) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (isinstance(value, float) and value.is_integer()):
        raise ValueError(type_)
    number = int(value)  # type: ignore[call-overload]  # it is an int or a float
    if not -(2 ** BITS[type_.kind]) <= number < 2 ** BITS[type_.kind]:
        raise ValueError(type_)
    return int(number)


def _text(value: object) -> str:
    if isinstance(value, str):
        value.encode()
        return value
    return json.dumps(value, ensure_ascii=False)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _timestamp(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value
    return _written(value, Kind.TIMESTAMP)


def _instant(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    return _written(value, Kind.TIMESTAMPTZ)


def _written(value: object, kind: Kind) -> object:
    """A value by its text, in the grammar that expressions have.

    Raises:
        TypeError: it is no text.
        ValueError: it is not readable.
    """
    if not isinstance(value, str):
        raise TypeError(value)
    try:
        return literal(value, ColumnType(kind)).value
    except Mismatch as mismatch:
        raise ValueError(value) from mismatch


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(value)
    return value


_READERS: Mapping[Kind, Callable[[object], object]] = {
    Kind.TEXT: _text,
    Kind.JSON: lambda value: json.dumps(value, ensure_ascii=False),
    Kind.BOOLEAN: _boolean,
    Kind.REAL: _number,
    Kind.DOUBLE: _number,
    Kind.DATE: lambda value: value if type(value) is date else _written(value, Kind.DATE),
    Kind.TIME: lambda value: value if isinstance(value, time) else time.fromisoformat(str(value)),
    Kind.TIMESTAMP: _timestamp,
    Kind.TIMESTAMPTZ: _instant,
    Kind.UUID: lambda value: _written(str(value) if isinstance(value, UUID) else value, Kind.UUID),
    Kind.BYTES: _bytes,
}
