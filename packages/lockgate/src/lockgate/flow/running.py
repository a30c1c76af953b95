"""`FlowService`: the embedded runtime of declared flows: fires their schedules, queues their steps, runs them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Thread

from lockgate.core.flow import (
    FlowDeclaration,
    Interval,
    NewRun,
    Runtime,
    Schedule,
    StepClaim,
    StepDeclaration,
    StepEnd,
    Taker,
    Trigger,
)
from lockgate.core.ports.flows import FlowStore, StepProcess, StepQueue
from lockgate.core.ports.surroundings import Clock
from lockgate.errors import ControlPlaneUnavailable, IntervalInvalid, LockgateError, StaleToken, UnknownName
from lockgate.flow.ticks import interval_of, newest_tick, ticks

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
SILENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at schedules and waiting steps, and between tries while the control plane is away."""

    look: float = 1.0
    retry: float = 1.0


class Abandoned(Exception):
    """The runtime stops before the step has ended; another one goes on with it."""


class FlowService:
    """Runs the flows of one project on one target. Several processes may do so on one control plane."""

    def __init__(  # noqa: PLR0913  what is wired once
        self,
        store: FlowStore,
        queue: StepQueue,
        process: StepProcess,
        clock: Clock,
        *,
        flows: Callable[[], Mapping[str, FlowDeclaration]],
        slots: Mapping[str, int],
        ended: Callable[[], None] = lambda: None,
        pace: Pace = Pace(),
    ) -> None:
        """Nothing runs before `start`; `ended` is called when a run may have ended or be late."""
        self._store = store
        self._queue = queue
        self._process = process
        self._clock = clock
        self._flows = flows
        self._slots = slots
        self._ended = ended
        self._pace = pace
        self._runs: frozenset[int] | None = None
        self._stopping = Event()
        self._came = Event()
        self._thread: Thread | None = None

    def start(self, *, schedules: bool = True, runs: Collection[int] | None = None) -> None:
        """Begins to run what waits, and with `schedules` what is due; with `runs`, nothing but these.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
        """
        self._runs = None if runs is None else frozenset(runs)
        self._queue.launch(self._work)
        self._thread = Thread(target=self._run, args=(schedules,), name="lockgate-flows", daemon=True)
        self._thread.start()

    def begin(self, flow: str, *, by: str = "", interval: Interval | None = None, run_id: str = "") -> int:
        """Stores a run that somebody asks for: its number; that of the run with `run_id` where there is one.

        Raises:
            UnknownName: the project declares no such flow.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        now = self._clock()
        new = _new(self._declared(flow), Trigger.MANUAL, interval or Interval(now, now), by=by)
        new = replace(new, run_id=run_id or f"{Trigger.MANUAL}__{now.astimezone(UTC).isoformat()}")
        added = self._store.add((new,), now)
        self._came.set()
        number = added[0] if added else self._store.find(flow, new.runtime, new.run_id)
        if number is None:
            raise ControlPlaneUnavailable(f"the run {new.run_id} of {flow} was removed while it was begun")
        return number

    def backfill(self, flow: str, since: datetime, until: datetime, *, by: str = "") -> tuple[int, ...]:
        """Stores a run for each tick from `since` to before `until` that has come: the numbers of the new ones.

        A tick has one run, whatever began it; another one only where those that it has failed or were cancelled.

        Raises:
            UnknownName: the project declares no such flow, or it has no schedule.
            IntervalInvalid: the range is empty, lies ahead, or holds too many ticks.
        """
        declared, now = self._declared(flow), self._clock()
        schedule = declared.schedule
        if schedule is None:
            hint = f"Give it a `schedule`, or begin a run of it: `lockgate flow run {flow}`."
            raise UnknownName(f"the flow {flow} has no schedule whose times could be made up for", hint=hint, flow=flow)
        if until <= since:
            raise IntervalInvalid("the range is empty: it ends before it begins", hint="Ask for a later end.")
        if since > now:
            raise IntervalInvalid("the range lies ahead: nothing of it is due yet", hint="Ask for times gone by.")
        just_before = timedelta(microseconds=1)
        passed = ticks(schedule, since - just_before, min(until - just_before, now))
        found = tuple(islice(passed, MOST_AT_ONCE + 1))
        if len(found) > MOST_AT_ONCE:
            message = f"{flow} is due more than {MOST_AT_ONCE} times in that range, which are the most at once"
            raise IntervalInvalid(message, hint="Ask for a shorter range.", flow=flow)
        runs = [_new(declared, Trigger.BACKFILL, interval_of(schedule, tick), by=by) for tick in found]
        numbers = self._store.add(runs, now)
        self._came.set()
        return numbers

    def close(self, *, patience_seconds: float = 30.0) -> None:
        """Begins no more, stops what is under way, and leaves it to others."""
        self._stopping.set()
        self._came.set()
        if self._thread is not None:
            self._queue.close(patience_seconds=patience_seconds)
            self._thread.join()

    def fire(self) -> None:
        """Stores the runs that are due now, each once, however many schedulers look."""
        now = self._clock()
        for flow in self._flows().values():
            if flow.schedule is not None:
                self._fire(flow, now)

    def _fire(self, flow: FlowDeclaration, now: datetime) -> None:
        schedule = flow.schedule
        if schedule is None:
            return
        seen = self._store.fired(flow.name)
        since = seen or now
        if seen is None and schedule.catch_up and schedule.start is not None:
            since = datetime.min.replace(tzinfo=now.tzinfo)
        # What another runtime has fired is not made up for where the flow comes back.
        is_ours = not flow.is_outside
        due = _due(schedule, since, now, every=schedule.catch_up and is_ours)
        if seen is not None and not due and now - seen < SILENT:
            return
        until = due[-1] if due else max(now, since)
        runs = [_new(flow, Trigger.SCHEDULED, interval_of(schedule, tick)) for tick in due if is_ours]
        if self._store.fire(flow.name, seen, until, runs, now) and runs:
            logger.info("flow due", extra={"facts": {"flow": flow.name, "runs": len(runs)}})

    def _declared(self, flow: str) -> FlowDeclaration:
        declared = self._flows()
        if flow not in declared:
            raise UnknownName(f"there is no flow {flow!r}; the project declares {', '.join(declared) or 'none'}")
        return declared[flow]

    def _run(self, schedules: bool) -> None:
        while not self._stopping.is_set():
            try:
                if schedules:
                    self.fire()
                self._take_over()
                taker = Taker(self._queue.worker, self._runs)
                self._queue.enqueue(self._store.ready(self._flows(), self._slots, self._clock(), taker))
                self._ended()
            except LockgateError as error:
                logger.warning("flows do not go on now: %s", error.message)
            except Exception:
                logger.exception("flows do not go on now")
            self._came.wait(self._pace.look)
            self._came.clear()

    def _take_over(self) -> None:
        """Lets go on what workers that are gone have left."""
        others = self._store.workers() - {self._queue.worker}
        gone = self._queue.gone(others) if others else frozenset()
        if gone and self._store.take_from(gone):
            logger.warning("taking over the steps of %s", ", ".join(sorted(gone)))

    def _work(self, key: str) -> None:
        """What the queue calls for each attempt."""
        claim = self._store.claim(key, self._queue.worker, self._clock())
        if claim is not None:
            self._perform(claim)
        self._came.set()

    def _perform(self, claim: StepClaim) -> None:
        flow = self._flows().get(claim.flow)
        step = next((step for step in flow.steps if step.name == claim.step), None) if flow else None
        _log("step began", claim)
        if step is None:
            end = StepEnd(None, "the project file does not declare it any more")
        else:
            end = self._process(
                claim, arguments(step, claim.interval, flow), timeout_seconds=step.timeout.total_seconds(),
                is_wanted=lambda: not self._stopping.is_set() and self._is_wanted(claim),
            )  # fmt: skip
        if self._stopping.is_set() and not end.is_success:
            self._store.give_back(claim)
            return
        is_last = step is None or end.is_success or claim.attempt > step.retries
        self._finish(claim, end, None if is_last or step is None else step.retry_delay)

    def _is_wanted(self, claim: StepClaim) -> bool:
        try:
            return self._store.is_wanted(claim)
        except LockgateError:
            return True

    def _finish(self, claim: StepClaim, end: StepEnd, again_in: timedelta | None) -> None:
        """Stores how it ended, as soon as the control plane answers."""
        while True:
            now = self._clock()
            try:
                self._store.finish(claim, end, retry_at=now + again_in if again_in is not None else None, at=now)
            except ControlPlaneUnavailable as error:
                logger.warning("%s", error.message)
            except StaleToken:
                logger.info("what came of %s of flow run %s is discarded", claim.step, claim.number)
                return
            else:
                _log("step ended", claim, exit_code=end.exit_code, error=end.error)
                return
            if self._stopping.wait(self._pace.retry):
                raise Abandoned


def arguments(step: StepDeclaration, interval: Interval, flow: FlowDeclaration | None = None) -> tuple[str, ...]:
    """A step's command with the run's interval in the places that it keeps for it."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(flow.schedule.timezone if flow and flow.schedule else "UTC")
    stands_for = {
        "{start}": interval.start.isoformat(),
        "{end}": interval.end.isoformat(),
        "{date}": interval.start.astimezone(zone).date().isoformat(),
    }
    return tuple(_filled(argument, stands_for) for argument in step.command)


def _due(schedule: Schedule, since: datetime, now: datetime, *, every: bool) -> tuple[datetime, ...]:
    """The ticks since then, as many as are stored at once; or the newest alone."""
    if every:
        return tuple(islice(ticks(schedule, since, now), MOST_AT_ONCE))
    newest = newest_tick(schedule, since, now)
    return () if newest is None else (newest,)


def _filled(argument: str, stands_for: Mapping[str, str]) -> str:
    for place, value in stands_for.items():
        argument = argument.replace(place, value)
    return argument


def _new(flow: FlowDeclaration, trigger: Trigger, interval: Interval, *, by: str = "") -> NewRun:
    """A run of the embedded runtime; a tick gives it the same id whoever works it out."""
    moment = interval.end.astimezone(UTC).isoformat()
    steps = tuple(step.name for step in flow.steps)
    return NewRun(flow.name, f"{trigger}__{moment}", Runtime.DURABLE, trigger, interval, steps, by)


def _log(event: str, claim: StepClaim, **facts: object) -> None:
    who = {"flow": claim.flow, "flow_run": claim.number, "step": claim.step, "attempt": claim.attempt}
    logger.info(event, extra={"facts": who | {name: fact for name, fact in facts.items() if fact not in (None, "")}})
