"""What columns stand for in a condition: filters and expected differences mean the same by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from lockgate.core.comparison import ComparedColumn
from lockgate.core.sql import sql_type
from lockgate.core.types import Kind


def over_values(condition: exp.Expr, placed: Callable[[str], tuple[ComparedColumn, exp.Column]]) -> exp.Expr:
    """A condition over values as what they are, also where a file has them as text; numbers of any size as doubles.

    `placed` tells of a name which column it is, and where its values are.
    """
    return condition.transform(lambda node: _typed(*placed(node.name)) if isinstance(node, exp.Column) else node)


def is_open(column: ComparedColumn) -> bool:
    """Whether numbers are there as text, of a type that does not say how many digits they have."""
    return column.is_written and column.type.kind in {Kind.NUMERIC, Kind.DOUBLE} and column.type.precision is None


def _typed(column: ComparedColumn, value: exp.Column) -> exp.Expr:
    if not column.is_written:
        return value
    return exp.cast(value, "double" if is_open(column) else sql_type(column.type))


@dataclass(frozen=True, slots=True)
class Unlike:
    """What a condition does that engines answer differently, and what to write in its place."""

    what: str
    remedy: str


_DIVIDES = Unlike("divides", "Multiply instead: a >= 2 * b for a / b >= 2.")
_ROUNDS = Unlike("rounds", "Compare with both ends instead: amount >= 1.5 and amount < 2.5.")
_PATTERN = Unlike("matches with SIMILAR TO", "Use like, or ~ with a regular expression.")
_PRINTS = Unlike("makes text of what is none", "Compare the value itself: amount = 1 for cast(amount as text) = '1'.")
_SINGLE = Unlike("uses numbers of single precision", "Say cast(rate as double precision).")
_WHOLE_KINDS = frozenset({Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT})
_DOUBLES = frozenset({exp.DataType.Type.DOUBLE})


def unlike(condition: exp.Expr, kinds: Mapping[str, frozenset[Kind]]) -> Unlike | None:
    """What engines would not answer alike in a condition; `kinds` are those of each column on both sides."""
    for kind, found in ((exp.Div, _DIVIDES), (exp.Round, _ROUNDS), (exp.SimilarTo, _PATTERN)):
        if condition.find(kind):
            return found
    for cast in condition.find_all(exp.Cast):
        within = {kind for each in cast.find_all(exp.Column) for kind in kinds[each.name]}
        if cast.to.this in exp.DataType.INTEGER_TYPES and within - _WHOLE_KINDS - {Kind.TEXT, Kind.BOOLEAN}:
            return _ROUNDS
        if cast.to.this in exp.DataType.TEXT_TYPES and within - {Kind.TEXT}:
            return _PRINTS
    for each in condition.find_all(exp.Column):
        is_widened = isinstance(each.parent, exp.Cast) and each.parent.to.this in _DOUBLES
        if Kind.REAL in kinds[each.name] and not is_widened:
            return _SINGLE
    return None
