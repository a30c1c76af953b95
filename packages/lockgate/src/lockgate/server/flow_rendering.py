"""Turns flows and their runs into answers."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from starlette.responses import Response

from lockgate.core.flow import FlowDeclaration, FlowRun, Schedule, StepLog
from lockgate.flow.ticks import next_tick
from lockgate.server.answers_flows import (
    FlowAnswer,
    FlowRunAnswer,
    FlowRunsAnswer,
    FlowRunSummary,
    FlowStepAnswer,
    ScheduleAnswer,
    StepLogAnswer,
    StepStateAnswer,
)
from lockgate.server.rendering import POLL_SECONDS, render


def flow_answer(flow: FlowDeclaration, last: FlowRun | None, now: datetime) -> FlowAnswer:
    """A flow, when it is due next, and how it went last."""
    steps = [
        FlowStepAnswer(
            step=step.name,
            kind=step.kind,
            needs=step.needs,
            retries=step.retries,
            timeout_seconds=step.timeout.total_seconds(),
            pool=step.pool,
        )
        for step in flow.steps
    ]
    return FlowAnswer(
        flow=flow.name,
        description=flow.description,
        runtime=flow.runtime,
        schedule=_schedule(flow.schedule, now) if flow.schedule else None,
        steps=steps,
        last_run=run_summary(last) if last else None,
    )


def _schedule(schedule: Schedule, now: datetime) -> ScheduleAnswer:
    calendar = schedule.calendar.name if schedule.calendar else None
    return ScheduleAnswer(
        cron=schedule.cron, timezone=schedule.timezone, calendar=calendar, next=next_tick(schedule, now)
    )


def run_summary(run: FlowRun) -> FlowRunSummary:
    """A run without its steps."""
    return FlowRunSummary(
        run=run.number,
        flow=run.flow,
        run_id=run.run_id,
        runtime=run.runtime,
        trigger=run.trigger,
        status=run.status,
        start=run.interval.start,
        end=run.interval.end,
        queued_at=run.queued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        by=run.by,
    )


def run_answer(run: FlowRun) -> FlowRunAnswer:
    """A run with its steps."""
    steps = [
        StepStateAnswer(
            step=step.name,
            status=step.status,
            attempt=step.attempt,
            started_at=step.started_at,
            finished_at=step.finished_at,
            exit_code=step.exit_code,
            error=step.error,
        )
        for step in run.steps
    ]
    return FlowRunAnswer(**dict(run_summary(run)), steps=steps)


def runs_answer(runs: tuple[FlowRun, ...], limit: int) -> FlowRunsAnswer:
    """A page of runs."""
    following = runs[-1].number if len(runs) == limit else None
    return FlowRunsAnswer(runs=[run_summary(run) for run in runs], next=following)


def log_answer(number: int, step: str, log: StepLog) -> StepLogAnswer:
    """What an attempt has printed."""
    return StepLogAnswer(run=number, step=step, attempt=log.attempt, text=log.text, is_whole=log.is_whole)


def begun(run: FlowRun) -> Response:
    """The answer that tells where to look for a run that was begun."""
    headers = {"Location": f"/api/flows/{run.flow}/runs/{run.number}", "Retry-After": str(POLL_SECONDS)}
    return render(run_answer(run), HTTPStatus.ACCEPTED, headers)
