"""Expressions after they were read and checked: every node knows its type, and no node can fail on a row.

Types are `ColumnType`s. Inside an expression an integer type may carry a precision, the digits that its value can
have: `12` is an integer of two digits, so `numeric(12,2) * 12` is `numeric(14,2)`. `settled` takes that off again.
A type of None is that of a bare NULL, which takes on whatever type stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import TypeAlias

from lockgate.core.types import INTEGERS, MAX_PRECISION, ColumnType, Kind

Plain: TypeAlias = bool | int | Decimal | str | date | datetime | None

EXACT = Context(prec=4 * MAX_PRECISION)
"""Room for every digit of a constant; Python's own context rounds past 28."""
BOOLEAN = ColumnType(Kind.BOOLEAN)
TEXT = ColumnType(Kind.TEXT)
DATE = ColumnType(Kind.DATE)
INTEGER = ColumnType(Kind.INTEGER)
_DIGITS = {Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: 19}
_INTEGER_DIGITS, _BIGINT_DIGITS = 9, 18  # that surely fit
_UNBOUNDED = (MAX_PRECISION, 9)


class Mismatch(Exception):
    """An expression asks for something that its types do not give; the message says what, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        """Keep what is said."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Ref:
    """A column as it stands at this point of the rule set; `name` is unique over all its versions."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Const:
    """A value written in the expression."""

    value: Plain
    type: ColumnType | None


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function of the allow-list; `params` are what must be literal (patterns, parts, formats)."""

    function: str
    args: tuple[Typed, ...]
    type: ColumnType | None
    params: tuple[str | int, ...] = ()


Typed: TypeAlias = Ref | Const | Call


def digits(type_: ColumnType) -> tuple[int, int]:
    """How many digits an exact number can have, and how many of them after the point."""
    if type_.kind in INTEGERS:
        return type_.precision or _DIGITS[type_.kind], 0
    return _UNBOUNDED if type_.precision is None else (type_.precision, type_.scale or 0)


def is_exact(type_: ColumnType | None) -> bool:
    """Whether values are integers or decimals."""
    return type_ is not None and (type_.kind in INTEGERS or type_.kind is Kind.NUMERIC)


def numeric(precision: int, scale: int) -> ColumnType:
    """The decimal type of so many digits.

    Raises:
        Mismatch: that is more than engines have.
    """
    if precision > MAX_PRECISION:
        wanted = f"the result can have {precision} digits, more than the {MAX_PRECISION} that every engine has"
        raise Mismatch(wanted, "Cast the operands to fewer digits first.")
    return ColumnType(Kind.NUMERIC, precision, scale)


def whole(precision: int) -> ColumnType:
    """The narrowest type for integers of so many digits; past bigint it is numeric.

    Raises:
        Mismatch: that is more than engines have.
    """
    if precision <= _INTEGER_DIGITS:
        return ColumnType(Kind.INTEGER, precision)
    return ColumnType(Kind.BIGINT, precision) if precision <= _BIGINT_DIGITS else numeric(precision, 0)


def settled(type_: ColumnType) -> ColumnType:
    """The type as a column has it: integers without a count of digits."""
    return ColumnType(type_.kind) if type_.kind in INTEGERS else type_


def common(types: tuple[ColumnType | None, ...]) -> ColumnType | None:
    """The type that all of `types` can take on without losing anything; None where all are bare NULLs.

    Raises:
        Mismatch: there is none.
    """
    known = tuple(dict.fromkeys(type_ for type_ in types if type_ is not None))
    if len(known) <= 1:
        return known[0] if known else None
    if all(type_.kind in INTEGERS for type_ in known):
        return max(known, key=lambda type_: (_DIGITS[type_.kind], digits(type_)))
    if all(is_exact(type_) for type_ in known):
        sizes = [digits(type_) for type_ in known]
        scale = max(size[1] for size in sizes)
        return numeric(max(size[0] - size[1] for size in sizes) + scale, scale)
    kinds = {type_.kind for type_ in known}
    if len(kinds) == 1:
        return known[0]
    raise Mismatch(f"{' and '.join(str(settled(type_)) for type_ in known)} do not go together", "Cast one of them.")


def fits(type_: ColumnType, into: ColumnType) -> bool:
    """Whether every value of one type is, unchanged, a value of the other."""
    if is_exact(type_) and is_exact(into):
        if into.kind in INTEGERS:
            return type_.kind in INTEGERS and _DIGITS[type_.kind] <= _DIGITS[into.kind]
        (precision, scale), (room, decimals) = digits(type_), digits(into)
        return scale <= decimals and precision - scale <= room - decimals
    return type_.kind is into.kind or (type_.kind, into.kind) in {(Kind.REAL, Kind.DOUBLE), (Kind.UUID, Kind.TEXT)}
