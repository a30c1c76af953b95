"""What runtimes ask of the memory of flow runs and of whatever runs a program; and what an outside one is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

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
    StepLog,
    Taker,
)
from lockgate.core.ports.jobs import JobQueue


class FlowStore(Protocol):
    """The control plane's memory of the runs of flows, those of other runtimes included.

    Several processes may call it on one database; each call is one transaction. All raise ControlPlaneUnavailable
    where the database does not answer: what was asked may have been done or not, and may be asked again.
    """

    def add(self, runs: Sequence[NewRun], at: datetime) -> tuple[int, ...]:
        """Stores runs whose steps wait: how many of them were new is as many numbers as are given back.

        A run of that flow, runtime and id that is there already stays as it is. All that were begun for times of a
        schedule are of one flow, and such a time has one run, whatever began it; a backfill's is stored all the same
        where those that are there failed or were cancelled.
        """

    def fired(self, flow: str) -> datetime | None:
        """The time of the newest scheduled run that was considered, also where its day was none of the calendar's."""

    def fire(self, flow: str, seen: datetime | None, until: datetime, runs: Sequence[NewRun], at: datetime) -> bool:
        """Stores the runs due up to `until`, once: False, and nothing stored, where another scheduler did meanwhile.

        `seen` is what `fired` gave when they were worked out.
        """

    def ready(
        self, flows: Mapping[str, FlowDeclaration], slots: Mapping[str, int], at: datetime, taker: Taker
    ) -> tuple[str, ...]:
        """Queues waiting steps of runs of the embedded runtime, as far as their pools have room: the attempts' keys.

        A step is ready where what it needs has succeeded and its next try is due. The higher priority goes first, then
        the older run. Steps whose needs did not succeed are skipped, and runs of which every step is final end. Keys of
        attempts that the taker has queued already are given too: handing them over twice does no harm.
        """

    def workers(self) -> frozenset[str]:
        """The names of those who have queued or begun steps that have not ended."""

    def take_from(self, workers: Collection[str]) -> int:
        """Lets the steps of workers that are gone wait again: how many. Their keys are worth nothing from then on."""

    def give_back(self, claim: StepClaim) -> None:
        """Lets an attempt wait again, as if it had not been begun; nothing happens where it is not the newest one."""

    def claim(self, key: str, worker: str, at: datetime) -> StepClaim | None:
        """Begins an attempt, or begins it again after its worker died; None where nobody waits for it any more."""

    def finish(self, claim: StepClaim, end: StepEnd, *, retry_at: datetime | None, at: datetime) -> None:
        """Stores how an attempt ended; with `retry_at` the step waits for another one.

        Raises:
            StaleToken: the run was cancelled, or another attempt has begun.
        """

    def is_wanted(self, claim: StepClaim) -> bool:
        """Whether the attempt is the newest one and its run was not cancelled."""

    def cancel(self, number: int, at: datetime) -> FlowRun:
        """Cancels a run: nothing more of it begins, what is running is stopped.

        Raises:
            UnknownName: there is none of that number.
            JobFinal: it has ended already.
        """

    def run(self, number: int) -> FlowRun:
        """A run with its steps, in the order of the declaration.

        Raises:
            UnknownName: there is none of that number.
        """

    def runs(
        self, *, flow: str | None = None, status: FlowStatus | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[FlowRun, ...]:
        """The newest runs first, without their steps."""

    def told_started(self, new: NewRun, step: str, at: datetime) -> None:
        """Stores that a step of a run on another runtime began once more; the run itself where it is not known yet."""

    def told_finished(
        self, told: OutsideStep, end: StepEnd, *, retries: int, at: datetime, ends_run: bool = True
    ) -> None:
        """Stores how a step of a run on another runtime ended; one that may be tried again waits.

        With `ends_run`, the run ends with the last of its steps, or where one has failed and none is running.
        """

    def seen(self, new: NewRun, run: SeenRun, *, telling: Collection[str], at: datetime) -> int:
        """Stores a run as another runtime shows it, with the steps that it shows: its number.

        The run is stored as `new` where it is not known yet; one that was cancelled here stays so. While steps among
        `telling`, which tell of themselves, go on, their attempts are theirs to count.
        """

    def find(self, flow: str, runtime: Runtime, run_id: str) -> int | None:
        """The number of a run; None where there is none of that id."""


class StepQueue(JobQueue, Protocol):
    """A queue of attempts that knows under which name it is worked on here, and whose name nobody works under now."""

    @property
    def worker(self) -> str:
        """Our name, of which there is one at a time; it may change. Empty before `launch`."""

    def gone(self, workers: Collection[str]) -> frozenset[str]:
        """Those of some names under which nobody works, nor ever will again.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """


class StepProcess(Protocol):
    """Runs a step's program on this machine."""

    def __call__(
        self, claim: StepClaim, command: Sequence[str], *, timeout_seconds: float, is_wanted: Callable[[], bool]
    ) -> StepEnd:
        """How it ended: it is killed with everything that it started at its time-out, or when nobody wants it."""


class OutsideRuntime(Protocol):
    """A runtime that runs somewhere else, which flows were compiled for; may be used by several threads.

    Every call ends within its own deadline, and within that of whoever calls. All raise RuntimeUnavailable where it
    does not answer well, and RuntimeRefused where it refuses: the credentials, the rights, what was asked.
    """

    def trigger(self, flow: str, run_id: str, interval: Interval, *, may_exist: bool = False) -> SeenRun:
        """Begins a run about an interval; asking again after an answer was lost begins no second one.

        With `may_exist`, a run of that id that is there already is given back.

        Raises:
            FlowMissing: it has no such flow, or cannot read its file.
            FlowPaused: it would not run it.
            RunExists: it has a run of that id, or about that interval.
        """

    def seen(self, flow: str, run_id: str) -> SeenRun:
        """A run with its steps, as it stands now.

        Raises:
            UnknownName: it has no such run.
        """

    def runs(self, flow: str, *, limit: int = 20) -> tuple[SeenRun, ...]:
        """The newest runs first, whatever began them, without their steps.

        Raises:
            FlowMissing: it has no such flow.
        """

    def follow(self, flow: str, run_id: str, *, seconds: float) -> Iterator[SeenRun]:
        """A run each time that it is looked at; the last one has ended.

        Raises:
            UnknownName: it has no such run.
            RuntimeUnavailable: also where the run has not ended after so many seconds; it goes on there.
        """

    def log(self, flow: str, run_id: str, step: str, attempt: int) -> StepLog:
        """What an attempt at a step has printed so far; of a very long log the end.

        Raises:
            UnknownName: it has no such run, step or attempt.
        """

    def cancel(self, flow: str, run_id: str) -> SeenRun:
        """Ends a run as failed: nothing more of it begins, what is running is stopped.

        Raises:
            UnknownName: it has no such run.
            JobFinal: it has ended already.
        """
