"""How the steps of a run go forward: queued as pools have room, begun under a token, ended once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, insert, select, update

from lockgate.core.flow import (
    DEFAULT_POOL,
    FlowDeclaration,
    FlowStatus,
    Interval,
    NewRun,
    Runtime,
    StepClaim,
    StepDeclaration,
    StepEnd,
    Taker,
    Trigger,
)
from lockgate.core.legible import legible
from lockgate.errors import StaleToken
from lockgate.store.database import insert_into
from lockgate.store.flow_tables import flow_run, flow_step
from lockgate.store.scope import Scope

MAX_CLAIMS = 3
# A token counts how often an attempt was begun since it was queued, and above that how often it was queued anew.
QUEUED_ANEW = 1000
_TAKING_ROOM = {FlowStatus.QUEUED, FlowStatus.RUNNING}
# Steps that an earlier release queued have none.
_WORKER = func.coalesce(flow_step.c.worker, "")
_BY_TICK = [Trigger.SCHEDULED, Trigger.BACKFILL]
_LOST = {FlowStatus.FAILED.value, FlowStatus.CANCELLED.value}
_OPEN = [status for status in FlowStatus if not status.is_final]


def add(connection: Connection, scope: Scope, new: NewRun, at: datetime) -> int | None:
    """Stores a run whose steps wait: its number; None where it is there already."""
    same = [flow_run.c[name] == getattr(new, name) for name in ("flow", "runtime", "run_id")]
    # Asked before, since a row that is not inserted takes a number all the same.
    if connection.scalar(select(flow_run.c.number).where(scope.of(flow_run), *same)) is not None:
        return None
    row = scope.values() | {
        "flow": new.flow,
        "runtime": new.runtime,
        "run_id": new.run_id,
        "caused_by": new.trigger,
        "status": FlowStatus.WAITING,
        "interval_start": new.interval.start,
        "interval_end": new.interval.end,
        "queued_at": at,
        "begun_by": new.by,
    }
    once = insert_into(connection, flow_run).values(row).on_conflict_do_nothing().returning(flow_run.c.number)
    number: int | None = connection.scalar(once)
    if number is not None and new.steps:
        fixed = {"status": FlowStatus.WAITING, "attempt": 0, "token": 0, "error": "", "log": ""}
        steps = [{"number": number, "name": name, "position": at_} | fixed for at_, name in enumerate(new.steps, 1)]
        connection.execute(insert(flow_step), steps)
    return number


def add_due(connection: Connection, scope: Scope, runs: Sequence[NewRun], at: datetime) -> Iterator[int]:
    """Stores runs of one flow's ticks: the numbers of the new ones.

    A tick has one run, whatever began it. One that failed or was cancelled is made up for by another, if it is asked
    for: its id tells how many there have been.
    """
    if not runs:
        return
    ends = [new.interval.end for new in runs]
    due = and_(
        scope.of(flow_run),
        flow_run.c.flow == runs[0].flow,
        flow_run.c.runtime == runs[0].runtime,
        flow_run.c.caused_by.in_(_BY_TICK),
        flow_run.c.interval_end.between(min(ends), max(ends)),
    )
    there: dict[datetime, list[str]] = {}
    for row in connection.execute(select(flow_run.c.interval_end, flow_run.c.status).where(due)):
        there.setdefault(row.interval_end, []).append(row.status)
    for new in runs:
        before = there.get(new.interval.end, [])
        if before and (new.trigger is not Trigger.BACKFILL or not _LOST.issuperset(before)):
            continue
        run_id = f"{new.run_id}__{len(before) + 1}" if before else new.run_id
        number = add(connection, scope, replace(new, run_id=run_id), at)
        if number is not None:
            yield number


@dataclass(frozen=True, slots=True)
class _Open:
    """A run that has not ended, with its flow as it is declared now; None where it is not any more."""

    row: RowMapping
    flow: FlowDeclaration | None
    steps: Mapping[str, RowMapping]

    def declared(self, name: str) -> StepDeclaration | None:
        """A step as it is declared now."""
        found = [step for step in self.flow.steps if step.name == name] if self.flow else []
        return found[0] if found else None


def ready(
    connection: Connection,
    scope: Scope,
    flows: Mapping[str, FlowDeclaration],
    *,
    slots: Mapping[str, int],
    at: datetime,
    taker: Taker,
) -> tuple[str, ...]:
    """Moves runs of the embedded runtime on as far as they go: the keys of the attempts that the taker queued."""
    for one in _open_runs(connection, scope, flows):
        _settle(connection, one, at)
    taken: Counter[str] = Counter()
    queued: list[str] = []
    able: list[tuple[int, int, int, _Open, StepDeclaration]] = []
    runs = tuple(_open_runs(connection, scope, flows))
    active = _active(runs)
    wanted = _wanted(runs, active, taker)
    for one in runs:
        number = one.row["number"]
        for name, row in one.steps.items():
            step = one.declared(name)
            if row["status"] in _TAKING_ROOM:
                taken[step.pool if step else DEFAULT_POOL] += 1
                if row["status"] == FlowStatus.QUEUED and row["worker"] == taker.worker:
                    queued.append(_key(row))
            elif step and number in active and number in wanted and _is_due(one, step, row, at):
                able.append((-step.priority, number, row["position"], one, step))
    for *_, one, step in sorted(able, key=lambda each: each[:3]):
        if taken[step.pool] < slots.get(step.pool, 0):
            taken[step.pool] += 1
            queued.append(_queue(connection, one.steps[step.name], taker.worker))
    return tuple(queued)


def _active(runs: Sequence[_Open]) -> set[int]:
    """The runs that need not wait for older ones of their flow."""
    older: Counter[str] = Counter()
    found: set[int] = set()
    for one in runs:
        older[one.row["flow"]] += 1
        if one.flow is not None and older[one.row["flow"]] <= one.flow.max_active_runs:
            found.add(one.row["number"])
    return found


def _wanted(runs: Sequence[_Open], active: Collection[int], taker: Taker) -> set[int]:
    """The runs whose steps somebody takes: those asked for, and those which these have to wait for."""
    numbers = {one.row["number"] for one in runs}
    if taker.runs is None:
        return numbers
    waiting: dict[str, int] = {}
    for one in runs:
        if one.row["number"] in taker.runs and one.row["number"] not in active:
            waiting[one.row["flow"]] = one.row["number"]
    before = {one.row["number"] for one in runs if one.row["number"] < waiting.get(one.row["flow"], 0)}
    return before | (numbers & set(taker.runs))


def _open_runs(connection: Connection, scope: Scope, flows: Mapping[str, FlowDeclaration]) -> Iterator[_Open]:
    mine = and_(scope.of(flow_run), flow_run.c.runtime == Runtime.DURABLE, flow_run.c.status.in_(_OPEN))
    runs = connection.execute(select(flow_run).where(mine).order_by(flow_run.c.number)).mappings().all()
    by_run: dict[int, dict[str, RowMapping]] = {run["number"]: {} for run in runs}
    steps = select(flow_step).join(flow_run).where(mine).order_by(flow_step.c.number, flow_step.c.position)
    for step in connection.execute(steps).mappings():
        by_run[step["number"]][step["name"]] = step
    return (_Open(run, flows.get(run["flow"]), by_run[run["number"]]) for run in runs)


def _settle(connection: Connection, one: _Open, at: datetime) -> None:
    """Skips what cannot run any more, and ends the run where nothing of it is left to do."""
    statuses = {name: FlowStatus(row["status"]) for name, row in one.steps.items()}
    order = _in_order(one)
    for name in order or one.steps:
        step = one.declared(name)
        if statuses[name] is not FlowStatus.WAITING:
            continue
        lost = step is None or any(need not in statuses for need in step.needs)
        bad = [] if step is None else [need for need in step.needs if _is_bad(statuses.get(need))]
        if lost or bad or not order:
            why = "the project file does not declare it any more" if lost else f"{', '.join(bad)} did not succeed"
            why = why if order else "the steps of the flow need each other in a circle"
            statuses[name] = FlowStatus.SKIPPED
            _set(connection, one.steps[name], {"status": FlowStatus.SKIPPED, "finished_at": at, "error": why})
    if all(status.is_final for status in statuses.values()):
        went_well = all(status is FlowStatus.SUCCESS for status in statuses.values())
        end(connection, one.row["number"], went_well=went_well, at=at)


def end(connection: Connection, number: int, *, went_well: bool, at: datetime) -> None:
    """Ends a run."""
    status = FlowStatus.SUCCESS if went_well else FlowStatus.FAILED
    mine = and_(flow_run.c.number == number, flow_run.c.status.in_(_OPEN))
    connection.execute(update(flow_run).where(mine).values(status=status, finished_at=at))


def _in_order(one: _Open) -> Sequence[str]:
    """The steps' names so that each comes after what it needs; none where they need each other in a circle."""
    from graphlib import CycleError, TopologicalSorter

    needs = {name: [need for need in _needs(one, name) if need in one.steps] for name in one.steps}
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError:
        return ()


