"""What Airflow answers, read as nouns: only the fields that are used, each checked; what is new there is let be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from lockgate.core.flow import FlowStatus, Interval, SeenRun, StepState, Trigger
from lockgate.core.legible import legible
from lockgate.errors import RuntimeRefused

_LENIENT = ConfigDict(extra="ignore", frozen=True)
RUN_STATUS: Mapping[str, FlowStatus] = {
    "queued": FlowStatus.QUEUED,
    "running": FlowStatus.RUNNING,
    "success": FlowStatus.SUCCESS,
    "failed": FlowStatus.FAILED,
}
# What is not among them is under way: deferred, restarting, up_for_reschedule, awaiting_input, and what comes later.
TASK_STATUS: Mapping[str | None, FlowStatus] = {
    None: FlowStatus.WAITING,
    "scheduled": FlowStatus.WAITING,
    "up_for_retry": FlowStatus.WAITING,
    "queued": FlowStatus.QUEUED,
    "success": FlowStatus.SUCCESS,
    "failed": FlowStatus.FAILED,
    "upstream_failed": FlowStatus.SKIPPED,
    "skipped": FlowStatus.SKIPPED,
    "removed": FlowStatus.SKIPPED,
}
TRIGGERS: Mapping[str, Trigger] = {"manual": Trigger.MANUAL, "backfill": Trigger.BACKFILL}
# Where the lines came from, which Airflow writes before them, is nobody's concern who reads them.
_SOURCES, _END = "::group::Log message source details", "::endgroup::"


class Dag(BaseModel):
    """A DAG."""

    model_config = _LENIENT

    is_paused: bool
    has_import_errors: bool


class DagRun(BaseModel):
    """A run of a DAG."""

    model_config = _LENIENT

    dag_run_id: str
    state: str
    run_type: str
    run_after: AwareDatetime
    queued_at: AwareDatetime | None = None
    start_date: AwareDatetime | None = None
    end_date: AwareDatetime | None = None
    data_interval_start: AwareDatetime | None = None
    data_interval_end: AwareDatetime | None = None
    triggering_user_name: str | None = None

    def seen(self, steps: Sequence[StepState] = ()) -> SeenRun:
        """The run in our words; a run that is about no interval is about the moment after which it could begin."""
        status = RUN_STATUS.get(self.state, FlowStatus.RUNNING)
        return SeenRun(
            run_id=self.dag_run_id,
            trigger=TRIGGERS.get(self.run_type, Trigger.SCHEDULED),
            status=status,
            interval=Interval(self.data_interval_start or self.run_after, self.data_interval_end or self.run_after),
            queued_at=self.queued_at or self.run_after,
            started_at=self.start_date,
            finished_at=self.end_date if status.is_final else None,
            by=self.triggering_user_name or "",
            steps=tuple(steps),
        )


class DagRuns(BaseModel):
    """A page of runs."""

    model_config = _LENIENT

    dag_runs: list[DagRun]


class TaskInstance(BaseModel):
    """A task of a run, at its newest try."""

    model_config = _LENIENT

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    start_date: AwareDatetime | None = None
    end_date: AwareDatetime | None = None

    def state_of_step(self) -> StepState:
        """The task as a step; one of many that a task was mapped to has its place behind the name."""
        status = TASK_STATUS.get(self.state, FlowStatus.RUNNING)
        has_begun = status not in {FlowStatus.SKIPPED, FlowStatus.WAITING, FlowStatus.QUEUED} or self.start_date
        return StepState(
            name=self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]",
            status=status,
            attempt=self.try_number if has_begun else 0,
            started_at=self.start_date,
            finished_at=self.end_date if status is not FlowStatus.RUNNING else None,
        )


class TaskInstances(BaseModel):
    """A page of tasks."""

    model_config = _LENIENT

    task_instances: list[TaskInstance]
    total_entries: int | None = None


class LogPage(BaseModel):
    """Lines of a task's log, and where to go on."""

    model_config = _LENIENT

    content: list[dict[str, Any] | str]
    continuation_token: str | None


Shape = TypeVar("Shape", bound=BaseModel)


def read(kind: type[Shape], document: object) -> Shape:
    """A document as an answer of its kind.

    Raises:
        RuntimeRefused: it is none.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        said = f"the runtime does not answer as Airflow's REST API v2 does: in {kind.__name__}, {place}: {first['msg']}"
        raise RuntimeRefused(said, hint="Check that url leads to an Airflow 3.") from error


def lines_of(page: LogPage) -> Iterator[str]:
    """The lines of a page of a log, as people read them; every record one line, its error's trace below."""
    is_about_sources = False
    for record in page.content:
        event = str(record.get("event", "")) if isinstance(record, dict) else record
        is_about_sources = event == _SOURCES or (is_about_sources and event != _END)
        if is_about_sources or (event == _END and not isinstance(record, str) and "timestamp" not in record):
            continue
        yield from _lines(record, event)


def _lines(record: Mapping[str, Any] | str, event: str) -> Iterator[str]:
    if isinstance(record, str):
        yield from (legible(line) for line in record.splitlines())
        return
    words = (_moment(record.get("timestamp")), str(record.get("level") or "").upper(), legible(event))
    yield " ".join(word for word in words if word)
    for each in record.get("error_detail") or ():
        if isinstance(each, dict):
            yield f"    {legible(str(each.get('exc_type', '')))}: {legible(str(each.get('exc_value', '')))}"


def _moment(written: object) -> str:
    try:
        return datetime.fromisoformat(str(written)).strftime("%Y-%m-%dT%H:%M:%S%z") if written else ""
    except ValueError:
        return ""
