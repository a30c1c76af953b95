"""Runs, step by step: written as they go, so that a run that was killed still tells how far it came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from lockgate.core.record import RecordStatus, RunRecord, StepRecord
from lockgate.errors import UnknownName
from lockgate.store.database import Database
from lockgate.store.scope import Scope
from lockgate.store.tables import cycle, run, run_step


class RunLog:
    """The runs of one project on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep runs of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def start_run(self, command: str, at: datetime) -> int:
        """Stores that a run has begun: its number.

        Call it under the target's lock: whatever still counts as running belongs to a process that is gone, and is
        marked interrupted.
        """
        with self._database.writing() as connection:
            self._interrupt(connection)
            values = {"command": command, "status": RecordStatus.RUNNING, "started_at": at}
            taken = insert(run).values(self._scope.values() | values).returning(run.c.run_id)
            return int(connection.execute(taken).scalar_one())

    def interrupt(self) -> None:
        """Marks whatever still counts as running as interrupted; call it under the target's lock."""
        with self._database.writing() as connection:
            self._interrupt(connection)

    def _interrupt(self, connection: Connection) -> None:
        gone = self._scope.of(run) & (run.c.status == RecordStatus.RUNNING)
        theirs = select(run.c.run_id).where(gone)
        steps = run_step.c.run_id.in_(theirs) & (run_step.c.status == RecordStatus.RUNNING)
        cycles = cycle.c.run_id.in_(theirs) & (cycle.c.status == RecordStatus.RUNNING)
        connection.execute(update(run_step).where(steps).values(status=RecordStatus.INTERRUPTED))
        connection.execute(update(cycle).where(cycles).values(status=RecordStatus.INTERRUPTED))
        connection.execute(update(run).where(gone).values(status=RecordStatus.INTERRUPTED))

    def step_started(self, run_id: int, name: str, at: datetime) -> None:
        """Stores that a step has begun."""
        self._add_step(run_id, StepRecord(name, RecordStatus.RUNNING, at))

    def step_skipped(self, run_id: int, name: str, at: datetime, *, because: str) -> None:
        """Stores that a step will not run, and why."""
        self._add_step(run_id, StepRecord(name, RecordStatus.SKIPPED, at, at, error=because))

    def step_finished(
        self, run_id: int, name: str, at: datetime, *, facts: Mapping[str, object] | None = None, error: str = ""
    ) -> None:
        """Stores how a step that was started ended; `facts` are JSON-serialisable; an `error` means that it failed."""
        status = RecordStatus.FAILED if error else RecordStatus.SUCCESS
        values = {"status": status, "finished_at": at, "facts": dict(facts or {}), "error": error}
        with self._database.writing() as connection:
            mine = (run_step.c.run_id == run_id) & (run_step.c.name == name)
            connection.execute(update(run_step).where(mine, run_step.c.finished_at.is_(None)).values(values))

    def finish_run(self, run_id: int, status: RecordStatus, at: datetime) -> None:
        """Stores how a run ended."""
        with self._database.writing() as connection:
            connection.execute(update(run).where(run.c.run_id == run_id).values(status=status, finished_at=at))

    def step_progressed(self, run_id: int, name: str, facts: Mapping[str, object]) -> None:
        """Stores how far a step that is running has come; what it says at its end takes the place of that."""
        with self._database.writing() as connection:
            mine = (run_step.c.run_id == run_id) & (run_step.c.name == name)
            connection.execute(update(run_step).where(mine, run_step.c.finished_at.is_(None)).values(facts=dict(facts)))

    def runs(
        self, *, status: RecordStatus | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[RunRecord, ...]:
        """The newest runs first, without their steps; numbered below `before` where it is given."""
        query = select(run).where(self._scope.of(run))
        if status is not None:
            query = query.where(run.c.status == status)
        if before is not None:
            query = query.where(run.c.run_id < before)
        query = query.order_by(run.c.run_id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_run(row) for row in connection.execute(query).mappings())

    def run(self, run_id: int) -> RunRecord:
        """One run with its steps.

        Raises:
            UnknownName: there is none of that number on this target.
        """
        steps = select(run_step).where(run_step.c.run_id == run_id).order_by(run_step.c.position)
        with self._database.reading() as connection:
            row = connection.execute(select(run).where(self._scope.of(run), run.c.run_id == run_id)).mappings().first()
            if row is None:
                raise UnknownName(f"there is no run {run_id}", run_id=run_id)
            return _run(row, tuple(_step(step) for step in connection.execute(steps).mappings()))

    def _add_step(self, run_id: int, step: StepRecord) -> None:
        """Adds a step behind those that the run has."""
        with self._database.writing() as connection:
            last = select(func.coalesce(func.max(run_step.c.position), 0)).where(run_step.c.run_id == run_id)
            values: dict[str, object] = {
                "run_id": run_id,
                "position": (connection.scalar(last) or 0) + 1,
                "name": step.name,
                "status": step.status,
                "started_at": step.started_at,
                "finished_at": step.finished_at,
                "facts": {},
                "error": step.error,
            }
            connection.execute(insert(run_step).values(values))


def _run(row: RowMapping, steps: tuple[StepRecord, ...] = ()) -> RunRecord:
    """Columns as a run."""
    status = RecordStatus(row["status"])
    return RunRecord(row["run_id"], row["command"], status, row["started_at"], row["finished_at"], steps)


def _step(row: RowMapping) -> StepRecord:
    """Columns as a step."""
    status = RecordStatus(row["status"])
    return StepRecord(row["name"], status, row["started_at"], row["finished_at"], row["facts"], row["error"])
