"""The runs of flows, as `lockgate.core.ports.flows.FlowStore` asks: added, fired once, shown, cancelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select, update

from lockgate.core.flow import (
    FlowDeclaration,
    FlowRun,
    FlowStatus,
    Interval,
    NewRun,
    OutsideStep,
    Runtime,
    SeenRun,
    StepClaim,
    StepEnd,
    StepState,
    Taker,
    Trigger,
)
from lockgate.errors import JobFinal, UnknownName
from lockgate.store import flow_told, flow_turns
from lockgate.store.database import Database, insert_into
from lockgate.store.exclusion import exclude_others
from lockgate.store.flow_tables import flow_fired, flow_run, flow_step
from lockgate.store.scope import Scope

LAST_NUMBER = 2**63 - 1
_UNDER_WAY = [status for status in FlowStatus if not status.is_final]


class FlowLog:
    """The runs of one project's flows on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep runs of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def add(self, runs: Sequence[NewRun], at: datetime) -> tuple[int, ...]:
        """See `FlowStore.add`."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "flows")
            due = [new for new in runs if new.trigger is not Trigger.MANUAL]
            others = (flow_turns.add(connection, self._scope, new, at) for new in runs if new.trigger is Trigger.MANUAL)
            numbers = tuple(number for number in others if number is not None)
            return (*numbers, *flow_turns.add_due(connection, self._scope, due, at))

    def fired(self, flow: str) -> datetime | None:
        """See `FlowStore.fired`."""
        with self._database.reading() as connection:
            until: datetime | None = connection.scalar(select(flow_fired.c.until).where(self._schedule(flow)))
            return until

    def fire(self, flow: str, seen: datetime | None, until: datetime, runs: Sequence[NewRun], at: datetime) -> bool:
        """See `FlowStore.fire`."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "flows")
            if not self._moves(connection, flow, seen, until):
                return False
            tuple(flow_turns.add_due(connection, self._scope, runs, at))
            return True

    def _moves(self, connection: Connection, flow: str, seen: datetime | None, until: datetime) -> bool:
        if seen is None:
            row = self._scope.values() | {"flow": flow, "until": until}
            first = insert_into(connection, flow_fired).values(row).on_conflict_do_nothing()
            return connection.execute(first.returning(flow_fired.c.flow)).first() is not None
        mine = and_(self._schedule(flow), flow_fired.c.until == seen)
        return connection.execute(update(flow_fired).where(mine).values(until=until)).rowcount == 1

    def _schedule(self, flow: str) -> ColumnElement[bool]:
        return and_(self._scope.of(flow_fired), flow_fired.c.flow == flow)

    def ready(
        self, flows: Mapping[str, FlowDeclaration], slots: Mapping[str, int], at: datetime, taker: Taker
    ) -> tuple[str, ...]:
        """See `FlowStore.ready`."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "flows")
            return flow_turns.ready(connection, self._scope, flows, slots=slots, at=at, taker=taker)

    def workers(self) -> frozenset[str]:
        """See `FlowStore.workers`."""
        with self._database.reading() as connection:
            return flow_turns.workers(connection, self._scope)

    def take_from(self, workers: Collection[str]) -> int:
        """See `FlowStore.take_from`."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "flows")
            return flow_turns.take_from(connection, self._scope, workers)

    def give_back(self, claim: StepClaim) -> None:
        """See `FlowStore.give_back`."""
        with self._database.writing() as connection:
            flow_turns.give_back(connection, claim)

    def claim(self, key: str, worker: str, at: datetime) -> StepClaim | None:
        """See `FlowStore.claim`."""
        with self._database.writing() as connection:
            return flow_turns.claim(connection, self._scope, key, worker=worker, at=at)

    def finish(self, claim: StepClaim, end: StepEnd, *, retry_at: datetime | None, at: datetime) -> None:
        """See `FlowStore.finish`."""
        with self._database.writing() as connection:
            flow_turns.finish(connection, claim, end, retry_at=retry_at, at=at)

    def is_wanted(self, claim: StepClaim) -> bool:
        """See `FlowStore.is_wanted`."""
        with self._database.reading() as connection:
            return flow_turns.is_newest(connection, claim)

    def cancel(self, number: int, at: datetime) -> FlowRun:
        """See `FlowStore.cancel`."""
        _check(number)
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "flows")
            status = connection.scalar(select(flow_run.c.status).where(self._run(number)))
            if status is None:
                raise _unknown(number)
            if FlowStatus(status).is_final:
                hint = "A run can be cancelled until it ends; `lockgate flow run` begins another one."
                raise JobFinal(f"run {number} has ended already: {status}", hint=hint, number=number)
            values = {"status": FlowStatus.CANCELLED, "finished_at": at}
            steps = and_(flow_step.c.number == number, flow_step.c.status.in_(_UNDER_WAY))
            connection.execute(update(flow_step).where(steps).values(values))
            connection.execute(update(flow_run).where(self._run(number)).values(values))
        return self.run(number)

    def run(self, number: int) -> FlowRun:
        """See `FlowStore.run`."""
        _check(number)
        steps = select(flow_step).where(flow_step.c.number == number).order_by(flow_step.c.position)
        with self._database.reading() as connection:
            row = connection.execute(select(flow_run).where(self._run(number))).mappings().first()
            if row is None:
                raise _unknown(number)
            return _run(row, tuple(_step(step) for step in connection.execute(steps).mappings()))

    def runs(
        self, *, flow: str | None = None, status: FlowStatus | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[FlowRun, ...]:
        """See `FlowStore.runs`."""
        query = select(flow_run).where(self._scope.of(flow_run))
        if flow is not None:
            query = query.where(flow_run.c.flow == flow)
        if status is not None:
            query = query.where(flow_run.c.status == status)
        if before is not None:
            query = query.where(flow_run.c.number < before)
        query = query.order_by(flow_run.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_run(row) for row in connection.execute(query).mappings())

    def told_started(self, new: NewRun, step: str, at: datetime) -> None:
        """See `FlowStore.told_started`."""
        with self._database.writing() as connection:
            flow_told.started(connection, self._scope, new, step=step, at=at)

    def told_finished(
        self, told: OutsideStep, end: StepEnd, *, retries: int, at: datetime, ends_run: bool = True
    ) -> None:
        """See `FlowStore.told_finished`."""
        with self._database.writing() as connection:
            number = flow_told.finished(connection, self._scope, told, end, retries=retries, at=at)
            if number is not None and ends_run:
                flow_told.end_where_done(connection, number, at)

    def seen(self, new: NewRun, run: SeenRun, *, telling: Collection[str], at: datetime) -> int:
        """See `FlowStore.seen`."""
        with self._database.writing() as connection:
            return flow_told.seen(connection, self._scope, new, run, telling=telling, at=at)

    def find(self, flow: str, runtime: Runtime, run_id: str) -> int | None:
        """See `FlowStore.find`."""
        mine = and_(flow_run.c.flow == flow, flow_run.c.runtime == runtime, flow_run.c.run_id == run_id)
        with self._database.reading() as connection:
            number: int | None = connection.scalar(select(flow_run.c.number).where(self._scope.of(flow_run), mine))
            return number

    def _run(self, number: int) -> ColumnElement[bool]:
        return and_(self._scope.of(flow_run), flow_run.c.number == number)


def _check(number: int) -> None:
    """No run has a number that the column does not hold."""
    if number > LAST_NUMBER:
        raise _unknown(number)


def _unknown(number: int) -> UnknownName:
    hint = "`lockgate flow status` lists the newest runs."
    return UnknownName(f"there is no flow run {number}", hint=hint, number=number)


def _run(row: RowMapping, steps: tuple[StepState, ...] = ()) -> FlowRun:
    """Columns as a run."""
    return FlowRun(
        number=row["number"],
        flow=row["flow"],
        run_id=row["run_id"],
        runtime=Runtime(row["runtime"]),
        trigger=Trigger(row["caused_by"]),
        status=FlowStatus(row["status"]),
        interval=Interval(row["interval_start"], row["interval_end"]),
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        by=row["begun_by"],
        steps=steps,
    )


def _step(row: RowMapping) -> StepState:
    """Columns as a step."""
    return StepState(
        name=row["name"],
        status=FlowStatus(row["status"]),
        attempt=row["attempt"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        exit_code=row["exit_code"],
        error=row["error"],
        log=row["log"],
    )
