"""What a run's page shows: its steps in time, what it executed, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lockgate.core.record import ExecutionRecord, RecordStatus, RunRecord, StepRecord
from lockgate.server.console.job_view import Progress, progress_of

PLOT = 100.0
THINNEST = 1.0


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step, with its place in the run's time in hundredths of it."""

    step: StepRecord
    x: float
    width: float
    told: str
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its steps, and what it executed."""

    run: RunRecord
    executions: tuple[ExecutionRecord, ...]

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self.run.status is not RecordStatus.RUNNING

    @property
    def sentence(self) -> str:
        """Where it stands, in words for whoever does not look."""
        under_way = [step.name for step in self.run.steps if step.status is RecordStatus.RUNNING]
        return f"run {self.run.run_id}: {under_way[-1] if under_way else self.run.status}"


def lines_of(run: RunRecord, now: datetime) -> tuple[StepLine, ...]:
    """A run's steps, each where it lies in the run's time."""
    end = run.finished_at or max([now, *(step.finished_at or step.started_at for step in run.steps)])
    whole = max((end - run.started_at).total_seconds(), 1e-6)
    return tuple(_line(step, run.started_at, whole, end) for step in run.steps)


def _line(step: StepRecord, began: datetime, whole: float, end: datetime) -> StepLine:
    is_running = step.status is RecordStatus.RUNNING
    stopped = end if is_running else step.finished_at or step.started_at
    x = PLOT * (step.started_at - began).total_seconds() / whole
    width = max(THINNEST, PLOT * (stopped - step.started_at).total_seconds() / whole)
    x = min(max(x, 0.0), PLOT - THINNEST)
    return StepLine(step, x, min(width, PLOT - x), facts_told(step), progress_of(step))


def facts_told(step: StepRecord) -> str:
    """What a step said that it did, in words; how far one has come is told elsewhere."""
    plain: Mapping[str, object] = {name: value for name, value in step.facts.items() if not isinstance(value, list)}
    if step.status is RecordStatus.RUNNING:
        return ""
    return ", ".join(_told(name, value) for name, value in plain.items())


def _told(name: str, value: object) -> str:
    if value is True:
        return name
    return f"{value:,} {name}" if isinstance(value, int) and name != "edition" else f"{name} {value}"


def executed(executions: Sequence[ExecutionRecord]) -> tuple[ExecutionRecord, ...]:
    """Executions by entity, then implementation."""
    return tuple(sorted(executions, key=lambda one: (one.execution.entity, one.execution.implementation)))
