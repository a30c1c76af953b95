"""Columns between Arrow and PostgreSQL's binary format of single values, for the few rows of a request.

Many rows go by COPY, in `bulk`. The types are those of `lockgate.core.arrow`, there and back.
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from lockgate.adapters.warehouses.postgres.catalog import logical_type
from lockgate.adapters.warehouses.postgres.failures import beyond_decimals
from lockgate.core.arrow import arrow_type, column_type
from lockgate.core.types import Kind, digits
from lockgate.errors import StatementFailed

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from lockgate.adapters.warehouses.postgres.sessions import Connection

# PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01.
_DAYS = 10_957
_MICROSECONDS = _DAYS * 86_400_000_000
# An array's dimensions, whether it holds NULL, the type of its elements; then how many they are, counted from 1.
_ARRAY, _NO_ELEMENT = Struct(">5i"), Struct(">3i")
_LENGTH, _NULL, _TRUE = Struct(">i"), b"\xff\xff\xff\xff", b"\x01"
# What stands before all rows of a binary COPY, flags and a header's length with it; each row says how many fields.
_COPY, _FIELDS = b"PGCOPY\n\xff\r\n\0" + bytes(8), Struct(">h")
_PACKED = {
    Kind.BOOLEAN: Struct(">i?"),
    Kind.SMALLINT: Struct(">ih"),
    Kind.INTEGER: Struct(">ii"),
    Kind.BIGINT: Struct(">iq"),
    Kind.REAL: Struct(">if"),
    Kind.DOUBLE: Struct(">id"),
    Kind.DATE: Struct(">ii"),
    Kind.TIME: Struct(">iq"),
    Kind.TIMESTAMP: Struct(">iq"),
    Kind.TIMESTAMPTZ: Struct(">iq"),
}
_FLOATS = {Kind.REAL: Struct(">f"), Kind.DOUBLE: Struct(">d")}
_NAMES = {Kind.DOUBLE: "float8", Kind.BYTES: "bytea"}
_COUNTED_FROM = {Kind.DATE: _DAYS, Kind.TIMESTAMP: _MICROSECONDS, Kind.TIMESTAMPTZ: _MICROSECONDS}
_STORED = {
    Kind.DATE: pa.int32(),
    Kind.TIME: pa.int64(),
    Kind.TIMESTAMP: pa.int64(),
    Kind.TIMESTAMPTZ: pa.int64(),
    Kind.TEXT: pa.binary(),
}
# What PostgreSQL keeps for dates and moments before and after all others.
_INFINITE = {Kind.DATE: (-(2**31), 2**31 - 1)} | dict.fromkeys(
    (Kind.TIMESTAMP, Kind.TIMESTAMPTZ), (-(2**63), 2**63 - 1)
)
# Before and after the point of PostgreSQL's longest numbers.
_MOST_DIGITS = 131_072 + 16_383
_TEXTUAL = frozenset({"text", "varchar", "bpchar", "name", "unknown"})


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """A column as the value of an array parameter, as PostgreSQL sends arrays."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TextArray:
    """The same as PostgreSQL writes arrays."""

    data: bytes


ArrayParameter: TypeAlias = BinaryArray | TextArray


def array_parameter(name: str, values: pa.ChunkedArray) -> ArrayParameter:
    """A column of Arrow's as one parameter.

    Raises:
        StatementFailed: it has a type or a value that PostgreSQL has none for.
    """
    type_ = column_type(values.type)
    sent = pa.string() if type_.kind is Kind.NUMERIC else _STORED.get(type_.kind)
    try:
        for target in (arrow_type(type_), sent):
            if target is not None and target != values.type:
                values = values.cast(target)
        elements = values.to_pylist()
        if type_.kind is Kind.NUMERIC:
            return TextArray(_text_array(elements))
        return BinaryArray(_binary_array(type_.kind, elements))
    except (pa.ArrowException, ValueError, struct.error) as error:
        raise StatementFailed(f"column {name!r} has a type or a value that PostgreSQL does not have") from error


def _text_array(texts: Iterable[str | None]) -> bytes:
    return f"{{{','.join('NULL' if text is None else text for text in texts)}}}".encode()


def _binary_array(kind: Kind, elements: Sequence[Any]) -> bytes:
    oid = _oid(_NAMES.get(kind, kind.value))
    if not elements:
        return _NO_ELEMENT.pack(0, 0, oid)
    packed = _PACKED.get(kind)
    if packed is None:
        parts = [_field(one) for one in elements]
    else:
        pack, size, start = packed.pack, packed.size - _LENGTH.size, _COUNTED_FROM.get(kind, 0)
        if start and not {end + start for end in _INFINITE[kind]}.isdisjoint(elements):
            raise ValueError
        counted = [None if one is None else one - start for one in elements] if start else elements
        parts = [_NULL if one is None else pack(size, one) for one in counted]
    return b"".join((_ARRAY.pack(1, int(None in elements), oid, len(elements), 1), *parts))


