"""Examinations: the tests of what an implementation built, run without building it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate.core.execution import NodeStatus
from lockgate.errors import LockgateError


@dataclass(frozen=True, slots=True)
class Trial:
    """One test: a rule set's case, a check of the key, or dbt's test by its unique id; and how it ended.

    `failures` counts the rows that it found and must not find.
    """

    name: str
    status: NodeStatus
    failures: int | None = None
    message: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """The tests of what one implementation built for one entity; `error` says what failed, or kept them from running.

    `evidence` is the number that the outcome is kept under for gates: a candidate's alone. `unkept` says why a
    candidate's is not kept.
    """

    entity: str
    implementation: str
    trials: tuple[Trial, ...] = ()
    seconds: float = 0.0
    error: LockgateError | None = None
    evidence: int | None = None
    unkept: str = ""

    def __str__(self) -> str:
        """`entity@implementation`."""
        return f"{self.entity}@{self.implementation}"

    @property
    def failed(self) -> tuple[Trial, ...]:
        """The tests that did not pass."""
        return tuple(trial for trial in self.trials if trial.status.is_bad)


@dataclass(frozen=True, slots=True)
class ExaminationResult:
    """Several examinations; `errors` maps `entity@implementation` to what failed of it."""

    run_id: int
    examinations: tuple[Examination, ...] = ()
    errors: Mapping[str, LockgateError] = field(default_factory=dict)
