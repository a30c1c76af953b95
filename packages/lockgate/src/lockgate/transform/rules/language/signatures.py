"""Which types every operator and function takes, and which it gives.

Each function here takes checked arguments and returns the call, with the conversions that its template needs; it
raises `Mismatch` where the types do not fit. Results have room for every value that can come out: a sum of bigints is
numeric(20,0), so no engine can overflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.transform.rules.language.typed import (
    BOOLEAN,
    DATE,
    EXACT,
    INTEGER,
    TEXT,
    Call,
    Const,
    Mismatch,
    Typed,
    common,
    digits,
    is_exact,
    numeric,
    settled,
    whole,
)

_DOUBLE = ColumnType(Kind.DOUBLE)
_FLOATS = {Kind.REAL, Kind.DOUBLE}
_ORDERED = {Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TEXT} | INTEGERS | {Kind.NUMERIC} | _FLOATS
_EQUATED = _ORDERED | {Kind.BOOLEAN, Kind.UUID}
_PAIRS = (
    ("equal", "not_equal"),
    ("less", "greater_equal"),
    ("greater", "less_equal"),
    ("distinct", "not_distinct"),
    ("is_null", "is_not_null"),
    ("is_true", "is_not_true"),
    ("is_false", "is_not_false"),
)
_OPPOSITES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_WIDE = 19  # digits from which on engines use 128 bits
_LARGEST = 37  # digits that a 128-bit integer surely holds, doubled
_LEAST_SCALE = 6
_LONGEST = 2_000_000_000


def convert(value: Typed, to: ColumnType) -> Typed:
    """The same value as another type that has room for it."""
    if isinstance(value, Const):
        return Const(value.value, to)
    if value.type is None or settled(value.type) == settled(to):
        return value
    return Call("convert", (value,), settled(to))


def integer(number: int) -> Const:
    """A number as a constant."""
    return Const(number, whole(max(len(str(abs(number))), 1)))


def want(value: Typed, kinds: set[Kind] | frozenset[Kind], what: str) -> Typed:
    """The value, where it is of one of the kinds; a bare NULL is.

    Raises:
        Mismatch: it is of another.
    """
    if value.type is not None and value.type.kind not in kinds:
        raise Mismatch(f"{what} takes {_either(kinds)}, not {settled(value.type)}", "Cast it first.")
    return value


def _either(kinds: set[Kind] | frozenset[Kind]) -> str:
    """The kinds as a person says them."""
    return "numbers" if kinds >= INTEGERS | {Kind.NUMERIC} else " or ".join(sorted(kinds))


def want_text(value: Typed, what: str) -> Typed:
    """The value as text; a bare NULL becomes one.

    Raises:
        Mismatch: it is not text.
    """
    return convert(want(value, {Kind.TEXT}, what), TEXT)


def condition(value: Typed, what: str) -> Typed:
    """The value as a truth value.

    Raises:
        Mismatch: it is none.
    """
    return convert(want(value, {Kind.BOOLEAN}, what), BOOLEAN)


def opposite(test: Typed) -> Typed:
    """What is true where the condition is false, false where it is true, NULL where it is NULL."""
    if isinstance(test, Call) and test.function in _OPPOSITES:
        return Call(_OPPOSITES[test.function], test.args, BOOLEAN, test.params)
    return test.args[0] if isinstance(test, Call) and test.function == "not" else Call("not", (test,), BOOLEAN)


def compare(function: str, left: Typed, right: Typed) -> Typed:
    """A comparison of two values of one family; text is ordered by code point.

    Raises:
        Mismatch: they are not of one family, or their family has no such order.
    """
    ordering = function in {"less", "less_equal", "greater", "greater_equal"}
    for side in (left, right):
        want(side, _ORDERED if ordering else _EQUATED, f"{function.replace('_', ' ')!r}")
    type_ = _met(left, right)
    sides = (left, right) if type_ is None else (_side(left, type_), _side(right, type_))
    if ordering and type_ is not None and type_.kind is Kind.TEXT:
        sides = (Call("by_code_point", (sides[0],), TEXT), sides[1])
    return Call(function, sides, BOOLEAN)


def _met(left: Typed, right: Typed) -> ColumnType | None:
    """The type in which two values are compared."""
    kinds = {side.type.kind for side in (left, right) if side.type is not None}
    if kinds & _FLOATS and kinds <= _FLOATS | INTEGERS | {Kind.NUMERIC}:
        return _DOUBLE
    return common((left.type, right.type))


def _side(value: Typed, type_: ColumnType) -> Typed:
    """One side of a comparison: exact numbers compare among each other as they are."""
    if is_exact(value.type) and is_exact(type_):
        return value
    return convert(value, type_)


def unify(values: Sequence[Typed]) -> tuple[tuple[Typed, ...], ColumnType | None]:
    """The values in one type, and that type.

    Raises:
        Mismatch: there is no such type.
    """
    type_ = common(tuple(value.type for value in values))
    return (tuple(values), None) if type_ is None else (tuple(convert(value, type_) for value in values), type_)


def case(branches: Sequence[tuple[Typed, Typed]], otherwise: Typed) -> Typed:
    """The first value whose condition is true.

    Raises:
        Mismatch: a condition is none, or the values are not of one type.
    """
    values, type_ = unify([value for _, value in branches] + [otherwise])
    conditions = [condition(test, "WHEN") for test, _ in branches]
    pairs = [part for pair in zip(conditions, values[:-1], strict=True) for part in pair]
    return Call("case", (*pairs, values[-1]), type_)


def coalesce(values: Sequence[Typed]) -> Typed:
    """The first value that is not NULL."""
    same, type_ = unify(values)
    return Call("coalesce", same, type_)


def null_if(value: Typed, other: Typed) -> Typed:
    """NULL where the two are equal, else the first."""
    compare("equal", value, other)
    same, type_ = unify([value, other])
    return Call("nullif", same, type_)


def within(value: Typed, members: Sequence[Typed]) -> Typed:
    """Whether the value is one of constants.

    Raises:
        Mismatch: a member is no constant, or NULL, or of another family.
    """
    if not all(isinstance(member, Const) and member.value is not None for member in members):
        raise Mismatch("IN takes a list of constants without NULL", "Write the others as `= … OR …`.")
    pairs = [compare("equal", value, member) for member in members]
    first = [pair.args[0] for pair in pairs if isinstance(pair, Call)]
    seconds = [pair.args[1] for pair in pairs if isinstance(pair, Call)]
    return Call("in", (first[0], *seconds), BOOLEAN)


def _exact(value: Typed, what: str) -> ColumnType:
    """The type of an exact number.

    Raises:
        Mismatch: it is none; doubles are refused, since engines fail or give infinity where they overflow.
    """
    if value.type is not None and value.type.kind in _FLOATS:
        raise Mismatch(f"{what} takes exact numbers, not {value.type}", "Cast it to numeric(p,s) or an integer first.")
    want(value, INTEGERS | {Kind.NUMERIC}, what)
    return whole(1) if value.type is None else value.type


def _both_integers(left: ColumnType, right: ColumnType) -> bool:
    """Whether both sides are integers, so that the result is one."""
    return left.kind in INTEGERS and right.kind in INTEGERS


def plus_or_minus(function: str, left: Typed, right: Typed) -> Typed:
    """A sum or difference of exact numbers."""
    one, two = _exact(left, function), _exact(right, function)
    (precision, scale), (other, decimals) = digits(one), digits(two)
    most = max(scale, decimals)
    room = max(precision - scale, other - decimals) + most + 1
    type_ = whole(room) if _both_integers(one, two) else numeric(room, most)
    return _result(function, (convert(left, type_), convert(right, type_)), type_)


def times(left: Typed, right: Typed) -> Typed:
    """A product of exact numbers."""
    one, two = _exact(left, "multiply"), _exact(right, "multiply")
    (precision, scale), (other, decimals) = digits(one), digits(two)
    room = precision + other
    type_ = whole(room) if _both_integers(one, two) else numeric(room, scale + decimals)
    return _result("multiply", (_factor(left, type_), _factor(right, type_)), type_)


def _factor(value: Typed, product: ColumnType) -> Typed:
    """A factor in a type that the product of two such cannot overflow."""
    if product.kind in INTEGERS:
        return convert(value, product)
    precision, scale = digits(value.type) if value.type else (1, 0)
    return convert(value, numeric(_widened(precision, digits(product)[0]), scale))


def _widened(precision: int, result: int) -> int:
    """Digits for an operand: DuckDB keeps a product of two 64-bit decimals in 64 bits, also where it cannot."""
    return max(precision, _WIDE) if result >= _WIDE else precision


def divided(left: Typed, right: Typed) -> Typed:
    """A quotient: of integers, cut off towards zero; else rounded half away from zero to at least six decimals.

    Division by zero is NULL.
    """
    one, two = _exact(left, "divide"), _exact(right, "divide")
    (precision, scale), (other, decimals) = digits(one), digits(two)
    if _both_integers(one, two):
        type_ = whole(precision)
        if type_.kind is Kind.NUMERIC:
            return _result("divide_whole", (convert(left, type_), convert(right, numeric(other, 0))), type_)
        # The one quotient that a bigint cannot hold has a dividend of 19 digits, which is dealt with above.
        room = max(precision, other)
        wide = ColumnType(Kind.BIGINT) if whole(room).kind is Kind.NUMERIC else whole(room)
        return _result("divide_integers", (convert(left, wide), convert(right, wide)), type_)
    kept = max(scale, decimals, _LEAST_SCALE)
    room = precision - scale + kept + decimals
    if max(room, precision + scale, other + decimals) > _LARGEST:
        raise Mismatch("the division needs more digits than every engine has", "Cast the operands to fewer digits.")
    powers = (10**scale, 10 ** (kept + decimals - scale), 10**decimals)
    params = (*powers, f"0.{'1':0>{kept}}")
    operands = (
        convert(left, numeric(max(precision, _WIDE), scale)),
        convert(right, numeric(max(other, _WIDE), decimals)),
    )
    return _result("divide", operands, numeric(room, kept), params)


def remainder(left: Typed, right: Typed) -> Typed:
    """What an integer division leaves, with the sign of the first; by zero it is NULL."""
    for side in (left, right):
        want(side, INTEGERS, "%")
    one, two = _exact(left, "%"), _exact(right, "%")
    wide = common((one, two)) or one
    result = ColumnType(wide.kind, min(digits(one)[0], digits(two)[0]))
    return Call("modulo", (convert(left, wide), convert(right, wide)), result)


def signed(function: str, value: Typed) -> Typed:
    """The value negated, or without its sign."""
    type_ = _exact(value, function)
    precision, scale = digits(type_)
    room = whole(precision) if type_.kind in INTEGERS else numeric(precision, scale)
    if isinstance(value, Const) and function == "negate" and isinstance(value.value, int | Decimal):
        negated = EXACT.minus(value.value) if isinstance(value.value, Decimal) else -value.value
        return Const(negated, value.type)
    return _result(function, (convert(value, room),), room)


def sign(value: Typed) -> Typed:
    """-1, 0 or 1."""
    _exact(value, "sign")
    return Call("sign", (value,), whole(1))


def rounded(value: Typed, decimals: int = 0) -> Typed:
    """The number with so many decimals, rounded half away from zero.

    Raises:
        Mismatch: it is no exact number, or has no such decimals.
    """
    type_ = _exact(value, "round")
    precision, scale = digits(type_)
    if not 0 <= decimals <= scale and type_.kind is Kind.NUMERIC:
        raise Mismatch(f"{settled(type_)} cannot be rounded to {decimals} decimals", f"Say 0 to {scale}.")
    if type_.kind in INTEGERS or decimals == scale:
        return value
    return Call("convert", (value,), numeric(precision - scale + decimals + 1, decimals))


def cut(function: str, value: Typed) -> Typed:
    """The next whole number up, down or towards zero."""
    type_ = _exact(value, function)
    precision, scale = digits(type_)
    return value if scale == 0 else _result(function, (value,), numeric(precision - scale + 1, 0))


def _result(function: str, args: tuple[Typed, ...], type_: ColumnType, params: tuple[str | int, ...] = ()) -> Typed:
    """A call whose value is spelled in exactly the type said: engines have their own ideas of a sum's."""
    return Call("convert", (Call(function, args, type_, params),), type_)


