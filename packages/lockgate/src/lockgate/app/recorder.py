"""Writes a run down in the control plane as its steps go by, and passes them on to whoever watches.

Whoever is told of lineage hears of a run here, and nowhere else: see `Witness`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.examination import Examination
from lockgate.core.execution import DbtExecutionResult, Execution, NodeResult, Outcome
from lockgate.core.lineage_event import JobKind, Work
from lockgate.core.load import Load, Pin
from lockgate.core.ports import Clock
from lockgate.core.record import RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.errors import LockgateError
from lockgate.flow import Step, StepListener, StepResult, StepStatus

if TYPE_CHECKING:
    from datetime import datetime

    from lockgate.store import Store

logger = logging.getLogger(__name__)

NOTHING = Relation("", "")
SECONDS_BETWEEN = 0.5
MOST_RECENT = 12


Found = Load | Outcome | DbtExecutionResult | Edition | Examination


class Witness(Protocol):
    """Hears of one run: which works begin in it, what came of each, and how it ends. It raises nothing."""

    def began(self, work: Work) -> None:
        """A work begins."""

    def node_ended(self, node: NodeResult) -> None:
        """A node of the build or test under way has ended."""

    def ended(self, work: Work, found: Found | LockgateError | None) -> None:
        """A work that began has ended: what came of it, why nothing did, or None where nothing had to be done."""

    def closed(self, status: RecordStatus, error: LockgateError | None) -> None:
        """The run has ended, and with it every work that did not; `error` is the first that failed a step."""


class Unheard:
    """A witness of what nobody wants to hear of."""

    def began(self, work: Work) -> None:
        """See `Witness`."""

    def node_ended(self, node: NodeResult) -> None:
        """See `Witness`."""

    def ended(self, work: Work, found: Found | LockgateError | None) -> None:
        """See `Witness`."""

    def closed(self, status: RecordStatus, error: LockgateError | None) -> None:
        """See `Witness`."""


Witnessing = Callable[[int, str, "datetime"], Witness]


def unwitnessed(run_id: int, command: str, started_at: datetime) -> Witness:
    """Nobody hears of the run."""
    del run_id, command, started_at
    return Unheard()


class Progressed:
    """How far a step under way has come, node by node."""

    def __init__(self, step: str) -> None:
        """Nothing of `step` has ended yet."""
        self.step = step
        self._ended = self._bad = 0
        self._recent: deque[tuple[str, str, float]] = deque(maxlen=MOST_RECENT)
        self._told_at = -SECONDS_BETWEEN

    def adds(self, node: NodeResult) -> bool:
        """Counts a node; whether the last telling is so long ago that this one is worth another."""
        self._ended += 1
        self._bad += node.status.is_bad
        self._recent.append((node.node, node.status.value, round(node.seconds, 3)))
        now = monotonic()
        if now - self._told_at < SECONDS_BETWEEN:
            return False
        self._told_at = now
        return True

    def facts(self) -> dict[str, object]:
        """How many nodes ended, how many of them badly, and the newest, each with status and seconds."""
        return {"nodes": self._ended, "bad": self._bad, "recent": [list(one) for one in self._recent]}


class Recorder:
    """A `StepListener` for one run; knows the run's number, when it began, and its cycle's number once there is one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        listener: StepListener,
        command: str,
        witnessing: Witnessing = unwitnessed,
    ) -> None:
        """Store that a run of `command` has begun; call it under the target's lock."""
        self._store = store
        self._clock = clock
        self._listener = listener
        self._cycle: int | None = None
        self._executions: dict[tuple[str, str], int] = {}
        self._error: LockgateError | None = None
        self._failed = False
        self._progress: Progressed | None = None
        self._works: list[Work] = []
        self.started_at = clock()
        self.run_id = store.runs.start_run(command, self.started_at)
        self._witness = witnessing(self.run_id, command, self.started_at)

    def waiting(self, told: str) -> None:
        """Passed on; there is no run yet to write it down for."""
        self._listener.waiting(told)

    def started(self, step: Step) -> None:
        """A step is about to run."""
        self._store.runs.step_started(self.run_id, step.name, self._clock())
        self._progress = Progressed(step.name)
        self._listener.started(step)

    def node_ended(self, node: NodeResult) -> None:
        """A node of the step under way has ended: it is written down some twice a second, for whoever watches."""
        self._witness.node_ended(node)
        progress = self._progress
        if progress is None or not progress.adds(node):
            return
        with suppress(LockgateError):  # nothing fails because nobody could be told how far it has come
            self._store.runs.step_progressed(self.run_id, progress.step, progress.facts())

    def finished(self, result: StepResult) -> None:
        """A step has ended or was skipped."""
        now, runs = self._clock(), self._store.runs
        if result.status is StepStatus.SKIPPED:
            runs.step_skipped(self.run_id, result.step, now, because=", ".join(result.because))
        else:
            error = "" if result.error is None else told(result.error)
            runs.step_finished(self.run_id, result.step, now, facts=result.facts, error=error)
        for work in tuple(self._works):
            self._ends(work, result.error)
        self._failed |= result.status is not StepStatus.SUCCESS
        self._error = self._error or result.error
        self._listener.finished(result)

    def cycle(self, pins: Sequence[Pin]) -> None:
        """The run turns its implementations on these pins."""
        self._cycle = self._store.executions.start_cycle(self.run_id, pins, self._clock())
        self._log("cycle started", cycle=self._cycle, pins={str(pin.relation): pin.last_load for pin in pins})

    def begins(self, kind: JobKind, *subjects: str) -> None:
        """The step under way begins these works; what it does not tell the end of ends with it."""
        for subject in subjects:
            self._works.append(Work(kind, subject))
            self._witness.began(self._works[-1])

    def loaded(self, load: Load) -> None:
        """A stream has been loaded."""
        self._ends(Work(JobKind.LOAD, f"{load.source}.{load.stream}"), load)

    def invoked(self, subject: str, result: DbtExecutionResult) -> None:
        """An entity was built by dbt for its own sake."""
        self._ends(Work(JobKind.BUILD, subject), result)

    def examined(self, examination: Examination) -> None:
        """What was built of an entity has been tested."""
        self._ends(Work(JobKind.TEST, str(examination)), examination)

    def released(self, edition: Edition) -> None:
        """An edition that was held back is not any more."""
        self.begins(JobKind.PUBLICATION, f"{edition.entity}@{edition.implementation}")
        self._ends(self._works[-1], edition)

    def _ends(self, work: Work, found: Found | LockgateError | None) -> None:
        if work in self._works:
            self._works.remove(work)
            self._witness.ended(work, found)

    def executed(self, outcome: Outcome) -> None:
        """An implementation has finished for an entity, or failed; it is told once that is written down."""
        if self._cycle is not None:
            self._write_down(self._cycle, outcome)
        self._ends(Work(JobKind.BUILD, f"{outcome.entity}@{outcome.implementation}"), outcome)

    def _write_down(self, cycle: int, outcome: Outcome) -> None:
        error = ""
        if isinstance(outcome, Execution):
            done = outcome
        else:
            done = Execution(outcome.entity, outcome.implementation, NOTHING, 0, outcome.seconds, nodes=outcome.nodes)
            error = told(outcome.error)
        number = self._store.executions.add_execution(cycle, done, self._clock(), error=error)
        self._executions[done.entity, done.implementation] = number
        facts = {"entity": done.entity, "implementation": done.implementation, "seconds": round(done.seconds, 3)}
        ended: dict[str, object] = {"failed": error} if error else {"rows": done.rows}
        self._log("execution ended", cycle=cycle, execution=number, **facts, **ended)

    def published(self, edition: Edition) -> None:
        """An execution's output is an edition now; it is told once that is written down."""
        number = self._executions[edition.entity, edition.implementation]
        self._store.executions.add_edition(number, edition)
        self._ends(Work(JobKind.PUBLICATION, f"{edition.entity}@{edition.implementation}"), edition)
        facts = {"entity": edition.entity, "implementation": edition.implementation, "edition": edition.number}
        self._log("edition published", execution=number, **facts, rows=edition.rows)

    def execution_of(self, entity: str, implementation: str) -> int | None:
        """The number of an entity's execution in this run; None where there was none."""
        return self._executions.get((entity, implementation))

    def _log(self, event: str, **facts: object) -> None:
        logger.info(event, extra={"facts": {"run": self.run_id, **facts}})

    def close(self, *, died: bool) -> None:
        """The run has ended; `died` where something other than a step's failure ended it."""
        now = self._clock()
        status = RecordStatus.INTERRUPTED if died else RecordStatus.FAILED if self._failed else RecordStatus.SUCCESS
        if self._cycle is not None:
            self._store.executions.finish_cycle(self._cycle, status, now)
        self._store.runs.finish_run(self.run_id, status, now)
        self._witness.closed(status, self._error)
        self._log("run ended", status=status.value)


def told(error: LockgateError) -> str:
    """An error as it is written down: its code and its message, without secrets."""
    return redacted(f"{error.code} {error.message}")


@contextmanager
def recorded(
    store: Store, clock: Clock, listener: StepListener, command: str, witnessing: Witnessing = unwitnessed
) -> Iterator[Recorder]:
    """A recorder whose run is closed when the block ends, however it ends."""
    recorder = Recorder(store, clock, listener, command, witnessing)
    try:
        yield recorder
    except BaseException:
        recorder.close(died=True)
        raise
    recorder.close(died=False)
