"""Coalescing: which execution a job waits for, an existing one where that answers it, else a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, func, insert, select

from lockgate.core.job import Inputs, JobStatus, TransformRequest
from lockgate.store.job_rows import inputs_digest, program_of, to_json
from lockgate.store.scope import Scope
from lockgate.store.tables import job_execution

_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
_ENDED = (JobStatus.SUCCESS, JobStatus.FAILED)
_SEEN = (
    job_execution.c.execution_id,
    job_execution.c.program,
    job_execution.c.status,
    job_execution.c.inputs,
    job_execution.c.is_fallback,
)


@dataclass(frozen=True, slots=True)
class Place:
    """The execution that a job waits for.

    `is_settled` is False where the job joined one that has begun to work and has not told yet what it reads.
    """

    execution_id: str
    joined: bool
    inputs: str
    is_settled: bool = True

    def columns(self) -> dict[str, Any]:
        """The columns of a job that waits here."""
        return {
            "execution_id": self.execution_id,
            "joined": self.joined,
            "inputs": self.inputs,
            "is_settled": self.is_settled,
        }


class Waiting:
    """The executions that jobs of some programs can join, and the new ones that they need.

    Made and stored in one transaction that excludes others, for as many requests as come at once.
    """

    def __init__(self, connection: Connection, scope: Scope, programs: Iterable[str]) -> None:
        """Look at what there is for `programs`."""
        self._connection = connection
        self._scope = scope
        self._new: list[dict[str, Any]] = []
        self._queued: dict[str, str] = {}
        self._running: dict[str, list[RowMapping]] = {}
        self._ended: dict[str, RowMapping] = {}
        for row in _seen(connection, scope, sorted(set(programs))):
            if row["status"] == JobStatus.QUEUED:
                self._queued[row["program"]] = row["execution_id"]
            elif row["status"] == JobStatus.RUNNING:
                self._running.setdefault(row["program"], []).append(row)
            else:
                self._ended[row["program"]] = row

    def place(self, request: TransformRequest, inputs: Inputs, at: datetime) -> Place:
        """Where a job of the request waits, that has seen `inputs`."""
        program, seen = program_of(request), inputs_digest(inputs)
        if program in self._queued:
            return Place(self._queued[program], joined=True, inputs=seen)
        if not (request.full_refresh or request.again):
            found = self._begun(program, seen) or self._answered(program, seen)
            if found is not None:
                return found
        return Place(self.queue(request, at), joined=False, inputs=seen)

    def queue(self, request: TransformRequest, at: datetime) -> str:
        """The execution of the request that is queued, made where there is none."""
        program = program_of(request)
        if program not in self._queued:
            self._queued[program] = uuid4().hex
            self._new.append(self._row(self._queued[program], program, request, at))
        return self._queued[program]

    def store(self) -> tuple[str, ...]:
        """Stores the new executions: which."""
        if self._new:
            self._connection.execute(insert(job_execution), self._new)
        return tuple(row["execution_id"] for row in self._new)

    def _begun(self, program: str, seen: str) -> Place | None:
        """A running execution that reads what was seen, or may yet turn out to."""
        for row in self._running.get(program, []):
            if row["inputs"] in {None, seen}:
                return Place(row["execution_id"], joined=True, inputs=seen, is_settled=row["inputs"] is not None)
        return None

    def _answered(self, program: str, seen: str) -> Place | None:
        """The newest execution that ended, if it is the answer."""
        row = self._ended.get(program)
        is_answer = (
            row is not None
            and row["status"] == JobStatus.SUCCESS
            and row["inputs"] == seen
            and not row["is_fallback"]
            and program not in self._running
        )
        return Place(row["execution_id"], joined=True, inputs=seen) if row is not None and is_answer else None

    def _row(self, execution_id: str, program: str, request: TransformRequest, at: datetime) -> dict[str, Any]:
        return self._scope.values() | {
            "execution_id": execution_id,
            "entity": request.entity,
            "program": program,
            "request": to_json(request),
            "status": JobStatus.QUEUED,
            "attempts": 0,
            "is_fallback": False,
            "queued_at": at,
        }


def _seen(connection: Connection, scope: Scope, programs: Sequence[str]) -> Iterable[RowMapping]:
    """What is queued or running of some programs, and the newest of each that ended."""
    ours = scope.of(job_execution) & job_execution.c.program.in_(programs)
    newest = (
        select(func.max(job_execution.c.number))
        .where(ours, job_execution.c.status.in_(_ENDED))
        .group_by(job_execution.c.program)
    )
    is_open = ours & job_execution.c.status.in_(_OPEN)
    query = select(*_SEEN).where(is_open | job_execution.c.number.in_(newest)).order_by(job_execution.c.number)
    return connection.execute(query).mappings().all()