def substring(value: Typed, start: Typed, length: Typed | None) -> Typed:
    """A part of a text, counted from 1; what lies outside of it is nothing, a negative length too."""
    want_text(value, "substring")
    for bound in (start, length):
        _exact(want(bound or integer(1), INTEGERS, "substring"), "substring")
    first = _clamped(start, 1)
    if length is None:
        return Call("substring_to_end", (value, first), TEXT)
    before = case([(compare("less", start, integer(1)), plus_or_minus("subtract", start, integer(1)))], integer(0))
    inside = isinstance(start, Const) and isinstance(start.value, int) and start.value >= 1
    reach = length if inside else plus_or_minus("add", length, before)
    return Call("substring", (value, first, _clamped(reach, 0)), TEXT)


def _clamped(bound: Typed, least: int) -> Typed:
    """A bound of a substring, inside what engines take."""
    if isinstance(bound, Const) and isinstance(bound.value, int):
        return Const(min(max(bound.value, least), _LONGEST), INTEGER)
    low, high = Const(least, bound.type), Const(_LONGEST, bound.type)
    inside = case([(compare("less", bound, low), low), (compare("greater", bound, high), high)], bound)
    return Call("convert", (inside,), INTEGER)


def add_days(day: Typed, days: Typed, *, back: bool = False) -> Typed:
    """The day so many days later or earlier; NULL past four million days."""
    want(days, INTEGERS, "a day plus")
    return Call("add_days", (day, signed("negate", days) if back else days), DATE)


def instant_of_day(value: Typed) -> Typed:
    """A date as the timestamp of its midnight; timestamps with a zone in UTC; others as they are."""
    if value.type is not None and value.type.kind is Kind.TIMESTAMPTZ:
        return Call("as_utc", (value,), ColumnType(Kind.TIMESTAMP))
    return value


def constant_type(value: bool | int | Decimal | str | date | datetime) -> ColumnType:
    """The type of a plain value."""
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return whole(len(str(abs(value))))
    if isinstance(value, Decimal):
        scale = max(-int(value.as_tuple().exponent), 0)
        return numeric(max(len(value.as_tuple().digits), scale + 1), scale)
    return TEXT if isinstance(value, str) else DATE
