"""Routes on cutovers: where one stands, and the way back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from lockgate.govern.changes import rolling_back
from lockgate.server.bodies import RollbackBody, checked
from lockgate.server.changing import changing
from lockgate.server.cutover_rendering import cutover_answer, rollback_answer
from lockgate.server.desk import desk_of
from lockgate.server.reading import read_document
from lockgate.server.rendering import render
from lockgate.server.routes_entities import EntityPath


async def show_cutover(request: Request, name: EntityPath) -> Response:
    """Look at where an entity's cutover stands: its route, what its gates say, what was last found and decided."""
    request.state.asked = (name,)
    desk = desk_of(request)
    return render(cutover_answer(await desk.ask(desk.service.cutover, name)))


async def roll_back(request: Request, name: EntityPath) -> Response:
    """Roll an entity back, and its group with it, at once: the incumbent answers for everything."""
    request.state.asked = (name,)
    desk = desk_of(request)
    body = checked(RollbackBody, await read_document(request, desk.options, desk.threads))
    by = str(request.state.caller)
    async with changing(request, rolling_back(name, body.reason, off=False)):
        done = await desk.ask(desk.service.roll_back, name, by=by, reason=body.reason)
    return render(rollback_answer(done))