def register(connection: Connection) -> None:
    """Lets a connection send columns as parameters."""
    from psycopg import pq
    from psycopg.adapt import Dumper

    class Binary(Dumper):
        """Sends what is encoded already; the type is told by a cast in the statement."""

        format = pq.Format.BINARY

        def dump(self, obj: ArrayParameter) -> bytes:
            """The parameter's bytes."""
            return obj.data

    class Text(Binary):
        """The same for text."""

        format = pq.Format.TEXT

    connection.adapters.register_dumper(BinaryArray, Binary)
    connection.adapters.register_dumper(TextArray, Text)


@cache
def _oid(name: str) -> int:
    import psycopg

    return psycopg.adapters.types[name].oid


def arrow_table(result: PGresult) -> pa.Table:
    """The rows of a result that came in the binary format.

    Raises:
        StatementFailed: a column has a type of none of our kinds, or a value that Arrow's type does not hold.
    """
    rows, columns = range(result.ntuples), range(result.nfields)
    names = [(result.fname(place) or b"").decode() for place in columns]
    arrays = [
        _column(name, _type_name(result.ftype(place)), result.fmod(place), [result.get_value(r, place) for r in rows])
        for place, name in zip(columns, names, strict=True)
    ]
    return pa.table(arrays, names=names)


def binary_copy(result: PGresult) -> bytes:
    """The rows of a result that came in the binary format, as COPY takes them in its own."""
    rows, columns = range(result.ntuples), range(result.nfields)
    values = ((result.get_value(row, place) for place in columns) for row in rows)
    begin = _FIELDS.pack(result.nfields)
    return b"".join((_COPY, *(begin + b"".join(map(_field, row)) for row in values), _FIELDS.pack(-1)))


def _field(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH.pack(len(value)) + value


@cache
def _type_name(oid: int) -> str:
    import psycopg

    known = psycopg.adapters.types.get(oid)
    return known.name if known is not None and known.oid == oid else ""


def _column(name: str, type_name: str, modifier: int, values: list[bytes | None]) -> pa.Array:
    type_ = logical_type(type_name, "", modifier)
    if type_.kind is Kind.TEXT and type_name not in _TEXTUAL:
        raise StatementFailed(
            f"column {name!r} is of a type that records are not answered in", hint="CAST it to text, or to a number."
        )
    target = arrow_type(type_)
    if type_.kind is Kind.NUMERIC:
        return _decimals(name, values, target, digits(type_)[1])
    load = _loader(type_name, type_.kind)
    try:
        found = [None if value is None else load(value) for value in values]
        stored = pa.array(found, _STORED.get(type_.kind, target))
        return stored if stored.type == target else stored.cast(target)
    except (pa.ArrowException, OverflowError) as error:
        raise StatementFailed(f"column {name!r} has a value that Arrow's {target} does not hold") from error


def _loader(type_name: str, kind: Kind) -> Callable[[bytes], Any]:
    """What makes of a value's bytes what Arrow stores."""
    if kind in _COUNTED_FROM:
        return partial(_counted, start=_COUNTED_FROM[kind], infinite=_INFINITE[kind])
    if kind in _FLOATS:
        return partial(_unpacked, _FLOATS[kind])
    if kind is Kind.BOOLEAN:
        return _TRUE.__eq__
    if kind in _PACKED:
        return partial(int.from_bytes, byteorder="big", signed=type_name != "oid")
    return {"jsonb": _without_version, "uuid": _uuid_text}.get(type_name, bytes)


def _counted(value: bytes, *, start: int, infinite: tuple[int, int]) -> int:
    counted = int.from_bytes(value, "big", signed=True)
    if counted in infinite:
        raise OverflowError
    return counted + start


def _unpacked(form: Struct, value: bytes) -> Any:
    return form.unpack(value)[0]


def _without_version(value: bytes) -> bytes:
    return value[1:]


def _uuid_text(value: bytes) -> str:
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _decimals(name: str, values: list[bytes | None], target: pa.DataType, scale: int) -> pa.Array:
    """Numbers, rounded half away from nought where the column says nothing of its digits."""
    load, unit = _load_decimal(), decimal.Decimal(1).scaleb(-scale)
    try:
        with decimal.localcontext(prec=_MOST_DIGITS, rounding=decimal.ROUND_HALF_UP):
            return pa.array([None if value is None else load(value).quantize(unit) for value in values], target)
    except (pa.ArrowException, decimal.InvalidOperation) as error:
        raise beyond_decimals(name) from error


@cache
def _load_decimal() -> Callable[[bytes], decimal.Decimal]:
    import psycopg
    from psycopg import pq

    transformer = psycopg.adapt.Transformer()
    loader = transformer.get_loader(psycopg.adapters.types["numeric"].oid, pq.Format.BINARY)
    return loader.load
