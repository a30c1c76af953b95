"""Writes a run down in the control plane as its steps go by, and passes them on to whoever watches."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.cost import Unit
from lockgate.core.execution import Execution, NodeResult, Outcome
from lockgate.core.load import Pin
from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.core.ports import Clock
from lockgate.core.record import RecordStatus
from lockgate.core.relation import Relation
from lockgate.core.route import Edition
from lockgate.errors import LockgateError
from lockgate.flow import Step, StepListener, StepResult, StepStatus

if TYPE_CHECKING:
    from lockgate.store import Store

logger = logging.getLogger(__name__)

READ_BYTES = str(Unit.READ_BYTES)
NOTHING = Relation("", "")
SECONDS_BETWEEN = 0.5
MOST_RECENT = 12


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
    """A `StepListener` for one run; knows the run's number, and its cycle's once there is one."""

    def __init__(self, store: Store, clock: Clock, listener: StepListener, command: str) -> None:
        """Store that a run of `command` has begun; call it under the target's lock."""
        self._store = store
        self._clock = clock
        self._listener = listener
        self._cycle: int | None = None
        self._executions: dict[tuple[str, str], int] = {}
        self._failed = False
        self._progress: Progressed | None = None
        self.run_id = store.runs.start_run(command, clock())

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
        self._failed |= result.status is not StepStatus.SUCCESS
        self._listener.finished(result)

    def cycle(self, pins: Sequence[Pin]) -> None:
        """The run turns its implementations on these pins."""
        self._cycle = self._store.executions.start_cycle(self.run_id, pins, self._clock())
        self._log("cycle started", cycle=self._cycle, pins={str(pin.relation): pin.last_load for pin in pins})

    def executed(self, outcome: Outcome) -> None:
        """An implementation has finished for an entity, or failed."""
        if self._cycle is None:
            return
        error = ""
        if isinstance(outcome, Execution):
            done = outcome
        else:
            done = Execution(outcome.entity, outcome.implementation, NOTHING, 0, outcome.seconds, nodes=outcome.nodes)
            error = told(outcome.error)
        number = self._store.executions.add_execution(self._cycle, done, self._clock(), error=error)
        self._executions[done.entity, done.implementation] = number
        if done.read_bytes is not None:
            self._measure(done.entity, done.implementation, READ_BYTES, done.read_bytes, number)
        facts = {"entity": done.entity, "implementation": done.implementation, "seconds": round(done.seconds, 3)}
        ended: dict[str, object] = {"failed": error} if error else {"rows": done.rows}
        self._log("execution ended", cycle=self._cycle, execution=number, **facts, **ended)

    def measured(self, edition: Edition) -> None:
        """An execution's output stands in an edition, new or not: what it takes is written down, if that is known."""
        number = self._executions[edition.entity, edition.implementation]
        if edition.bytes:
            self._measure(edition.entity, edition.implementation, Metric.BYTES, edition.bytes, number)

    def published(self, edition: Edition) -> None:
        """An execution's output is an edition now."""
        number = self._executions[edition.entity, edition.implementation]
        self._store.executions.add_edition(number, edition)
        facts = {"entity": edition.entity, "implementation": edition.implementation, "edition": edition.number}
        self._log("edition published", execution=number, **facts, rows=edition.rows)

    def execution_of(self, entity: str, implementation: str) -> int | None:
        """The number of an entity's execution in this run; None where there was none."""
        return self._executions.get((entity, implementation))

    def _measure(self, entity: str, implementation: str, metric: str, value: float, execution: int) -> None:
        """Writes one number down; nothing fails because that cannot be done."""
        name = SeriesName(entity, implementation, str(metric))
        with suppress(LockgateError):
            one = Measurement(name, float(value), self._clock(), self.run_id, execution)
            self._store.measurements.add((one,))

    def _log(self, event: str, **facts: object) -> None:
        logger.info(event, extra={"facts": {"run": self.run_id, **facts}})

    def close(self, *, died: bool) -> None:
        """The run has ended; `died` where something other than a step's failure ended it."""
        now = self._clock()
        status = RecordStatus.INTERRUPTED if died else RecordStatus.FAILED if self._failed else RecordStatus.SUCCESS
        if self._cycle is not None:
            self._store.executions.finish_cycle(self._cycle, status, now)
        self._store.runs.finish_run(self.run_id, status, now)
        self._log("run ended", status=status.value)


def told(error: LockgateError) -> str:
    """An error as it is written down: its code and its message, without secrets."""
    return redacted(f"{error.code} {error.message}")


@contextmanager
def recorded(store: Store, clock: Clock, listener: StepListener, command: str) -> Iterator[Recorder]:
    """A recorder whose run is closed when the block ends, however it ends."""
    recorder = Recorder(store, clock, listener, command)
    try:
        yield recorder
    except BaseException:
        recorder.close(died=True)
        raise
    recorder.close(died=False)
