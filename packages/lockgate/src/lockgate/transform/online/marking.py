"""The number of a record, or of its request, on every row made of it: rows of many come out of one query unmixed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lockgate.core.relation import Relation
from lockgate.transform.online.scope import Reach, readings

MARK, REQUEST = "_lockgate_record", "_lockgate_request"


def marked(query: exp.Query, records: Relation) -> exp.Query | None:
    """A query that gives `MARK` as its last column too, which `records` must have then; the rows stay as they are.

    None if rows do not rest on one record each, or if it asks for columns in a way by which it would see the mark.
    """
    query = query.copy()
    read = readings(query, records)
    if read[-1].reach is not Reach.ROW:
        return None
    carrying = [
        (one.scope.expression, one.carriers[0].name)
        for one in read
        if one.reach is Reach.ROW and isinstance(one.scope.expression, exp.Select)
    ]
    if not all(carrier and is_blind(select, [carrier]) for select, carrier in carrying):
        return None
    for select, carrier in carrying:
        mark(select, [carrier], MARK)
    return query


def mark(select: exp.Select, carriers: Sequence[str], name: str) -> None:
    """Lets a SELECT give the mark of that name that the first of the carriers has, and no other."""
    for projection in select.expressions:
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star) and projection.text("table") in ("", *carriers):
            star.set("except_", [*(star.args.get("except_") or ()), exp.column(name, quoted=True)])
    select.append("expressions", exp.alias_(mark_of(carriers[0], name), name, quoted=True))


def mark_of(carrier: str, name: str) -> exp.Column:
    """The mark of that name that a source of a SELECT has."""
    return exp.column(name, table=carrier, quoted=True)


def is_blind(select: exp.Select, carriers: Sequence[str]) -> bool:
    """Whether a SELECT, and what is inside it, gives the same with one column more in what brings the records."""
    if select.find(exp.Columns, exp.PositionalColumn):
        return False
    bare = (column.name.lower() for column in select.find_all(exp.Column) if not column.table)
    if not {carrier.lower() for carrier in carriers}.isdisjoint(bare):
        return False  # which may be the whole row
    return all(_is_projection(star) for star in select.find_all(exp.Star))


def _is_projection(star: exp.Star) -> bool:
    top = star.parent if isinstance(star.parent, exp.Column) else star
    return isinstance(top.parent, exp.Select) or (top is star and isinstance(star.parent, exp.Count))
