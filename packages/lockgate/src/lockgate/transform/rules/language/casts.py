"""CAST between every two types that have one: what does not fit is NULL, never an error and never something near it.

Text is read by `grammar`. Decimals lose digits by rounding half away from zero. Doubles become integers only where
they are whole, and decimals by scaling in double arithmetic, which IEEE 754 makes equal everywhere. Instants become
dates, and dates instants, in UTC.
"""

from __future__ import annotations

from decimal import Decimal

from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.transform.rules.language import grammar
from lockgate.transform.rules.language.literals import BITS, literal
from lockgate.transform.rules.language.signatures import case, convert, integer
from lockgate.transform.rules.language.typed import (
    BOOLEAN,
    EXACT,
    TEXT,
    Call,
    Const,
    Mismatch,
    Typed,
    digits,
    fits,
    is_exact,
    numeric,
    settled,
)

_FLOATS = {Kind.REAL, Kind.DOUBLE}
_WRITTEN = INTEGERS | {Kind.NUMERIC, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.UUID}
_DATED = {
    (Kind.DATE, Kind.TIMESTAMP): ("convert",),
    (Kind.DATE, Kind.TIMESTAMPTZ): ("convert", "utc_instant"),
    (Kind.TIMESTAMP, Kind.DATE): ("convert",),
    (Kind.TIMESTAMP, Kind.TIMESTAMPTZ): ("utc_instant",),
    (Kind.TIMESTAMPTZ, Kind.TIMESTAMP): ("as_utc",),
    (Kind.TIMESTAMPTZ, Kind.DATE): ("as_utc", "convert"),
}
_DOUBLE_SCALE = 12
_EXACT_DOUBLES = 2**53


def cast(value: Typed, to: ColumnType, formats: tuple[str, ...] = ()) -> Typed:
    """The value as another type, NULL where it does not fit.

    Raises:
        Mismatch: there is no such cast, or a constant that it can never read.
    """
    if formats and (value.type is None or value.type.kind is not Kind.TEXT):
        raise Mismatch("formats are for text that becomes a date or a timestamp", "Take `formats` away.")
    if to.kind is Kind.NUMERIC and to.precision is None:
        raise Mismatch("numeric needs its digits here", "Say numeric(precision, scale).")
    if value.type is None:
        return convert(value, to)
    if value.type.kind is Kind.TEXT and to.kind is not Kind.TEXT:
        return _read(value, to, formats)
    if settled(value.type) == settled(to):
        return value
    if is_exact(value.type) and is_exact(to):
        return (
            convert(value, to) if fits(settled(value.type), to) and _has_room(value.type, to) else _narrowed(value, to)
        )
    return _otherwise(value, value.type, to)


def _has_room(type_: ColumnType, to: ColumnType) -> bool:
    """Whether a numeric without stated digits is not taken to fit by its assumed ones."""
    return type_.kind is not Kind.NUMERIC or type_.precision is not None or to.precision is None


def _otherwise(value: Typed, type_: ColumnType, to: ColumnType) -> Typed:
    """Casts between families."""
    pair = (type_.kind, to.kind)
    if to.kind is Kind.TEXT and type_.kind in _WRITTEN:
        return _written(value, type_)
    if (is_exact(type_) and to.kind is Kind.DOUBLE) or pair == (Kind.REAL, Kind.DOUBLE):
        return convert(value, to)
    if type_.kind in _FLOATS and is_exact(to):
        return _from_double(value, to)
    if type_.kind is Kind.BOOLEAN and to.kind in INTEGERS:
        return convert(case([(value, integer(1)), (Call("not", (value,), type_), integer(0))], Const(None, None)), to)
    if pair in _DATED:
        for function in _DATED[pair]:
            value = Call(
                function, (value,), ColumnType(Kind.TIMESTAMP) if function == "as_utc" else _step(function, to)
            )
        return value
    raise Mismatch(f"{settled(type_)} cannot be cast to {to}")


