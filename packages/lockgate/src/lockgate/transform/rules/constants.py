"""Plain values of a rule file as constants of a column's type."""

from __future__ import annotations

from decimal import Decimal

from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.transform.rules.language.casts import cast
from lockgate.transform.rules.language.literals import BITS
from lockgate.transform.rules.language.signatures import constant_type
from lockgate.transform.rules.language.typed import TEXT, Const, Mismatch, Typed, fits, numeric, settled
from lockgate.transform.rules.rule_set import Scalar


def constant(value: Scalar, type_: ColumnType | None) -> Typed:
    """The value as a constant of the type, or, without one, of the type that it shows.

    Raises:
        Mismatch: it is none of that type.
    """
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if exact is None:
        raise Mismatch("null is no value here")
    if type_ is None:
        return Const(exact, settled(constant_type(exact)))
    if isinstance(exact, str):
        return Const(exact, TEXT) if type_.kind is Kind.TEXT else cast(Const(exact, TEXT), type_)
    if not _is_of(exact, type_):
        remedy = "Put it in quotes." if type_.kind is Kind.TEXT else f"The column is {type_}."
        raise Mismatch(f"{value!r} is no {type_}", remedy)
    return Const(exact, type_)


def _is_of(value: bool | int | Decimal, type_: ColumnType) -> bool:
    """Whether a number or truth value is one of the type."""
    if isinstance(value, bool) or type_.kind is Kind.BOOLEAN:
        return isinstance(value, bool) and type_.kind is Kind.BOOLEAN
    if type_.kind in INTEGERS:
        return value == int(value) and -(2 ** BITS[type_.kind]) <= value < 2 ** BITS[type_.kind]
    if type_.kind in {Kind.DOUBLE, Kind.REAL}:
        return True
    if type_.kind is not Kind.NUMERIC:
        return False
    shown = constant_type(Decimal(value))
    return fits(numeric(shown.precision or 1, shown.scale or 0), type_)
