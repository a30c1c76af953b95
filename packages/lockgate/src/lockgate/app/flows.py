"""Flows: begun, followed, made up for, cancelled and looked at; and the embedded runtime over this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lockgate.app.notifying import channels_of
from lockgate.core.flow import (
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
)
from lockgate.errors import UnknownName
from lockgate.flow.running import FlowService
from lockgate.flow.telling import failed, is_late, late

if TYPE_CHECKING:
    from lockgate.adapters.jobs.dbos import DbosWorker
    from lockgate.app.wiring import Wiring

KIND = "flows"
STEPS_AT_ONCE = 4
TOLD_FOR = timedelta(days=1)


class Flows:
    """The flows that a project declares, and their runs on its default target."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing runs before it is asked for."""
        self._wiring = wiring

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

    def begin(self, name: str, *, by: str, interval: Interval | None = None) -> FlowRun:
        """Stores a run that somebody asks for; whatever runs the project's flows takes it up."""
        return self.run(self._service().begin(name, by=by, interval=interval))

    def backfill(self, name: str, since: datetime, until: datetime, *, by: str) -> tuple[FlowRun, ...]:
        """Stores a run for each time of the schedule from `since` to before `until` that has none yet."""
        return tuple(self.run(number) for number in self._service().backfill(name, since, until, by=by))

    def run(self, number: int) -> FlowRun:
        """One run with its steps.

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
        return self._wiring.store.flows.cancel(number, self._wiring.clock())

    def work(self, watch: Callable[[], bool], *, schedules: bool = False) -> None:
        """Runs steps in this process, beside any other that does, for as long as `watch` says that it goes on.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
        """
        worker = self._wiring.worker({KIND: STEPS_AT_ONCE})
        service = self.service(worker)
        service.start(schedules=schedules)
        try:
            while watch():
                pass
        finally:
            service.close(patience_seconds=15.0)

    def told_started(self, told: OutsideStep) -> None:
        """Stores that a step of a run on another runtime began.

        Raises:
            UnknownName: the project declares no such flow or step.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        now = self._wiring.clock()
        self._outside(told)
        steps = tuple(step.name for step in self.flow(told.flow).steps if step.kind is not StepKind.SHELL)
        interval = told.interval or Interval(now, now)
        new = NewRun(told.flow, told.run_id, told.runtime, told.trigger, interval, steps)
        self._wiring.store.flows.told_started(new, told.step, now)

    def told_finished(self, told: OutsideStep, end: StepEnd) -> None:
        """Stores how a step of a run on another runtime ended.

        Raises:
            UnknownName: the project declares no such flow or step.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        retries = self._outside(told).retries
        self._wiring.store.flows.told_finished(told, end, retries=retries, at=self._wiring.clock())

    def _outside(self, told: OutsideStep) -> StepDeclaration:
        try:
            return self.flow(told.flow).step(told.step)
        except KeyError as error:
            raise UnknownName(f"the flow {told.flow} has no step {told.step!r}", name=told.step) from error

    def service(self, worker: DbosWorker) -> FlowService:
        """The embedded runtime, taking its work from a queue of `worker`."""
        from lockgate.adapters.processes.steps import StepPrograms

        wiring = self._wiring
        options = ("--project", str(wiring.project.folder), "--target", wiring.project.default_target)
        return FlowService(
            wiring.store.flows,
            worker.queue(KIND),
            StepPrograms(wiring.project.folder, wiring.state / "flows", options),
            wiring.clock,
            flows=self.declared,
            slots=wiring.project.pools,
            ended=self.tell,
        )

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
        """A runtime that only stores what is asked of it."""
        return self.service(self._wiring.worker({KIND: STEPS_AT_ONCE}))
