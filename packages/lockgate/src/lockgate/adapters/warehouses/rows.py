"""Routes, and what views show, as rows of a target: both kinds of target keep them in the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate.core.relation import Relation
from lockgate.core.route import Route, Stage

Row = Sequence[Any] | None
ShownPair = tuple[int | None, int | None]


def route_of(row: Row) -> Route | None:
    """The route in a row of entity, incumbent, candidate, stage, share and token."""
    if row is None:
        return None
    entity, incumbent, candidate, stage, share, token = row
    return Route(entity, incumbent, candidate, Stage(stage), share, token)


def words_of(route: Route) -> dict[str, Any]:
    """A route as the words of the statements that store it."""
    return {
        "entity": route.entity,
        "incumbent": route.incumbent,
        "candidate": route.candidate,
        "stage": route.stage.value,
        "share": route.share,
        "token": route.token,
    }


def served_of(row: Row) -> Relation | None:
    """The view in a row of schema, name and the numbers of both editions that it shows."""
    return Relation(row[0], row[1]) if row else None


def shown_pair_of(row: Row) -> ShownPair:
    """The editions that a view shows, the incumbent's and the candidate's; None: it shows none of that side."""
    return (row[2], row[3]) if row else (None, None)


def numbers_in(pair: ShownPair) -> frozenset[int]:
    """The numbers of the editions that are shown at all."""
    return frozenset(number for number in pair if number)
