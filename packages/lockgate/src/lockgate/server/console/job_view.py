"""What a job's page shows: how far it has come, and what came of it, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lockgate.core.execution import NodeResult
from lockgate.core.job import FALLBACK, Job, JobStatus
from lockgate.core.record import RecordStatus, RunRecord, StepRecord

TRANSFORM = "transform"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far dbt has come in a step: nodes that ended, how many of them badly, and the newest ones."""

    nodes: int
    bad: int
    recent: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and, while it is open, what holds the target: its own `step`, or the run that it `waits_for`."""

    job: Job
    step: StepRecord | None = None
    waits_for: RunRecord | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self.job.status.is_final

    @property
    def can_retry(self) -> bool:
        """Whether it may be made to wait again."""
        return self.job.status in {JobStatus.FAILED, JobStatus.CANCELLED}

    @property
    def progress(self) -> Progress | None:
        """How far dbt has come; None where it does not say."""
        return progress_of(self.step) if self.step is not None else None

    @property
    def sentence(self) -> str:
        """Where it stands, in words for whoever does not look."""
        job = self.job
        if self.progress is not None:
            return f"{job.request.entity}: {self.progress.nodes} nodes ended"
        return f"{job.request.entity}: {job.status}"

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The nodes of the result that are no tests."""
        return self._nodes(are_tests=False)

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """The tests among the nodes of the result."""
        return self._nodes(are_tests=True)

    @property
    def fallback(self) -> Mapping[str, object] | None:
        """What was to answer instead and failed too; None where nothing was."""
        return self.job.failure.fallback if self.job.failure else None

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """What the failure says besides, by name."""
        fields = self.job.failure.fields if self.job.failure else {}
        plain = ((name, value) for name, value in fields.items() if name != FALLBACK)
        return tuple((name.replace("_", " "), str(value)) for name, value in plain if isinstance(value, str | int))

    def _nodes(self, *, are_tests: bool) -> tuple[NodeResult, ...]:
        result = self.job.result
        nodes = result.execution.nodes if result else ()
        return tuple(node for node in nodes if (node.kind in {"test", "unit_test"}) is are_tests)


def job_view(job: Job, running: RunRecord | None) -> JobView:
    """A job, beside the run that has the target now: a target has one at a time."""
    if job.status.is_final or running is None:
        return JobView(job)
    step = _step_of(job, running) if job.status is JobStatus.RUNNING else None
    return JobView(job, step) if step is not None else JobView(job, waits_for=running)


def _step_of(job: Job, running: RunRecord) -> StepRecord | None:
    """The step that builds what the job is about; None where the run is another one's."""
    if running.command != TRANSFORM:
        return None
    mine = [step for step in running.steps if step.name.startswith(f"build {job.request.entity} by ")]
    return mine[-1] if mine else None


def progress_of(step: StepRecord) -> Progress | None:
    """How far a step that is running has come; None where it does not say."""
    nodes, recent = step.facts.get("nodes"), step.facts.get("recent")
    if step.status is not RecordStatus.RUNNING or not isinstance(nodes, int) or not isinstance(recent, list):
        return None
    bad = step.facts.get("bad")
    told = tuple((str(name), str(status), float(seconds)) for name, status, seconds in recent)
    return Progress(nodes, bad if isinstance(bad, int) else 0, told)


def lasted(began: datetime | None, ended: datetime | None, now: datetime) -> float | None:
    """Seconds between two instants, or until now; None where nothing has begun."""
    return None if began is None else max(0.0, ((ended or now) - began).total_seconds())