def _step(function: str, to: ColumnType) -> ColumnType:
    """The type after one step between dates and instants."""
    if function == "convert" and to.kind is Kind.TIMESTAMPTZ:
        return ColumnType(Kind.TIMESTAMP)
    return to


def _read(value: Typed, to: ColumnType, formats: tuple[str, ...]) -> Typed:
    """Text as another type.

    Raises:
        Mismatch: the type cannot be read from text, or a constant is not readable.
    """
    if to.kind not in grammar.READABLE:
        raise Mismatch(f"text cannot be cast to {to}")
    grammar.forms(to, formats)
    if isinstance(value, Const) and isinstance(value.value, str):
        return literal(value.value, to)
    return Call("read", (value,), to, formats)


def _written(value: Typed, type_: ColumnType) -> Typed:
    """A value as text, in the one form that it has here."""
    special = {Kind.DATE: "date_as_text", Kind.TIMESTAMP: "timestamp_as_text", Kind.NUMERIC: "decimal_as_text"}
    if type_.kind is Kind.TIMESTAMPTZ:
        return Call("instant_as_text", (Call("as_utc", (value,), ColumnType(Kind.TIMESTAMP)),), TEXT)
    if type_.kind is Kind.NUMERIC and type_.precision is None:
        raise Mismatch("numeric without digits has no one form as text", "Cast it to numeric(p,s) first.")
    return Call(special.get(type_.kind, "convert"), (value,), TEXT)


def _narrowed(value: Typed, to: ColumnType) -> Typed:
    """An exact number in a type that may be too small for it: rounded, NULL where it does not fit."""
    rounded = Call("convert", (value,), to)
    bounds = _bounds(digits(value.type) if value.type else (0, 0), to)
    if bounds is None:
        return rounded
    inside = Call("and", (_beside("greater", value, bounds[0]), _beside("less", value, bounds[1])), BOOLEAN)
    return case([(inside, rounded)], Const(None, to))


def _beside(function: str, value: Typed, bound: Decimal) -> Typed:
    """A comparison with a bound that has no more digits than the value can have."""
    return Call(function, (value, Const(bound, ColumnType(Kind.NUMERIC))), BOOLEAN)


def _bounds(size: tuple[int, int], to: ColumnType) -> tuple[Decimal, Decimal] | None:
    """Between what, both excluded, a number of that size must lie to fit once it is rounded; None where all fit."""
    before, after = size[0] - size[1], size[1]
    if to.kind in INTEGERS:
        power = Decimal(2 ** BITS[to.kind])
        excess = Decimal("0.5") if after else Decimal(0)
        return None if before < len(str(power)) else (-power - (excess or 1), power - excess)
    room, decimals = digits(to)[0] - digits(to)[1], digits(to)[1]
    excess = Decimal(5).scaleb(-decimals - 1) if after > decimals else Decimal(0)
    if before < room or (before == room and not excess):
        return None
    return EXACT.subtract(excess, Decimal(10**room)), EXACT.subtract(Decimal(10**room), excess)


def _from_double(value: Typed, to: ColumnType) -> Typed:
    """A double as an exact number.

    Raises:
        Mismatch: the decimal has more places than a double keeps.
    """
    if to.kind in INTEGERS:
        power = 2 ** BITS[to.kind]
        return Call("whole_double", (value,), to, (f"-{power}", str(power)))
    scale = digits(to)[1]
    if scale > _DOUBLE_SCALE:
        raise Mismatch(f"a double has no {scale} exact decimals", f"Say at most {_DOUBLE_SCALE}.")
    wide = numeric(max(16, scale + 1), scale)
    limit = _EXACT_DOUBLES // 10**scale
    params = (limit, 10**scale, f"{Decimal(1).scaleb(-scale):f}")
    scaled = Call("convert", (Call("scaled_double", (value,), wide, params),), wide)
    return scaled if fits(wide, to) else _narrowed(scaled, to)
