"""Routes on entities and on the live switch `Transformation.Dbt.Enabled`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.app.entity_states import EntityState
from lockgate.errors import UnknownName
from lockgate.govern.changes import switching
from lockgate.server.answers import EntitiesAnswer
from lockgate.server.bodies import SwitchBody, checked
from lockgate.server.changing import changing
from lockgate.server.desk import desk_of
from lockgate.server.reading import read_document
from lockgate.server.rendering import entity_answer, render, switch_answer

# What the audit calls the subject of a switch that is thrown for all.
EntityPath = Annotated[str, Path(description="The name of an entity.", examples=["users"])]


async def list_entities(request: Request) -> Response:
    """List the entities: who would answer for each now."""
    found = await _entities(request)
    return render(EntitiesAnswer(entities=[entity_answer(entity) for entity in found]))


async def show_entity(request: Request, name: EntityPath) -> Response:
    """Look at an entity."""
    request.state.asked = (name,)
    found = [entity for entity in await _entities(request) if entity.name == name]
    if not found:
        raise UnknownName("there is no entity of that name")
    return render(entity_answer(found[0]))


async def switch_dbt(request: Request) -> Response:
    """Switch dbt on or off for every entity, at once."""
    return await _switch(request, None)


async def switch_dbt_of(request: Request, name: EntityPath) -> Response:
    """Switch dbt on or off for one entity, at once."""
    request.state.asked = (name,)
    return await _switch(request, name)


async def _switch(request: Request, entity: str | None) -> Response:
    desk = desk_of(request)
    body = checked(SwitchBody, await read_document(request, desk.options, desk.threads))
    by = str(request.state.caller)
    async with changing(request, switching(entity, enabled=body.enabled)):
        switch = await desk.ask(desk.service.set_dbt_enabled, entity, enabled=body.enabled, by=by)
    return render(switch_answer(switch, await _entities(request)))


async def _entities(request: Request) -> tuple[EntityState, ...]:
    desk = desk_of(request)
    return await desk.ask(desk.service.entities)
