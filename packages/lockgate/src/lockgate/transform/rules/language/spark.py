"""What Spark does otherwise: typed expressions as Spark has to be asked for them, so that it gives the same values.

Spark's decimal sums and products have a digit more than ours and lose decimals past 38 digits, integers are compared
with decimals as decimal(20,0), and a decimal is cut off when it becomes an integer. Where no spelling gives the exact
value the expression is refused. Source: Spark's `DecimalPrecision` and `DecimalType.adjustPrecisionScale`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from lockgate.core.types import INTEGERS, MAX_PRECISION, ColumnType, Kind
from lockgate.transform.rules.language.signatures import constant_type, convert
from lockgate.transform.rules.language.typed import (
    Call,
    Const,
    Mismatch,
    Typed,
    common,
    digits,
    fits,
    is_exact,
    numeric,
)

_SUMS = {"add", "subtract"}
_COMPARED = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "distinct", "not_distinct", "in"}
_KEPT_SCALE = 6  # decimals that Spark keeps when a result has too many digits
_REMEDY = "Cast the operands to fewer digits first."
VARIABLE = "${"
_NEEDLESS = re.compile(r"(\\[%_\\])|\\")


def adapted(node: Call) -> Call:
    """The call with operands in the types in which Spark computes it exactly.

    Raises:
        Mismatch: there are no such types.
    """
    if node.function in _COMPARED:
        return _compared(node)
    if node.function == "convert":
        return _converted(node)
    if node.type is None or node.type.kind is not Kind.NUMERIC:
        return node
    if node.function in _SUMS:
        return _sum(node, node.type)
    if node.function == "multiply":
        return _product(node, node.type)
    return _quotient(node, node.type) if node.function == "divide" else node


def _sum(node: Call, type_: ColumnType) -> Call:
    """A sum of operands that have a digit less, so that Spark's sum has as many as ours."""
    precision, scale = digits(type_)
    operand = numeric(precision - 1, scale)
    return Call(node.function, tuple(convert(_unwrapped(arg), operand) for arg in node.args), type_)


def _product(node: Call, type_: ColumnType, what: str = "product") -> Call:
    """A product of operands with no more digits than they can have.

    Raises:
        Mismatch: Spark would round it.
    """
    inner = [_unwrapped(arg) for arg in node.args]
    sizes = [_size(arg) for arg in inner]
    precision, scale = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
    if precision >= MAX_PRECISION and scale > _KEPT_SCALE:
        raise Mismatch(f"a {what} of {precision} digits with {scale} decimals", _REMEDY)
    return Call(node.function, tuple(_as_numeric(arg, size) for arg, size in zip(inner, sizes, strict=True)), type_)


def _quotient(node: Call, type_: ColumnType) -> Call:
    """A quotient, which Spark's template gives with six decimals, with its point where it belongs."""
    precision, scale = digits(type_)
    if scale <= _KEPT_SCALE:
        return node
    millionths = Call("divide", node.args, numeric(precision, _KEPT_SCALE), node.params)
    shift = Decimal(1).scaleb(_KEPT_SCALE - scale)
    return _product(Call("multiply", (millionths, Const(shift, constant_type(shift))), type_), type_, "quotient")


def _as_numeric(value: Typed, size: tuple[int, int]) -> Typed:
    """The value as a decimal, also where it is an integer."""
    return Call("convert", (value,), numeric(*size))


def _unwrapped(value: Typed) -> Typed:
    """The value without a conversion that changes nothing in it."""
    while isinstance(value, Call) and value.function == "convert":
        inner = value.args[0]
        if inner.type is None or value.type is None or not is_exact(inner.type) or not fits(inner.type, value.type):
            break
        value = inner
    return value


def _size(value: Typed) -> tuple[int, int]:
    """How many digits the value can have, and how many after the point; constants have those written."""
    if isinstance(value, Const) and isinstance(value.value, int | Decimal):
        return digits(constant_type(value.value))
    return digits(value.type) if value.type is not None else (1, 0)


def compared(one: ColumnType, other: ColumnType) -> ColumnType | None:
    """The decimal type in which exact numbers of two types compare; None where they can as they are."""
    is_one = one == other or {one.kind, other.kind} <= INTEGERS or not (is_exact(one) and is_exact(other))
    return None if is_one else common((numeric(*digits(one)), numeric(*digits(other))))


def _compared(node: Call) -> Call:
    """A comparison of exact numbers in one type that has room for both, where theirs are not alike."""
    types = {arg.type for arg in node.args if arg.type is not None}
    if not all(is_exact(type_) for type_ in types) or {type_.kind for type_ in types} <= INTEGERS:
        return node
    meeting = common(tuple(numeric(*_size(arg)) for arg in node.args))
    assert meeting is not None  # noqa: S101  # they have types
    return Call(node.function, tuple(_met(arg, meeting) for arg in node.args), node.type, node.params)


def _met(value: Typed, type_: ColumnType) -> Typed:
    """One side of a comparison."""
    return value if value.type == type_ and not isinstance(value, Const) else Call("convert", (value,), type_)


def _converted(node: Call) -> Call:
    """A cast; decimals are rounded before they become integers."""
    [value] = node.args
    if node.type is None or node.type.kind not in INTEGERS or value.type is None or value.type.kind is not Kind.NUMERIC:
        return node
    precision, scale = digits(value.type)
    if not scale:
        return node
    return Call("convert", (Call("convert", (value,), numeric(precision - scale + 1, 0)),), node.type)


def like_pattern(pattern: str) -> str:
    """The pattern of a LIKE with backslashes where they take a meaning away alone: Spark refuses others."""
    return _NEEDLESS.sub(r"\1", pattern)


def without_variables(query: exp.Expr) -> exp.Expr:
    """The query with no `${…}` in a text: Spark puts the values of variables in, also inside of literals."""

    def parted(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Literal) or not node.is_string or VARIABLE not in node.name:
            return node
        first, *others = node.name.split(VARIABLE)
        joined: exp.Expr = exp.Literal.string(f"{first}$")
        for number, part in enumerate(others, 1):
            text = "{" + part + ("$" if number < len(others) else "")
            joined = exp.DPipe(this=joined, expression=exp.Literal.string(text), safe=True)
        return exp.paren(joined, copy=False)

    return query.transform(parted, copy=False)
