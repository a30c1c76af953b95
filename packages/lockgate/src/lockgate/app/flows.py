"""Flows: begun, followed, made up for, cancelled and looked at; and the embedded runtime over this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.flow_logs import read_log
from lockgate.app.notifying import channels_of
from lockgate.app.outside_flows import OutsideFlows
from lockgate.core.flow import (
    FIRST_YEAR,
    LAST_YEAR,
    FlowDeclaration,
    FlowRun,
    FlowStatus,
    Interval,
    NewRun,
    OutsideStep,
    Runtime,
    StepDeclaration,
    StepEnd,
    StepKind,
    StepLog,
)
from lockgate.errors import CapabilityMissing, IntervalInvalid, JobFinal, UnknownName
from lockgate.flow.running import FlowService
from lockgate.flow.telling import failed, is_late, late

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.ports.flows import StepQueue

KIND = "flows"
LOGS = "flows"
STEPS_AT_ONCE = 4
TOLD_FOR = timedelta(days=1)


class Flows:
    """The flows that a project declares, and their runs on its default target."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing runs before it is asked for."""
        self._wiring = wiring
        self._embedded: FlowService | None = None

    @cached_property
    def outside(self) -> OutsideFlows:
        """Those that another runtime runs."""
        return OutsideFlows(self._wiring)

    def declared(self) -> Mapping[str, FlowDeclaration]:
        """Every flow, by name."""
        return self._wiring.project.flows

    def flow(self, name: str) -> FlowDeclaration:
        """One flow.

        Raises:
            UnknownName: the project declares no such flow.
        """
        known = self.declared()
        if name not in known:
            message = f"there is no flow {name!r}; the project declares {', '.join(known) or 'none'}"
            raise UnknownName(message, name=name)
        return known[name]

    def begin(self, name: str, *, by: str, interval: Interval | None = None, run_id: str = "") -> FlowRun:
        """A run that somebody asks for, stored for whatever runs the project's flows, or begun on the flow's runtime.

        Where there is a run of `run_id`, that one.

        Raises:
            UnknownName: the project declares no such flow.
            IntervalInvalid: no run can be about that time.
            FlowMissing, FlowPaused, RunExists, RuntimeRefused, RuntimeUnavailable: what the runtime says.
        """
        flow = self.flow(name)
        interval = _checked(interval) if interval else None
        if flow.is_outside:
            number = self.outside.begin(flow, by=by, interval=interval, run_id=run_id)
        else:
            number = self._service().begin(name, by=by, interval=interval, run_id=run_id)
        return self.kept(number)

    def backfill(self, name: str, since: datetime, until: datetime, *, by: str) -> tuple[FlowRun, ...]:
        """Stores a run for each time of the schedule from `since` to before `until` that has come and has none yet.

        A time whose runs failed or were cancelled gets another one.

        Raises:
            UnknownName: the project declares no such flow, or it has no schedule.
            IntervalInvalid: the range is empty, lies ahead or centuries away, or holds too many times.
            CapabilityMissing: another runtime runs it.
        """
        if self.flow(name).is_outside:
            hint = f"On Airflow: airflow backfill create --dag-id {name} --from-date … --to-date …"
            raise CapabilityMissing(f"{self.flow(name).runtime} makes up for times gone by of {name} itself", hint=hint)
        check_years(since, until)
        return tuple(self.run(number) for number in self._service().backfill(name, since, until, by=by))

    def run(self, number: int) -> FlowRun:
        """One run with its steps, as it stands now where another runtime runs it.

        Raises:
            UnknownName: there is none of that number.
        """
        return self.outside.refreshed(self.kept(number))

    def kept(self, number: int) -> FlowRun:
        """One run with its steps, as it was seen last.

        Raises:
            UnknownName: there is none of that number.
        """
        return self._wiring.store.flows.run(number)

    def runs(
        self, *, flow: str | None = None, status: FlowStatus | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[FlowRun, ...]:
        """The newest runs first, without their steps."""
        if flow is not None:
            self.flow(flow)
        return self._wiring.store.flows.runs(flow=flow, status=status, before=before, limit=limit)

    def cancel(self, number: int) -> FlowRun:
        """Cancels a run: nothing more of it begins, what is running is stopped.

        Raises:
            UnknownName: there is none of that number.
            JobFinal: it has ended already.
        """
        store = self._wiring.store.flows
        run = store.run(number)
        if run.runtime is Runtime.DURABLE or run.status.is_final:
            return store.cancel(number, self._wiring.clock())
        self.outside.cancel(run)
        # Somebody who looked at it there meanwhile has found that it ended.
        with suppress(JobFinal):
            store.cancel(number, self._wiring.clock())
        return store.run(number)

    def follow(self, number: int) -> Iterator[FlowRun]:
        """A run of another runtime each time that it is looked at, until it has ended.

        Raises:
            UnknownName: there is none of that number.
            RuntimeUnavailable: the runtime does not answer; the run goes on there.
        """
        return self.outside.follow(self.kept(number))

    def log(self, number: int, step: str, attempt: int | None = None) -> StepLog:
        """What an attempt at a step has printed, the newest where none is named; of a very long log the end.

        Raises:
            UnknownName: there is no such run, step or attempt.
        """
        run = self.run(number)
        state = next((each for each in run.steps if each.name == step), None)
        if state is None:
            hint = f"Its steps are {', '.join(each.name for each in run.steps) or 'not known'}."
            raise UnknownName(f"run {number} has no step {step!r}", hint=hint, name=step)
        wanted = state.attempt if attempt is None else attempt
        if wanted < 1:
            hint = f"`lockgate flow status {number}` shows how far it has come."
            raise UnknownName(f"{step} of run {number} has not begun", hint=hint, name=step)
        if run.runtime is Runtime.DURABLE:
            found = read_log(self._wiring.state / LOGS, run, step, wanted)
        else:
            found = self.outside.log(run, step, wanted)
        return replace(found, text=redacted(found.text), attempt=wanted)

    def work(self, watch: Callable[[], bool], *, runs: Collection[int]) -> None:
        """Runs steps of some runs, and of those they wait for, in this process, as long as `watch` says so.

        Any other process may run steps of them too; what is under way at the end is left to others.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
        """
        service = self.service(self._wiring.own_queue(STEPS_AT_ONCE))
        service.start(schedules=False, runs=runs)
        try:
            while watch():
                pass
        finally:
            service.close(patience_seconds=15.0)

    def told_started(self, told: OutsideStep) -> None:
        """Stores that a step of a run on another runtime began; a command inside a shell step is not the step itself.

        Raises:
            UnknownName: the project declares no such flow or step.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        now = self._wiring.clock()
        if self._outside(told).kind is StepKind.SHELL:
            return
        steps = tuple(step.name for step in self.flow(told.flow).steps if step.kind is not StepKind.SHELL)
        interval = told.interval or Interval(now, now)
        new = NewRun(told.flow, told.run_id, told.runtime, told.trigger, interval, steps)
        self._wiring.store.flows.told_started(new, told.step, now)

    def told_finished(self, told: OutsideStep, end: StepEnd) -> None:
        """Stores how a step of a run on another runtime ended; likewise.

        Raises:
            UnknownName: the project declares no such flow or step.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        step = self._outside(told)
        if step.kind is StepKind.SHELL:
            return
        # Where the runtime is declared its word counts: not every step tells of itself.
        ends_run = not self.flow(told.flow).is_outside
        at = self._wiring.clock()
        self._wiring.store.flows.told_finished(told, end, retries=step.retries, at=at, ends_run=ends_run)

    def _outside(self, told: OutsideStep) -> StepDeclaration:
        try:
            return self.flow(told.flow).step(told.step)
        except KeyError as error:
            raise UnknownName(f"the flow {told.flow} has no step {told.step!r}", name=told.step) from error

    def service(self, queue: StepQueue) -> FlowService:
        """The embedded runtime, taking its work from a queue."""
        from lockgate.adapters.processes.steps import StepPrograms

        wiring = self._wiring
        options = ("--project", str(wiring.project.folder), "--target", wiring.project.default_target)
        self._embedded = FlowService(
            wiring.store.flows,
            queue,
            StepPrograms(wiring.project.folder, wiring.state / LOGS, options),
            wiring.clock,
            flows=self.declared,
            slots=wiring.project.pools,
            ended=self.tell,
        )
        return self._embedded

    def tell(self) -> None:
        """Puts down notices of runs that failed, and of those that are late; each once, whoever looks."""
        store, now = self._wiring.store, self._wiring.clock()
        if not self._wiring.project.notifications:
            return
        for run in store.flows.runs(status=FlowStatus.FAILED, limit=20):
            is_recent = run.finished_at is not None and now - run.finished_at < TOLD_FOR
            if is_recent and not run.runtime.tells_failures:
                notice = failed(store.flows.run(run.number), now)
                store.notices.add(notice, channels_of(self._wiring.project, notice))
        for status in (FlowStatus.WAITING, FlowStatus.RUNNING):
            for run in store.flows.runs(status=status):
                flow = self.declared().get(run.flow)
                if flow is not None and run.runtime is Runtime.DURABLE and is_late(run, flow, now):
                    notice = late(store.flows.run(run.number), flow, now)
                    store.notices.add(notice, channels_of(self._wiring.project, notice))

    def _service(self) -> FlowService:
        """The runtime of this process, or else one that only stores what is asked of it."""
        return self._embedded or self.service(self._wiring.own_queue(STEPS_AT_ONCE))


def _checked(interval: Interval) -> Interval:
    """An interval in UTC.

    Raises:
        IntervalInvalid: it ends before it begins, or lies where no business had or will have data.
    """
    check_years(interval.start, interval.end)
    if interval.end < interval.start:
        raise IntervalInvalid("the interval ends before it begins")
    return Interval(interval.start.astimezone(UTC), interval.end.astimezone(UTC))


def check_years(*moments: datetime) -> None:
    """Lets times through that a run can be about.

    Raises:
        IntervalInvalid: one lies where no business had or will have data.
    """
    if not all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in moments):
        said = f"no run is about a time before {FIRST_YEAR} or after {LAST_YEAR}"
        raise IntervalInvalid(said, hint=f"Ask for a time from {FIRST_YEAR} to {LAST_YEAR}.")