def _needs(one: _Open, name: str) -> tuple[str, ...]:
    step = one.declared(name)
    return step.needs if step else ()


def _is_bad(status: FlowStatus | None) -> bool:
    return status is not None and status.is_final and status is not FlowStatus.SUCCESS


def _is_due(one: _Open, step: StepDeclaration, row: RowMapping, at: datetime) -> bool:
    """Whether a step can be queued, if its pool has room."""
    if row["status"] != FlowStatus.WAITING or (row["next_at"] is not None and row["next_at"] > at):
        return False
    return all(one.steps[need]["status"] == FlowStatus.SUCCESS for need in step.needs)


def _queue(connection: Connection, row: RowMapping, worker: str) -> str:
    """Queues the next attempt, or once more one that was begun and given back."""
    is_given_back = row["attempt"] and row["finished_at"] is None
    again = {"attempt": row["attempt"], "token": row["token"]}
    values = again if is_given_back else {"attempt": row["attempt"] + 1, "token": 0}
    _set(connection, row, values | {"status": FlowStatus.QUEUED, "worker": worker, "next_at": None})
    return _key({"number": row["number"], "name": row["name"]} | values)


def _key(row: RowMapping | Mapping[str, Any]) -> str:
    """What an attempt is queued by; queued anew, it has another one, so that the former is worth nothing."""
    times = row["token"] // QUEUED_ANEW
    return f"{row['number']}/{row['name']}/{row['attempt']}" + (f"/{times}" if times else "")


