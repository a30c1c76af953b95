"""The pages of gates: what each asks for, what it says with the evidence that it saw, and the form to sign it."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from lockgate.errors import CutoverInvalid, LockgateError
from lockgate.govern.changes import signing
from lockgate.server.bodies import Reason, checked_query
from lockgate.server.changing import changing
from lockgate.server.console.entities import EntityName, known
from lockgate.server.console.listing import Asked, Name, asked
from lockgate.server.console.rendering import page, see
from lockgate.server.console.writing import segment
from lockgate.server.desk import desk_of
from lockgate.server.forms import read_form

GateName = Annotated[str, Path()]


class SignForm(BaseModel):
    """In which role somebody signs, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Name
    reason: Reason


async def gates_page(request: Request) -> Response:
    """List gates, with what each says of every entity."""
    asked(request, Asked)
    desk = desk_of(request)
    return page(request, "gates.html.jinja", gates=await desk.ask(desk.service.console.gates))


async def gate_page(request: Request, name: EntityName, gate: GateName) -> Response:
    """Show a gate of an entity."""
    asked(request, Asked)
    return await _gate(request, name, gate)


async def sign(request: Request, name: EntityName, gate: GateName) -> Response:
    """Sign a gate for the route as it stands."""
    desk = desk_of(request)
    form = checked_query(SignForm, tuple((await read_form(request, desk)).items()))
    put = partial(desk.service.console.sign, by=str(request.state.caller), reason=form.reason)
    try:
        async with changing(request, signing(known(request, name), gate, form.role, form.reason)):
            await desk.ask(put, name, gate, form.role)
    except CutoverInvalid as error:
        return await _gate(request, name, gate, error)
    return see(f"/entities/{segment(name)}/gates/{segment(gate)}", said="signed")


async def _gate(request: Request, name: str, gate: str, error: LockgateError | None = None) -> Response:
    desk = desk_of(request)
    view = await desk.ask(desk.service.console.gate, known(request, name), gate)
    mine = view.roles_of(request.state.caller.name)
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    offered = tuple((role, role) for role in mine)
    return page(request, "gate.html.jinja", status=status, view=view, offered=offered, mine=mine, error=error)
