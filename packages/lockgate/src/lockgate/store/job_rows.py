"""Jobs and executions as columns, and back, exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, select

from lockgate.core.job import Failure, Inputs, Job, JobResult, JobStatus, TransformRequest
from lockgate.store.scope import Scope
from lockgate.store.tables import job, job_execution

_WITHOUT_RESULT = [column for column in job_execution.c if column is not job_execution.c.result]


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """What writes and reads a dataclass as JSON."""
    return TypeAdapter({each.__name__: each for each in (TransformRequest, JobResult, Failure)}[kind])


def to_json(value: TransformRequest | JobResult | Failure) -> Any:
    """A dataclass as what JSON holds."""
    return _adapter(type(value).__name__).dump_python(value, mode="json")


def request_from_json(stored: Any) -> TransformRequest:
    """The request that was stored."""
    request: TransformRequest = _adapter(TransformRequest.__name__).validate_python(stored)
    return request


def program_of(request: TransformRequest) -> str:
    """A digest that is equal where executions of two requests differ at most in their inputs."""
    return _digest([request.entity, request.engine, request.variables, request.full_refresh])


def inputs_digest(inputs: Inputs) -> str:
    """A digest that is equal where inputs are."""
    return _digest(asdict(inputs))


def _digest(value: object) -> str:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(written.encode()).hexdigest()


def execution_of(connection: Connection, scope: Scope, execution_id: str) -> RowMapping | None:
    """The row of an execution, without its result."""
    query = select(*_WITHOUT_RESULT).where(scope.of(job_execution), job_execution.c.execution_id == execution_id)
    return connection.execute(query).mappings().first()


def jobs_of(connection: Connection, rows: Sequence[RowMapping]) -> tuple[Job, ...]:
    """The jobs in rows of their table, each with what is known of its execution; a result is read once for all."""
    wanted = {row["execution_id"] for row in rows}
    query = select(job_execution).where(job_execution.c.execution_id.in_(wanted))
    executions = {row["execution_id"]: _Known(row) for row in connection.execute(query).mappings()}
    return tuple(_job(row, executions[row["execution_id"]]) for row in rows)


class _Known:
    """An execution's row, with its result and failure read."""

    def __init__(self, row: RowMapping) -> None:
        self.row = row
        self.result: JobResult | None = _read(JobResult, row["result"])
        self.failure: Failure | None = _read(Failure, row["failure"])


def _read(kind: type, stored: Any) -> Any:
    return None if stored is None else _adapter(kind.__name__).validate_python(stored)


def _job(row: RowMapping, known: _Known) -> Job:
    """A job; one that was cancelled has nothing of what became of the execution that it left."""
    is_cancelled = row["cancelled_at"] is not None
    return Job(
        job_id=row["job_id"],
        caller=row["caller"],
        request=request_from_json(row["request"]),
        status=JobStatus.CANCELLED if is_cancelled else JobStatus(known.row["status"]),
        execution_id=row["execution_id"],
        joined=row["joined"],
        submitted_at=row["submitted_at"],
        attempts=known.row["attempts"],
        started_at=_started_at(row, known),
        finished_at=row["cancelled_at"] if is_cancelled else _finished_at(row, known),
        result=None if is_cancelled else known.result,
        failure=None if is_cancelled else known.failure,
        correlation_id=row["correlation_id"],
    )


def _started_at(row: RowMapping, known: _Known) -> datetime | None:
    """When what it waits for began; a job that was answered at once, by what had ended before it came, then."""
    began, ended = known.row["started_at"], known.row["finished_at"]
    came: datetime = row["submitted_at"]
    return came if ended is not None and ended <= came else began


def _finished_at(row: RowMapping, known: _Known) -> datetime | None:
    """When the job ended: not before it came, also where what it waits for had ended by then."""
    ended: datetime | None = known.row["finished_at"]
    return None if ended is None else max(ended, row["submitted_at"])


def job_row(connection: Connection, scope: Scope, job_id: str) -> RowMapping | None:
    """The row of a job."""
    query = select(job).where(scope.of(job), job.c.job_id == job_id)
    return connection.execute(query).mappings().first()
