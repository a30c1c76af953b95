"""The page of one entity, and what is done to it at once: the dbt switch, and a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from lockgate.app.entity_view import EntityView
from lockgate.core.gate import Answer
from lockgate.core.job import TransformRequest
from lockgate.core.route import Route, Stage
from lockgate.errors import UnknownName
from lockgate.govern.changes import switching
from lockgate.server.bodies import checked_query
from lockgate.server.changing import changing
from lockgate.server.console.charts import RoutePicture, Timeline, route_picture, timeline
from lockgate.server.console.lineage_view import node_path
from lockgate.server.console.listing import Asked, asked
from lockgate.server.console.rendering import page, see
from lockgate.server.console.writing import segment
from lockgate.server.desk import desk_of
from lockgate.server.forms import read_form
from lockgate.server.submitting import submitted

EntityName = Annotated[str, Path()]
SHOWN_COMPARISONS = 10
LADDER = (Stage.OFF, Stage.SHADOW, Stage.CANARY, Stage.PROMOTED, Stage.RETIRED)


@dataclass(frozen=True, slots=True)
class EntityPage:
    """What the page shows beside the entity itself."""

    view: EntityView
    picture: RoutePicture
    timeline: Timeline
    lineage: str
    ladder: tuple[Stage, ...] = LADDER

    @property
    def route(self) -> Route:
        """The route in force."""
        return self.view.route

    @property
    def is_ready(self) -> bool:
        """Whether all gates say go, and consumers do not read all of the candidate yet."""
        gates = self.view.glance.gates
        is_open = self.route.stage in {Stage.SHADOW, Stage.CANARY}
        return is_open and bool(gates) and all(one.answer is Answer.GO for one in gates)


class SwitchForm(BaseModel):
    """Whether dbt may answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool


async def entity_page(request: Request, name: EntityName) -> Response:
    """Show an entity."""
    asked(request, Asked)
    desk = desk_of(request)
    view = await desk.ask(desk.service.console.entity, known(request, name))
    cycles = timeline(view.executions, view.comparisons, view.route)
    lineage = node_path(f"served.{desk.service.project}.{view.name}")
    facts = EntityPage(view, route_picture(view.route), cycles, lineage)
    return page(request, "entity.html.jinja", page=facts, view=view, shown_comparisons=SHOWN_COMPARISONS)


async def switch_form(request: Request, name: EntityName) -> Response:
    """Ask whether dbt is to be switched for one entity."""
    return await _switch_form(request, known(request, name))


async def switch_all_form(request: Request) -> Response:
    """Ask whether dbt is to be switched for every entity."""
    return await _switch_form(request, "")


async def _switch_form(request: Request, name: str) -> Response:
    asked(request, Asked)
    desk = desk_of(request)
    found = await desk.ask(desk.service.console.overview)
    names = [one.state.name for one in found.entities]
    if name and name not in names:
        raise UnknownName("there is no entity of that name", name=name)
    mine = tuple(one for one in found.entities if name in {"", one.state.name})
    is_on = mine[0].state.is_dbt_enabled if name else found.is_dbt_enabled
    for_all = found.is_dbt_enabled
    return page(request, "switch.html.jinja", entity=name, is_on=is_on, is_on_for_all=for_all, concerned=mine)


async def switch_entity(request: Request, name: EntityName) -> Response:
    """Switch dbt on or off for one entity."""
    return await _switch(request, known(request, name), f"/entities/{segment(name)}")


async def switch_all(request: Request) -> Response:
    """Switch dbt on or off for every entity."""
    return await _switch(request, None, "/")


async def _switch(request: Request, name: str | None, back: str) -> Response:
    desk = desk_of(request)
    form = checked_query(SwitchForm, tuple((await read_form(request, desk)).items()))
    by = str(request.state.caller)
    async with changing(request, switching(name, enabled=form.enabled)):
        await desk.ask(partial(desk.service.set_dbt_enabled, name, enabled=form.enabled, by=by))
    return see(back, said="switched-on" if form.enabled else "switched-off")


async def run_now(request: Request, name: EntityName) -> Response:
    """Have an entity transformed, as routed."""
    desk = desk_of(request)
    await read_form(request, desk)
    job = await submitted(request, TransformRequest(name))
    return see(f"/jobs/{segment(job.job_id)}")


def known(request: Request, name: str) -> str:
    """The name of an entity that is asked for, to be remembered for whoever mistyped it."""
    request.state.asked = (name,)
    return name
