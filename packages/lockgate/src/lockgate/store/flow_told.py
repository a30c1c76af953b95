"""What other runtimes tell of their runs: each step as the command that it calls begins and ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from lockgate.core.flow import FlowStatus, NewRun, OutsideStep, SeenRun, StepEnd, StepState
from lockgate.core.legible import legible
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
) -> int | None:
    """Stores how a step ended: its run's number, None where that is not known."""
    number: int | None = connection.scalar(select(flow_run.c.number).where(_run(scope, told)))
    if number is None:
        return None
    mine = _step(number, told.step)
    attempt = connection.scalar(select(flow_step.c.attempt).where(mine)) or 0
    unsuccessful = FlowStatus.WAITING if attempt <= retries else FlowStatus.FAILED
    status = FlowStatus.SUCCESS if end.is_success else unsuccessful
    ended = {"status": status, "finished_at": at, "exit_code": end.exit_code, "error": legible(end.error)}
    connection.execute(update(flow_step).where(mine).values(ended))
    return number


def end_where_done(connection: Connection, number: int, at: datetime) -> None:
    """Ends a run with the last of its steps, or where one has failed and none is running."""
    statuses: set[str] = set(connection.scalars(select(flow_step.c.status).where(flow_step.c.number == number)))
    if statuses == {FlowStatus.SUCCESS}:
        flow_turns.end(connection, number, went_well=True, at=at)
    elif FlowStatus.FAILED in statuses and FlowStatus.RUNNING not in statuses:
        flow_turns.end(connection, number, went_well=False, at=at)


def seen(
    connection: Connection, scope: Scope, new: NewRun, run: SeenRun, *, telling: Collection[str], at: datetime
) -> int:
    """Stores a run and its steps as the runtime shows them: the run's number."""
    flow_turns.add(connection, scope, new, run.queued_at)
    row = connection.execute(select(flow_run.c.number, flow_run.c.status).where(_run(scope, new))).one()
    number: int = row.number
    if row.status == FlowStatus.CANCELLED:
        return number
    ended = (run.finished_at or at) if run.status.is_final else None
    values = {"status": run.status, "started_at": run.started_at, "finished_at": ended}
    connection.execute(update(flow_run).where(flow_run.c.number == number).values(values))
    if run.steps:
        _add_missing(connection, number, new.steps)
    for step in run.steps:
        connection.execute(update(flow_step).where(_step(number, step.name)).values(_shown(step, telling)))
    return number


def _add_missing(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Adds the steps that nobody has told of, each in its place."""
    known: set[str] = set(connection.scalars(select(flow_step.c.name).where(flow_step.c.number == number)))
    if known >= set(names):
        return
    for position, name in enumerate(names, 1):
        if name in known:
            connection.execute(update(flow_step).where(_step(number, name)).values(position=position))
        else:
            fixed = {"status": FlowStatus.WAITING, "attempt": 0, "token": 0, "error": "", "log": ""}
            connection.execute(insert(flow_step).values({"number": number, "name": name, "position": position} | fixed))


def _shown(step: StepState, telling: Collection[str]) -> dict[str, object]:
    """The columns that a look at a step changes."""
    values: dict[str, object] = {"status": step.status, "started_at": step.started_at}
    if step.status.is_final or step.name not in telling:
        values |= {"attempt": step.attempt, "finished_at": step.finished_at}
    return values


def _run(scope: Scope, told: NewRun | OutsideStep) -> ColumnElement[bool]:
    return and_(
        scope.of(flow_run),
        flow_run.c.flow == told.flow,
        flow_run.c.runtime == told.runtime,
        flow_run.c.run_id == told.run_id,
    )


def _step(number: int, name: str) -> ColumnElement[bool]:
    return and_(flow_step.c.number == number, flow_step.c.name == name)
