"""Pages that move routes: plans made, followed while they are applied, and gone on with; the way back; the end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from lockgate.app.plan_view import PlanStatus, PlanView
from lockgate.app.service import Service
from lockgate.config import parse_buckets
from lockgate.core.access import AuditOutcome
from lockgate.core.cutover import PlanResult
from lockgate.core.job import Failure
from lockgate.core.route import Stage
from lockgate.errors import CutoverInvalid, LockgateError, StaleToken
from lockgate.govern.auditing import outcome_of_plan
from lockgate.govern.changes import applying, planning, promoting, retiring, rolling_back
from lockgate.server.bodies import Reason, checked_query
from lockgate.server.changing import changing
from lockgate.server.console.entities import EntityName, known
from lockgate.server.console.listing import Asked, Name, asked
from lockgate.server.console.rendering import fragment, page, see
from lockgate.server.console.streaming import Sight, live
from lockgate.server.console.writing import segment
from lockgate.server.desk import desk_of
from lockgate.server.forms import read_form

PlanId = Annotated[str, Path()]


def _percentage(written: object) -> object:
    """A share as the project file writes it: whoever fills in a form need not write the sign."""
    return f"{written}%" if isinstance(written, str) and "%" not in written else written


def _goal(stage: Stage) -> Stage:
    """A stage that a plan can lead to."""
    if stage not in GOALS:
        raise PydanticCustomError("goal", "should be shadow, canary or promoted")
    return stage


GOALS = (Stage.SHADOW, Stage.CANARY, Stage.PROMOTED)
Goal = Annotated[Stage, AfterValidator(_goal)]
Share = Annotated[int, BeforeValidator(parse_buckets), BeforeValidator(_percentage)]


class PlanAsked(Asked):
    """Where a plan is to lead, before it is made."""

    to: Goal | None = None


class PlanForm(BaseModel):
    """Where a plan is to lead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Goal
    share: Share | None = None
    candidate: Name | None = None


class ReasonForm(BaseModel):
    """Why something is done; kept with the decision."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason


class RollBackForm(ReasonForm):
    """Why an entity is rolled back, and whether nothing of the candidate is built any more."""

    off: bool = False


# --- plans -------------------------------------------------------------------------------------------------------


async def plan_form(request: Request, name: EntityName) -> Response:
    """Ask where an entity is to be moved."""
    chosen = asked(request, PlanAsked).to
    return await _plan_form(request, name, chosen=chosen or Stage.SHADOW)


async def make_plan(request: Request, name: EntityName) -> Response:
    """Freeze the steps to a stage; nothing is moved."""
    desk = desk_of(request)
    form = checked_query(PlanForm, tuple((await read_form(request, desk)).items()))
    by, share = str(request.state.caller), form.share if form.to is Stage.CANARY else None
    make = partial(desk.service.console.plan, by=by, share=share, candidate=form.candidate)
    try:
        told = planning(known(request, name), form.to.value, share, form.candidate)
        async with changing(request, told) as change:
            plan = await desk.ask(make, name, form.to)
            change.tell(plan=plan.plan_id)
    except CutoverInvalid as error:
        return await _plan_form(request, name, chosen=form.to, error=error)
    return see(f"/plans/{segment(plan.plan_id)}")


async def _plan_form(request: Request, name: str, *, chosen: Stage, error: LockgateError | None = None) -> Response:
    desk = desk_of(request)
    view = await desk.ask(desk.service.console.entity, known(request, name))
    chosen = chosen if chosen in view.goals else next(iter(view.goals), chosen)
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    return page(request, "plan_form.html.jinja", status=status, view=view, chosen=chosen, error=error)


async def plan_page(request: Request, plan_id: PlanId) -> Response:
    """Show a plan, step by step."""
    asked(request, Asked)
    return page(request, "plan.html.jinja", view=await _plan(request, plan_id))


async def plan_live(request: Request, plan_id: PlanId) -> Response:
    """A plan, drawn anew as it is applied."""

    async def look() -> Sight[PlanView]:
        view = await _plan(request, plan_id)
        return Sight(view, is_final=view.status is not PlanStatus.RUNNING)

    def draw(view: PlanView) -> str:
        return fragment(request, "plan_part.html.jinja", view=view)

    return await live(request, look, draw)


async def _plan(request: Request, plan_id: str) -> PlanView:
    desk = desk_of(request)
    return await desk.ask(desk.service.console.planned, plan_id)


async def apply_plan(request: Request, plan_id: PlanId) -> Response:
    """Begin to apply a plan to shadow or canary, or go on with it; its page tells how it goes."""
    return await _apply(request, plan_id, is_promotion=False)


async def promote(request: Request, plan_id: PlanId) -> Response:
    """Begin to apply a plan to promoted, or go on with it; its page tells how it goes."""
    return await _apply(request, plan_id, is_promotion=True)


async def _apply(request: Request, plan_id: str, *, is_promotion: bool) -> Response:
    desk = desk_of(request)
    form = checked_query(ReasonForm, tuple((await read_form(request, desk)).items()))
    view = await _plan(request, plan_id)
    if view.is_promotion is not is_promotion:
        raise CutoverInvalid(f"the plan leads to {view.plan.goal[0].stage}", hint="Load the plan's page again.")
    told = promoting(view.plan.entities, form.reason) if is_promotion else applying(plan_id, form.reason)
    async with changing(request, told) as change:
        change.tell(**({"plan": plan_id} if is_promotion else {}))
        ended = partial(_tell, desk.service, change.audit_id, change.facts)
        begin = partial(desk.service.console.apply, plan_id, by=str(request.state.caller), reason=form.reason)
        change.leave_begun()
        if not await desk.ask(begin, ended=ended):
            change.take_back_up()
            change.tell(joined=True)
    return see(f"/plans/{segment(plan_id)}")


def _tell(service: Service, audit_id: int | None, told: Mapping[str, object], came: PlanResult | Failure) -> None:
    """Ends the audit's entry of a plan that is over."""
    if audit_id is None:
        return
    if isinstance(came, Failure):
        service.access.end_change(audit_id, AuditOutcome.FAILED, {**told, "code": came.code})
        return
    facts = {**told, "answer": came.answer.value, "steps": len(came.outcomes)}
    service.access.end_change(audit_id, outcome_of_plan(came), facts)


