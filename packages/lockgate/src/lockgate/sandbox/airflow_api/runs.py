"""DAGs and their runs in memory: a run goes one step on each time that somebody looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

FINAL = frozenset({"success", "failed", "upstream_failed", "skipped"})


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StandTask:
    """A task, and how each of its tries ends: `success` or `failed`; one without any goes on until it is cancelled."""

    task_id: str
    outcomes: tuple[str, ...] = ("success",)
    needs: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()


@dataclass(slots=True)
class StandDag:
    """A DAG; `is_paused` and `has_import_errors` may be changed at any time."""

    dag_id: str
    tasks: tuple[StandTask, ...] = ()
    is_paused: bool = False
    has_import_errors: bool = False
    runs: dict[str, StandRun] = field(default_factory=dict)


@dataclass(slots=True)
class StandTaskRun:
    """A task of a run."""

    task: StandTask
    id: str = field(default_factory=lambda: str(uuid4()))
    state: str | None = None
    try_number: int = 0
    began: datetime | None = None
    ended: datetime | None = None

    def advance(self, states: Mapping[str, str | None]) -> None:
        """Goes on by one step."""
        if self.state in FINAL:
            return
        needed = {states[need] for need in self.task.needs}
        if self.state == "running":
            self._end()
        elif needed & {"failed", "upstream_failed", "skipped"}:
            self.state, self.ended = "upstream_failed", _now()
        elif needed <= {"success"}:
            self.state, self.try_number, self.began, self.ended = "running", self.try_number + 1, _now(), None

    def _end(self) -> None:
        outcomes = self.task.outcomes
        if not outcomes:
            return
        outcome = outcomes[self.try_number - 1]
        is_last = outcome == "success" or self.try_number == len(outcomes)
        self.state, self.ended = outcome if is_last else "up_for_retry", _now()

    def document(self, run: StandRun) -> dict[str, Any]:
        """As Airflow shows it."""
        duration = (self.ended - self.began).total_seconds() if self.began and self.ended else None
        unknown = dict.fromkeys(
            ("pid", "executor", "note", "rendered_map_index", "trigger", "triggerer_job", "dag_version", "hostname")
        )
        return {
            **unknown,
            "id": self.id,
            "task_id": self.task.task_id,
            "dag_id": run.dag_id,
            "dag_run_id": run.run_id,
            "map_index": -1,
            "logical_date": _text(run.logical_date),
            "run_after": _text(run.run_after),
            "start_date": _text(self.began),
            "end_date": _text(self.ended),
            "duration": duration,
            "state": self.state,
            "try_number": self.try_number,
            "max_tries": max(0, len(self.task.outcomes) - 1),
            "task_display_name": self.task.task_id,
            "dag_display_name": run.dag_id,
            "unixname": "airflow",
            "pool": "default_pool",
            "pool_slots": 1,
            "queue": "default",
            "priority_weight": 1,
            "operator": "BashOperator",
            "operator_name": "BashOperator",
            "queued_when": _text(self.began),
            "scheduled_when": _text(self.began),
            "executor_config": "{}",
        }


@dataclass(slots=True)
class StandRun:
    """A run of a DAG."""

    dag_id: str
    run_id: str
    run_type: str
    tasks: tuple[StandTaskRun, ...]
    logical_date: datetime | None = None
    interval: tuple[datetime, datetime] | None = None
    run_after: datetime = field(default_factory=_now)
    queued_at: datetime = field(default_factory=_now)
    state: str = "queued"
    began: datetime | None = None
    ended: datetime | None = None

    def advance(self) -> None:
        """Goes on by one step."""
        if self.state in FINAL:
            return
        if self.state == "queued":
            self.state, self.began = "running", _now()
            return
        states = {each.task.task_id: each.state for each in self.tasks}
        for each in self.tasks:
            each.advance(states)
        if all(each.state in FINAL for each in self.tasks):
            went_well = all(each.state == "success" for each in self.tasks)
            self.state, self.ended = "success" if went_well else "failed", _now()

    def fail(self) -> None:
        """Ends as somebody has asked for."""
        for each in self.tasks:
            if each.state not in FINAL:
                each.state, each.ended = "failed" if each.state == "running" else "skipped", _now()
        self.state, self.ended = "failed", _now()

    def document(self) -> dict[str, Any]:
        """As Airflow shows it."""
        unknown = dict.fromkeys(
            ("last_scheduling_decision", "note", "bundle_version", "partition_key", "partition_date")
        )
        start, end = self.interval or (None, None)
        return {
            **unknown,
            "dag_run_id": self.run_id,
            "dag_id": self.dag_id,
            "logical_date": _text(self.logical_date),
            "queued_at": _text(self.queued_at),
            "start_date": _text(self.began),
            "end_date": _text(self.ended),
            "duration": (self.ended - self.began).total_seconds() if self.began and self.ended else None,
            "data_interval_start": _text(start),
            "data_interval_end": _text(end),
            "run_after": _text(self.run_after),
            "run_type": self.run_type,
            "state": self.state,
            "triggered_by": "rest_api" if self.run_type == "manual" else "timetable",
            "triggering_user_name": "admin" if self.run_type == "manual" else None,
            "conf": {},
            "dag_versions": [],
            "dag_display_name": self.dag_id,
        }


def dag_document(dag: StandDag) -> dict[str, Any]:
    """A DAG as Airflow shows it."""
    unknown = dict.fromkeys(
        (
            "last_parsed_time", "last_parse_duration", "last_expired", "bundle_name", "bundle_version",
            "relative_fileloc", "description", "timetable_summary", "timetable_description", "max_active_runs",
            "next_dagrun_logical_date", "next_dagrun_data_interval_start", "next_dagrun_data_interval_end",
            "next_dagrun_run_after", "allowed_run_types",
        )
    )  # fmt: skip
    return {
        **unknown,
        "dag_id": dag.dag_id,
        "dag_display_name": dag.dag_id,
        "is_paused": dag.is_paused,
        "is_stale": False,
        "fileloc": f"/dags/{dag.dag_id}.py",
        "timetable_partitioned": False,
        "timetable_periodic": False,
        "tags": [],
        "max_active_tasks": 16,
        "max_consecutive_failed_dag_runs": 0,
        "has_task_concurrency_limits": False,
        "has_import_errors": dag.has_import_errors,
        "owners": ["airflow"],
        "is_backfillable": False,
        "file_token": "unsigned",
    }


def log_document(task: StandTaskRun, page: int, pages: int) -> dict[str, Any]:
    """A page of what a try has printed, as Airflow shows it."""
    lines = task.task.prints
    size = -(-len(lines) // pages) if lines else 0
    records: list[dict[str, Any]] = [
        {"event": "::group::Log message source details"},
        {"event": "/logs/attempt.log"},
        {"event": "::endgroup::"},
    ]
    shown = lines[page * size : (page + 1) * size]
    said = [{"timestamp": _text(task.began), "event": line, "level": "info", "logger": "task"} for line in shown]
    token = str(page + 1) if page + 1 < pages else None
    return {"content": [*(records if page == 0 else []), *said], "continuation_token": token}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
