"""What two columns are compared as: the form in which a value of either type means the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from lockgate.core.comparison import ColumnRule, ComparedColumn
from lockgate.core.types import INTEGERS, MAX_PRECISION, NUMBERS, Kind

FLOATS = frozenset({Kind.REAL, Kind.DOUBLE})
INSTANTS = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
_WHOLE = INTEGERS | {Kind.BOOLEAN}
_EXACT = INTEGERS | {Kind.NUMERIC}
_TEXTS = frozenset({Kind.TEXT, Kind.UUID})
_INTEGER_DIGITS = {Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: 19}
# What JSON is called that PostgreSQL wrote, of its lists and records as well.
POSTGRES_JSON = "jsonb"
JSON_NATIVES = frozenset({"json", POSTGRES_JSON})


PLAIN = ColumnRule()


class Form(StrEnum):
    """How values of two columns are held against each other.

    `SAME`: as the engine compares its own type. `NUMBER`: by decimal digits, of whatever size; a floating-point number
    has those of its shortest text. `NANOSECONDS`: points in time of which one side counts those. `UNLIKE`: types that
    have nothing in common, as text.
    """

    SAME = "same"
    WHOLE = "whole"
    DECIMAL = "decimal"
    NUMBER = "number"
    DOUBLE = "double"
    DATE = "date"
    INSTANT = "instant"
    NANOSECONDS = "nanoseconds"
    INTERVAL = "interval"
    TIME = "time"
    TEXT = "text"
    BYTES = "bytes"
    JSON = "json"
    UNLIKE = "unlike"

    @property
    def is_number(self) -> bool:
        """Whether values can be subtracted as numbers."""
        return self in {Form.WHOLE, Form.DECIMAL, Form.NUMBER, Form.DOUBLE}

    @property
    def is_time(self) -> bool:
        """Whether values are points in time."""
        return self in {Form.DATE, Form.INSTANT, Form.NANOSECONDS}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns that are compared, under the name of the left one; `scale` is that of form DECIMAL."""

    left: ComparedColumn
    right: ComparedColumn
    form: Form
    scale: int = 0
    rule: ColumnRule = PLAIN

    @property
    def name(self) -> str:
        """The column's name on the left."""
        return self.left.name

    @property
    def is_floating(self) -> bool:
        """Whether numbers of a side are floating-point, and so were rounded before they came."""
        return self.form is Form.DOUBLE or any(
            side.type.kind in FLOATS and not side.is_written for side in (self.left, self.right)
        )

    @property
    def is_exact(self) -> bool:
        """Whether values are equal or not, without a rule that bends it."""
        return self.rule == PLAIN


def paired(left: ComparedColumn, right: ComparedColumn, rule: ColumnRule = PLAIN) -> Pair:
    """Two columns with the form that their types have in common."""
    form, scale = _numbers(left, right) or (_form(left, right), 0)
    return Pair(left, right, form, scale, rule)


def _numbers(left: ComparedColumn, right: ComparedColumn) -> tuple[Form, int] | None:
    kinds = {left.type.kind, right.type.kind}
    if kinds <= _WHOLE:
        return Form.WHOLE, 0
    written = left.is_written or right.is_written
    if kinds <= FLOATS:
        return (Form.NUMBER if left.is_written and right.is_written else Form.DOUBLE), 0
    if _is_number_in_text(left, right) or _is_number_in_text(right, left):
        return Form.NUMBER, 0
    if not kinds <= _EXACT | FLOATS:
        return None
    if kinds & FLOATS:
        return (Form.DOUBLE if _only_floats_are_stored(left, right) else Form.NUMBER), 0
    room = None if written else _room(left, right)
    return (Form.NUMBER, 0) if room is None else (Form.DECIMAL, room)


def _only_floats_are_stored(left: ComparedColumn, right: ComparedColumn) -> bool:
    """Whether one side is floating-point and the other only writes its numbers, so that no digit of theirs is lost."""
    return any(
        one.type.kind in FLOATS and not one.is_written and other.is_written
        for one, other in ((left, right), (right, left))
    )


def _is_number_in_text(left: ComparedColumn, right: ComparedColumn) -> bool:
    """Whether one side is of numbers, and the other of a file's text, which may write some: Infinity."""
    return left.type.kind in NUMBERS and not left.is_written and right.is_written and right.type.kind is Kind.TEXT


def is_interval(column: ComparedColumn) -> bool:
    """Whether a column is of an engine's type for lengths of time."""
    return not column.is_written and re.match(r"interval\b[^[]*$", column.native, re.IGNORECASE) is not None


def _room(left: ComparedColumn, right: ComparedColumn) -> int | None:
    """The scale of a decimal type that holds the values of both; None where there is none."""
    sizes = [_digits(left), _digits(right)]
    if None in sizes:
        return None
    known = [size for size in sizes if size is not None]
    scale = max(size[1] for size in known)
    return scale if max(size[0] for size in known) + scale <= MAX_PRECISION else None


def _digits(column: ComparedColumn) -> tuple[int, int] | None:
    """Digits before and behind the point."""
    if column.type.kind in INTEGERS:
        return _INTEGER_DIGITS[column.type.kind], 0
    if column.type.precision is None:
        return None
    scale = column.type.scale or 0
    return column.type.precision - scale, scale


def _form(left: ComparedColumn, right: ComparedColumn) -> Form:
    kinds = {left.type.kind, right.type.kind}
    if all(is_interval(one) or one.is_written for one in (left, right)) and kinds == {Kind.TEXT}:
        return Form.INTERVAL if is_interval(left) or is_interval(right) else Form.TEXT
    if kinds == {Kind.JSON}:
        return _nested(left, right)
    if kinds == {Kind.DATE}:
        return Form.DATE
    if kinds <= INSTANTS:
        return Form.NANOSECONDS if _is_finer(left, right) else Form.INSTANT
    if kinds <= _TEXTS:
        return Form.TEXT
    single = {Kind.TIME: Form.TIME, Kind.BYTES: Form.BYTES}
    return single.get(left.type.kind, Form.UNLIKE) if len(kinds) == 1 else Form.UNLIKE


def _is_finer(left: ComparedColumn, right: ComparedColumn) -> bool:
    """Whether one side counts nanoseconds and the other does not: neither's type holds every value of the other's."""
    return left.native != right.native and any(each.native.endswith("_NS") for each in (left, right))


def _nested(left: ComparedColumn, right: ComparedColumn) -> Form:
    """Lists and records of one engine's own type are compared by it; the rest is compared as JSON."""
    is_own = left.native == right.native and left.native.lower() not in JSON_NATIVES and not left.is_written
    return Form.SAME if is_own else Form.JSON
