"""A worker's turn at an execution: begun under a token that grows, and ended by whoever holds the newest one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select, update

from lockgate.core.job import MAX_ATTEMPTS, Claim, Failure, Inputs, JobResult, JobStatus
from lockgate.errors import JobSetAside, StaleToken
from lockgate.store.job_joining import Waiting
from lockgate.store.job_rows import execution_of, inputs_digest, program_of, request_from_json, to_json
from lockgate.store.scope import Scope
from lockgate.store.tables import job, job_execution

_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def claim(connection: Connection, scope: Scope, execution_id: str, *, worker: str, at: datetime) -> Claim | None:
    """Begins an attempt; sets aside what was begun too often; None where there is nothing to do."""
    row = execution_of(connection, scope, execution_id)
    if row is None or row["status"] not in _OPEN:
        return None
    if row["attempts"] >= MAX_ATTEMPTS:
        _set(connection, execution_id, _ended(_set_aside(execution_id, row["attempts"]), at))
        return None
    begun_by = {"status": JobStatus.RUNNING, "worker": worker, "inputs": None, "started_at": row["started_at"] or at}
    _set(connection, execution_id, begun_by | {"attempts": row["attempts"] + 1})
    waits = (job.c.execution_id == execution_id) & job.c.cancelled_at.is_(None)
    first = connection.scalar(select(job.c.correlation_id).where(waits).order_by(job.c.number).limit(1))
    return Claim(execution_id, row["attempts"] + 1, request_from_json(row["request"]), first)


def begun(connection: Connection, scope: Scope, claim: Claim, inputs: Inputs, at: datetime) -> tuple[str, ...]:
    """Stores what an attempt reads; jobs that joined it unseen and want other inputs go on to a successor."""
    seen = inputs_digest(inputs)
    _commit(connection, claim, {"inputs": seen})
    joined = (job.c.execution_id == claim.execution_id) & job.c.is_settled.is_(False)
    connection.execute(update(job).where(joined, job.c.inputs == seen).values(is_settled=True))
    others = joined & job.c.cancelled_at.is_(None)
    if connection.scalar(select(job.c.number).where(others).limit(1)) is None:
        return ()
    waiting = Waiting(connection, scope, [program_of(claim.request)])
    successor = waiting.queue(claim.request, at)
    queued = waiting.store()
    connection.execute(update(job).where(others).values(execution_id=successor, is_settled=True))
    return queued


def finish(connection: Connection, claim: Claim, outcome: JobResult | Failure, at: datetime) -> None:
    """Stores what came of an attempt."""
    _commit(connection, claim, _ended(outcome, at))


def cancel_unwanted(connection: Connection, execution_id: str, at: datetime) -> None:
    """Cancels an execution that no job waits for any more."""
    is_wanted = exists().where(job.c.execution_id == execution_id, job.c.cancelled_at.is_(None))
    mine = (job_execution.c.execution_id == execution_id) & job_execution.c.status.in_(_OPEN)
    cancelled = {"status": JobStatus.CANCELLED, "finished_at": at}
    connection.execute(update(job_execution).where(mine, ~is_wanted).values(cancelled))


def _set_aside(execution_id: str, attempts: int) -> Failure:
    message = f"{attempts} workers began the execution and none of them finished it"
    return Failure.of(JobSetAside(message, execution_id=execution_id, attempts=attempts))


def _ended(outcome: JobResult | Failure, at: datetime) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"status": JobStatus.FAILED, "finished_at": at, "failure": to_json(outcome)}
    is_fallback = outcome.fallen_back is not None
    return {"status": JobStatus.SUCCESS, "finished_at": at, "result": to_json(outcome), "is_fallback": is_fallback}


def _commit(connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
    """Writes for an attempt, unless it is not the newest any more."""
    is_newest = (job_execution.c.attempts == claim.attempt) & (job_execution.c.status == JobStatus.RUNNING)
    changed = connection.execute(update(job_execution).where(_of(claim.execution_id), is_newest).values(values))
    if changed.rowcount != 1:
        message = f"attempt {claim.attempt} at execution {claim.execution_id} was overtaken"
        hint = "Nothing is to be done: another worker has taken the execution over, or nobody waits for it."
        raise StaleToken(message, hint=hint, execution_id=claim.execution_id, attempt=claim.attempt)


def _set(connection: Connection, execution_id: str, values: dict[str, Any]) -> None:
    connection.execute(update(job_execution).where(_of(execution_id)).values(values))


def _of(execution_id: str) -> ColumnElement[bool]:
    return job_execution.c.execution_id == execution_id
