"""PIVOT and UNPIVOT: columns that are made of others by their position in a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from lockgate.lineage.shapes import Reach, Shape, Unknown, united

ReachOf = Callable[[exp.Expr], Reach]


def pivoted(shape: Shape, pivot: exp.Pivot, reach_of: ReachOf) -> Shape:
    """The shape after one operator; `reach_of` says what an expression over the shape is made of.

    Raises:
        Unknown: the columns that come out are not known.
    """
    made = _unpivoted(pivot, reach_of) if pivot.unpivot else _pivoted(pivot, reach_of)
    used = {column.name for column in _inputs(pivot)}
    kept = {name: reach for name, reach in shape.columns.items() if name not in used}
    openings = tuple(replace(each, hidden=each.hidden | used | set(made)) for each in shape.openings)
    return replace(shape, columns={**kept, **made}, openings=openings)


def _pivoted(pivot: exp.Pivot, reach_of: ReachOf) -> dict[str, Reach]:
    """Sqlglot lists the new columns by value, and for each value by aggregate."""
    columns = pivot.args.get("columns") or []
    aggregates = pivot.expressions
    if not columns or not aggregates:
        raise Unknown("a PIVOT whose columns depend on the data")
    values = united(reach_of(one) for one in pivot.fields)
    of_aggregates = [united((reach_of(one), values)) for one in aggregates]
    return {column.name: of_aggregates[at % len(aggregates)] for at, column in enumerate(columns)}


def _unpivoted(pivot: exp.Pivot, reach_of: ReachOf) -> dict[str, Reach]:
    everything = united(reach_of(one) for one in _inputs(pivot))
    values = {name.name: everything for one in pivot.expressions for name in one.find_all(exp.Identifier)}
    names = {one.this.name: everything for one in pivot.fields if isinstance(one, exp.In)}
    if not values or not names:
        raise Unknown("an UNPIVOT whose columns are not named")
    return {**names, **values}


def _inputs(pivot: exp.Pivot) -> list[exp.Column]:
    """The columns that go into an operator and do not come out of it."""
    if pivot.unpivot:
        listed = [entry for one in pivot.fields if isinstance(one, exp.In) for entry in one.expressions]
        return [column for entry in listed for column in entry.find_all(exp.Column)]
    return [column for one in (*pivot.expressions, *pivot.fields) for column in one.find_all(exp.Column)]