def workers(connection: Connection, scope: Scope) -> frozenset[str]:
    """Those who have queued or begun steps that have not ended."""
    mine = and_(scope.of(flow_run), flow_step.c.status.in_(_TAKING_ROOM))
    return frozenset(connection.scalars(select(_WORKER).select_from(flow_step).join(flow_run).where(mine).distinct()))


def take_from(connection: Connection, scope: Scope, gone: Collection[str]) -> int:
    """Lets the steps of workers that are gone wait again: how many."""
    runs = select(flow_run.c.number).where(scope.of(flow_run), flow_run.c.status.in_(_OPEN))
    left = and_(flow_step.c.status.in_(_TAKING_ROOM), _WORKER.in_(gone), flow_step.c.number.in_(runs))
    return connection.execute(update(flow_step).where(left).values(_given_back(counts=True))).rowcount


def give_back(connection: Connection, claim: StepClaim) -> None:
    """Lets an attempt wait again as if it had not been begun, unless it is not the newest any more."""
    connection.execute(update(flow_step).where(_newest(claim)).values(_given_back(counts=False)))


def _given_back(*, counts: bool) -> dict[str, Any]:
    token = flow_step.c.token + QUEUED_ANEW - (0 if counts else 1)
    return {"status": FlowStatus.WAITING, "worker": None, "finished_at": None, "next_at": None, "token": token}


def claim(connection: Connection, scope: Scope, key: str, *, worker: str, at: datetime) -> StepClaim | None:
    """Begins an attempt under the next token; fails it where it was begun too often and never ended."""
    number, name, attempt, *anew = key.split("/")
    query = (
        select(flow_step, flow_run.c.flow, flow_run.c.run_id, flow_run.c.interval_start, flow_run.c.interval_end)
        .join(flow_run)
        .where(scope.of(flow_run), flow_step.c.number == int(number), flow_step.c.name == name)
        .with_for_update()
    )
    row = connection.execute(query).mappings().first()
    if row is None or row["attempt"] != int(attempt) or row["status"] not in _TAKING_ROOM:
        return None
    times, begun_before = divmod(row["token"], QUEUED_ANEW)
    if times != int(anew[0] if anew else 0):
        return None
    if begun_before >= MAX_CLAIMS:
        said = f"{begun_before} workers began it and none of them finished it"
        _set(connection, row, {"status": FlowStatus.FAILED, "finished_at": at, "error": said})
        return None
    begun = {"status": FlowStatus.RUNNING, "token": row["token"] + 1, "worker": worker, "finished_at": None}
    _set(connection, row, begun | {"started_at": row["started_at"] or at, "exit_code": None, "error": ""})
    first = and_(flow_run.c.number == int(number), flow_run.c.status == FlowStatus.WAITING)
    connection.execute(update(flow_run).where(first).values(status=FlowStatus.RUNNING, started_at=at))
    interval = Interval(row["interval_start"], row["interval_end"])
    return StepClaim(int(number), row["flow"], row["run_id"], name, int(attempt), row["token"] + 1, interval)


def finish(connection: Connection, claim: StepClaim, end: StepEnd, *, retry_at: datetime | None, at: datetime) -> None:
    """Stores how an attempt ended, unless it is not the newest any more."""
    status = FlowStatus.SUCCESS if end.is_success else FlowStatus.WAITING if retry_at else FlowStatus.FAILED
    values = {"status": status, "finished_at": at, "next_at": retry_at}
    said = {"exit_code": end.exit_code, "error": legible(end.error), "log": end.log}
    changed = connection.execute(update(flow_step).where(_newest(claim)).values(values | said))
    if changed.rowcount != 1:
        message = f"attempt {claim.attempt} at {claim.step} of flow run {claim.number} was overtaken"
        raise StaleToken(message, hint="Nothing is to be done: it was cancelled, or another worker has taken over.")


def is_newest(connection: Connection, claim: StepClaim) -> bool:
    """Whether the attempt is still the newest one."""
    return connection.scalar(select(flow_step.c.token).where(_newest(claim))) is not None


def _newest(claim: StepClaim) -> ColumnElement[bool]:
    return and_(
        flow_step.c.number == claim.number,
        flow_step.c.name == claim.step,
        flow_step.c.attempt == claim.attempt,
        flow_step.c.token == claim.token,
        flow_step.c.status == FlowStatus.RUNNING,
    )


def _set(connection: Connection, row: RowMapping, values: dict[str, Any]) -> None:
    mine = and_(flow_step.c.number == row["number"], flow_step.c.name == row["name"])
    connection.execute(update(flow_step).where(mine).values(values))
