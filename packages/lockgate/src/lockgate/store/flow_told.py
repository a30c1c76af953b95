"""What other runtimes tell of their runs: each step as the command that it calls begins and ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select, update

from lockgate.core.flow import FlowStatus, NewRun, OutsideStep, StepEnd
from lockgate.store import flow_turns
from lockgate.store.flow_tables import flow_run, flow_step
from lockgate.store.scope import Scope


def started(connection: Connection, scope: Scope, new: NewRun, *, step: str, at: datetime) -> None:
    """Stores that a step began once more; a run that had ended goes on, since its runtime tries again."""
    flow_turns.add(connection, scope, new, at)
    mine = _run(scope, new)
    row = connection.execute(select(flow_run.c.number, flow_run.c.started_at).where(mine)).one()
    running = {"status": FlowStatus.RUNNING, "finished_at": None}
    connection.execute(update(flow_run).where(mine).values(running | {"started_at": row.started_at or at}))
    begun = running | {"started_at": at, "attempt": flow_step.c.attempt + 1, "exit_code": None, "error": ""}
    connection.execute(update(flow_step).where(_step(row.number, step)).values(begun))


def finished(
    connection: Connection, scope: Scope, told: OutsideStep, end: StepEnd, *, retries: int, at: datetime
) -> None:
    """Stores how a step ended, and its run's end with the last of its steps."""
    number = connection.scalar(select(flow_run.c.number).where(_run(scope, told)))
    if number is None:
        return
    mine = _step(number, told.step)
    attempt = connection.scalar(select(flow_step.c.attempt).where(mine)) or 0
    unsuccessful = FlowStatus.WAITING if attempt <= retries else FlowStatus.FAILED
    status = FlowStatus.SUCCESS if end.is_success else unsuccessful
    ended = {"status": status, "finished_at": at, "exit_code": end.exit_code, "error": end.error}
    connection.execute(update(flow_step).where(mine).values(ended))
    statuses: set[str] = set(connection.scalars(select(flow_step.c.status).where(flow_step.c.number == number)))
    if statuses == {FlowStatus.SUCCESS}:
        flow_turns.end(connection, number, went_well=True, at=at)
    elif FlowStatus.FAILED in statuses and FlowStatus.RUNNING not in statuses:
        flow_turns.end(connection, number, went_well=False, at=at)


def _run(scope: Scope, told: NewRun | OutsideStep) -> ColumnElement[bool]:
    return and_(
        scope.of(flow_run),
        flow_run.c.flow == told.flow,
        flow_run.c.runtime == told.runtime,
        flow_run.c.run_id == told.run_id,
    )


def _step(number: int, name: str) -> ColumnElement[bool]:
    return and_(flow_step.c.number == number, flow_step.c.name == name)
