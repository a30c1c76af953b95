"""The pages of decisions: what was decided about routes, by whom, why, and on which evidence."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.errors import UnknownName
from lockgate.server.console.listing import ROWS, Asked, Name, Number, asked, choices, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

DecisionId = Annotated[str, Path()]
_LONGEST_NUMBER = 18


class DecisionsAsked(Asked):
    """Which decisions to list."""

    entity: Name | None = None
    before: Number | None = None


async def decisions_page(request: Request) -> Response:
    """List decisions."""
    desk, query = desk_of(request), asked(request, DecisionsAsked)
    request.state.asked = (query.entity,)
    read = partial(desk.service.console.decisions, query.entity, before=query.before, limit=ROWS + 1)
    rows = rows_of(request, await desk.ask(read), lambda one: one.decision_id)
    entities = choices("every entity", desk.service.names())
    return page(request, "decisions.html.jinja", rows=rows, asked=query, entities=entities)


async def decision_page(request: Request, decision_id: DecisionId) -> Response:
    """Show a decision."""
    asked(request, Asked)
    desk = desk_of(request)
    decision = await desk.ask(desk.service.console.decision, numbered(decision_id, "decision"))
    return page(request, "decision.html.jinja", decision=decision)


def numbered(written: str, what: str) -> int:
    """The number in a path.

    Raises:
        UnknownName: it is none, so nothing has it.
    """
    if not (written.isascii() and written.isdigit()) or len(written) > _LONGEST_NUMBER:
        raise UnknownName(f"there is no {what} of that number")
    return int(written)
