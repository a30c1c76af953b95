"""Routes on flows: what is declared, and runs that are begun, looked at and cancelled, wherever they run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.flow import FlowDeclaration, FlowRun, Trigger
from lockgate.core.job import IdempotencyKey
from lockgate.errors import UnknownName
from lockgate.govern.changes import beginning_flow, cancelling_flow
from lockgate.server.answers_flows import FlowAnswer, FlowsAnswer
from lockgate.server.bodies import FlowRunBody, FlowRunsQuery, RunNumber, StepLogQuery, checked, refuse_repeated
from lockgate.server.changing import changing
from lockgate.server.desk import Desk, desk_of
from lockgate.server.flow_rendering import begun, flow_answer, log_answer, run_answer, runs_answer
from lockgate.server.idempotency import key_of
from lockgate.server.json_body import parse
from lockgate.server.reading import read_body
from lockgate.server.rendering import render

FlowPath = Annotated[str, Path(description="The name of a flow.", examples=["nightly"])]
NumberPath = Annotated[RunNumber, Path(description="The number of a run.", examples=[17])]
StepPath = Annotated[str, Path(description="The name of a step.", examples=["load"])]
# The same key begins one run, in whatever process and however often.
_KEYED = f"{Trigger.MANUAL}__key-"


async def list_flows(request: Request) -> Response:
    """List the flows: when each is due next, and how it went last."""
    desk = desk_of(request)

    def found() -> list[FlowAnswer]:
        return [_answer(desk, flow) for flow in desk.service.flows.declared().values()]

    return render(FlowsAnswer(flows=await desk.ask(found)))


async def show_flow(request: Request, name: FlowPath) -> Response:
    """Look at a flow."""
    desk = desk_of(request)
    return render(await desk.ask(lambda: _answer(desk, desk.service.flows.flow(name))))


def _answer(desk: Desk, flow: FlowDeclaration) -> FlowAnswer:
    last = next(iter(desk.service.flows.runs(flow=flow.name, limit=1)), None)
    return flow_answer(flow, last, datetime.now(UTC))


async def begin_run(request: Request, name: FlowPath) -> Response:
    """Begin a run of a flow, where the flow is run, and look at it later."""
    desk = desk_of(request)
    content = await read_body(request, desk.options, desk.options.small_body_bytes)
    document = parse(content, desk.options) if content else {}
    scope = f"{request.state.caller} POST {request.scope['route'].path}"
    key = key_of(request.headers.getlist("idempotency-key"), scope=scope, document={"flow": name, "body": document})
    body = checked(FlowRunBody, document)
    desk.service.flows.flow(name)
    interval = body.asked()
    if key is not None:
        await desk.answer(desk.service.hold(key))
    by, run_id = str(request.state.caller), _run_id(key)
    async with changing(request, beginning_flow(name)) as change:
        run = await desk.ask_outside(desk.service.flows.begin, name, by=by, interval=interval, run_id=run_id)
        change.tell(run=run.number)
    return begun(run)


def _run_id(key: IdempotencyKey | None) -> str:
    if key is None:
        return ""
    return _KEYED + hashlib.sha256(f"{key.scope}\n{key.key}\n{key.digest}".encode()).hexdigest()[:32]


async def list_runs(request: Request, name: FlowPath, query: Annotated[FlowRunsQuery, Query()]) -> Response:
    """List the runs of a flow, the newest first, as they were seen last."""
    desk = desk_of(request)
    refuse_repeated(request.query_params.multi_items())

    def found() -> tuple[FlowRun, ...]:
        return desk.service.flows.runs(flow=name, status=query.status, before=query.before, limit=query.limit)

    return render(runs_answer(await desk.ask(found), query.limit))


async def show_run(request: Request, name: FlowPath, number: NumberPath) -> Response:
    """Look at a run and its steps, as they stand now wherever they run."""
    return render(run_answer(await desk_of(request).ask_outside(_run_of, desk_of(request), name, number)))


async def show_log(
    request: Request, name: FlowPath, number: NumberPath, step: StepPath, query: Annotated[StepLogQuery, Query()]
) -> Response:
    """Read what a step has printed, at its newest attempt or another one."""
    desk = desk_of(request)
    refuse_repeated(request.query_params.multi_items())
    await desk.ask(_check_flow, desk, name, number)
    log = await desk.ask_outside(desk.service.flows.log, number, step, query.attempt)
    return render(log_answer(number, step, log))


async def cancel_run(request: Request, name: FlowPath, number: NumberPath) -> Response:
    """Cancel a run: nothing more of it begins, what is running is stopped."""
    desk = desk_of(request)
    async with changing(request, cancelling_flow(number)):
        await desk.ask(_check_flow, desk, name, number)
        run = await desk.ask_outside(desk.service.flows.cancel, number)
    return render(run_answer(run))


def _run_of(desk: Desk, name: str, number: int) -> FlowRun:
    _check_flow(desk, name, number)
    return desk.service.flows.run(number)


def _check_flow(desk: Desk, name: str, number: int) -> None:
    """Returns where a run is one of the flow.

    Raises:
        UnknownName: it is not, or there is no such run.
    """
    if desk.service.flows.kept(number).flow != name:
        raise UnknownName(f"the flow has no run {number}")
