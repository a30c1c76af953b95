"""What the control plane remembers: runs with their steps, cycles with their pins, executions with what they met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lockgate.core.comparison import Verdict
from lockgate.core.execution import Execution
from lockgate.core.load import Pin


class RecordStatus(StrEnum):
    """How far a recorded thing has come; `interrupted` was begun by a process that is gone."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run; `facts` are what it said it did, `error` is its code and message where it failed."""

    name: str
    status: RecordStatus
    started_at: datetime
    finished_at: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a command on a target, with its steps in the order in which they began."""

    run_id: int
    command: str
    status: RecordStatus
    started_at: datetime
    finished_at: datetime | None = None
    steps: tuple[StepRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One turn of implementations on the same pins."""

    cycle_id: int
    run_id: int
    pins: tuple[Pin, ...]
    status: RecordStatus
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One execution of a cycle; `error` is its code and message where it failed."""

    execution_id: int
    cycle_id: int
    execution: Execution
    status: RecordStatus
    finished_at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonHead:
    """A comparison without what it found out about columns, rows and causes."""

    comparison_id: int
    entity: str
    verdict: Verdict
    unexplained: int
    compared_at: datetime


@dataclass(frozen=True, slots=True)
class ExecutionHead:
    """An execution without its nodes and rules, and when its cycle began."""

    cycle_id: int
    run_id: int
    began_at: datetime
    implementation: str
    rows: int
    seconds: float
    status: RecordStatus
    error: str = ""
