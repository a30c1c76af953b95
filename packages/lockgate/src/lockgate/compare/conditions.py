"""What columns stand for in a condition: filters and expected differences mean the same by them."""

from __future__ import annotations

from collections.abc import Callable

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