# --- the way back, and the end -----------------------------------------------------------------------------------


async def roll_back_form(request: Request, name: EntityName) -> Response:
    """Ask whether to give everything back to the incumbent."""
    asked(request, Asked)
    return await _confirm(request, name, "roll_back.html.jinja")


async def roll_back(request: Request, name: EntityName) -> Response:
    """Give everything back to the incumbent, at once."""
    desk = desk_of(request)
    form = checked_query(RollBackForm, tuple((await read_form(request, desk)).items()))
    back = partial(desk.service.roll_back, by=str(request.state.caller), reason=form.reason, off=form.off)
    try:
        async with changing(request, rolling_back(known(request, name), form.reason, off=form.off)):
            done = await desk.ask(back, name)
    except (CutoverInvalid, StaleToken) as error:
        return await _confirm(request, name, "roll_back.html.jinja", error=error)
    return page(request, "rolled_back.html.jinja", entity=name, done=done)


async def retire_form(request: Request, name: EntityName) -> Response:
    """Ask whether to end a cutover."""
    asked(request, Asked)
    return await _confirm(request, name, "retire.html.jinja")


async def retire(request: Request, name: EntityName) -> Response:
    """End a cutover: the promoted candidate is the incumbent."""
    desk = desk_of(request)
    form = checked_query(ReasonForm, tuple((await read_form(request, desk)).items()))
    end = partial(desk.service.console.retire, by=str(request.state.caller), reason=form.reason)
    try:
        async with changing(request, retiring(known(request, name), form.reason)):
            await desk.ask(end, name)
    except (CutoverInvalid, StaleToken) as error:
        return await _confirm(request, name, "retire.html.jinja", error=error)
    return see(f"/entities/{segment(name)}", said="retired")


async def _confirm(request: Request, name: str, template: str, error: LockgateError | None = None) -> Response:
    desk = desk_of(request)
    view = await desk.ask(desk.service.console.entity, known(request, name))
    status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
    return page(request, template, status=status, view=view, error=error)
