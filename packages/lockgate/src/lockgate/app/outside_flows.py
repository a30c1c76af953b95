"""Flows that another runtime runs: begun there, looked at there, and kept in the control plane as they were seen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

from lockgate.core.deadline import within
from lockgate.core.flow import (
    FlowDeclaration,
    FlowRun,
    FlowStatus,
    Interval,
    NewRun,
    Runtime,
    SeenRun,
    StepKind,
    StepLog,
    Trigger,
)
from lockgate.errors import CapabilityMissing, JobFinal, LockgateError, UnknownName

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

logger = logging.getLogger(__name__)

NEWEST = 20
# Before a run's first step others may have to end, and workers to come free.
LEAST_FOLLOWED = timedelta(days=1)
LOOK_SECONDS = 5.0
LONGEST_LOOK_SECONDS = 10.0


class OutsideFlows:
    """The runs of a project's flows on runtimes that it declares."""

    def __init__(self, wiring: Wiring) -> None:
        """No runtime is asked yet."""
        self._wiring = wiring

    def begin(self, flow: FlowDeclaration, *, by: str, interval: Interval | None, run_id: str = "") -> int:
        """Begins a run there, then keeps it here: its number. Where there is one of `run_id`, that one.

        A process that dies in between leaves a run that the next look finds.
        """
        now = self._wiring.clock()
        about = interval or Interval(now, now)
        wanted = run_id or f"{Trigger.MANUAL}__{now.isoformat()}"
        seen = self._wiring.runtime(flow).trigger(flow.name, wanted, about, may_exist=bool(run_id))
        return self._keep(flow, seen, by=by)

    def look(self) -> None:
        """Keeps what the runtimes show of their newest runs, whatever began them; one that is away is passed over."""
        for flow in self._wiring.project.flows.values():
            if flow.is_outside:
                try:
                    with within(LONGEST_LOOK_SECONDS):
                        self._look(flow)
                except LockgateError as error:
                    logger.warning("the runs of %s are not looked at now: %s", flow.name, error.message)

    def _look(self, flow: FlowDeclaration) -> None:
        runtime = self._wiring.runtime(flow)
        known = {run.run_id: run for run in self._kept(flow)}
        shown = {run.run_id: run.status for run in runtime.runs(flow.name, limit=NEWEST)}
        for run_id, run in known.items():
            if not run.status.is_final:
                shown.setdefault(run_id, FlowStatus.RUNNING)
        for run_id, status in reversed(shown.items()):
            before = known[run_id].status if run_id in known else None
            if before is not FlowStatus.CANCELLED and not (before is status and status.is_final):
                try:
                    self._keep(flow, runtime.seen(flow.name, run_id))
                except UnknownName:
                    self._end_gone(flow, run_id, known.get(run_id))

    def _kept(self, flow: FlowDeclaration) -> Iterator[FlowRun]:
        """The newest runs of a flow that are kept here, and every one that is still open, as the runtime's kind."""
        store, kind = self._wiring.store.flows, self._kind(flow)
        is_open = [status for status in FlowStatus if not status.is_final]
        for status in (None, *is_open):
            yield from (run for run in store.runs(flow=flow.name, status=status, limit=NEWEST) if run.runtime is kind)

    def _end_gone(self, flow: FlowDeclaration, run_id: str, run: FlowRun | None) -> None:
        """Ends a run that the runtime knows no more: nobody will say how it went."""
        logger.warning("%s has no run %s of %s any more", flow.runtime, run_id, flow.name)
        if run is not None:
            with suppress(JobFinal):
                self._wiring.store.flows.cancel(run.number, self._wiring.clock())

    def refreshed(self, run: FlowRun) -> FlowRun:
        """A run as it stands there now; as it was seen last where it has ended, or the runtime cannot be asked."""
        flow = self._flow(run)
        if flow is None or run.status.is_final:
            return run
        try:
            seen = self._wiring.runtime(flow).seen(run.flow, run.run_id)
        except LockgateError as error:
            logger.warning("run %s is shown as it was seen last: %s", run.number, error.message)
            return run
        return self._wiring.store.flows.run(self._keep(flow, seen))

    def follow(self, run: FlowRun) -> Iterator[FlowRun]:
        """A run each time that it is looked at there, until it has ended."""
        flow = self._asked(run, "followed")
        longest = sum(((each.timeout + each.retry_delay) * (1 + each.retries) for each in flow.steps), timedelta())
        seconds = max(longest, LEAST_FOLLOWED).total_seconds()
        for seen in self._wiring.runtime(flow).follow(run.flow, run.run_id, seconds=seconds):
            yield self._wiring.store.flows.run(self._keep(flow, seen))

    def cancel(self, run: FlowRun) -> None:
        """Ends a run there; one that is gone there needs no end.

        Raises:
            JobFinal: it has ended already.
        """
        flow = self._asked(run, "cancelled")
        runtime = self._wiring.runtime(flow)
        try:
            with suppress(UnknownName):
                runtime.cancel(run.flow, run.run_id)
        except JobFinal:
            self._keep(flow, runtime.seen(run.flow, run.run_id))
            raise

    def log(self, run: FlowRun, step: str, attempt: int) -> StepLog:
        """What an attempt at a step has printed there."""
        return self._wiring.runtime(self._asked(run, "looked into")).log(run.flow, run.run_id, step, attempt)

    def _keep(self, flow: FlowDeclaration, seen: SeenRun, *, by: str = "") -> int:
        steps = tuple(step.name for step in flow.steps)
        telling = {step.name for step in flow.steps if step.kind is not StepKind.SHELL}
        new = NewRun(flow.name, seen.run_id, self._kind(flow), seen.trigger, seen.interval, steps, by or seen.by)
        return self._wiring.store.flows.seen(new, seen, telling=telling, at=self._wiring.clock())

    def _kind(self, flow: FlowDeclaration) -> Runtime:
        return self._wiring.project.runtimes[flow.runtime].kind

    def _flow(self, run: FlowRun) -> FlowDeclaration | None:
        """The flow of a run, where it is still declared to run where the run does."""
        flow = self._wiring.project.flows.get(run.flow)
        return flow if flow and flow.is_outside and self._kind(flow) is run.runtime else None

    def _asked(self, run: FlowRun, what: str) -> FlowDeclaration:
        """The flow of a run whose runtime can be asked.

        Raises:
            CapabilityMissing: the project does not say where that is.
        """
        flow = self._flow(run)
        if flow is None:
            hint = f"Do it there, or declare it under `runtimes` and write `runtime:` at the flow {run.flow}."
            said = f"run {run.number} is one of {run.runtime}, where it cannot be {what} from here"
            raise CapabilityMissing(said, hint=hint, number=run.number)
        return flow


class OutsideWatch:
    """Looks at the runs of other runtimes now and then, while a server goes on."""

    def __init__(self, flows: OutsideFlows, *, seconds: float = LOOK_SECONDS) -> None:
        """Nothing is looked at before `start`."""
        self._flows = flows
        self._seconds = seconds
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="lockgate-outside-flows", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def close(self, *, patience_seconds: float = 2.0) -> None:
        """Looks no more; a look that takes longer ends by itself."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(patience_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._flows.look()
            except Exception:
                if self._stopping.is_set():
                    return
                logger.exception("the runs of other runtimes are not looked at now")
            self._stopping.wait(self._seconds)
