"""Jobs, and the executions that they wait for: `JobStore` over the control plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, func, insert, or_, select, update

from lockgate.core.job import Claim, Failure, IdempotencyKey, Inputs, Job, JobResult, JobStatus, Submission
from lockgate.errors import JobFinal, KeyReused, LockgateError, UnknownName
from lockgate.store import job_turns
from lockgate.store.database import Database
from lockgate.store.exclusion import exclude_others
from lockgate.store.job_joining import Place, Waiting
from lockgate.store.job_rows import job_row, jobs_of, program_of, to_json
from lockgate.store.key_log import Keys
from lockgate.store.scope import Scope
from lockgate.store.tables import idempotency_key, job, job_execution

_HOW_FAR: ColumnElement[str] = case(
    (job.c.cancelled_at.is_not(None), JobStatus.CANCELLED.value), else_=job_execution.c.status
)
_WAITS_ON = job.c.execution_id == job_execution.c.execution_id
_IS_OPEN = job_execution.c.status.in_((JobStatus.QUEUED, JobStatus.RUNNING))


class JobLog:
    """The jobs of one project on one target."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Keep jobs of `scope` in `database`."""
        self._database = database
        self._scope = scope

    def submit(self, submissions: Sequence[Submission], at: datetime) -> tuple[Job | LockgateError, ...]:
        """Stores a job for each submission, all in one transaction: the jobs, or why not, in their order."""
        with self._alone() as connection:
            taken = _Submitted(connection, self._scope, submissions, at)
            answers = [taken.answer(submission) for submission in submissions]
            taken.store()
            found = self._by_id(connection, [each for each in answers if isinstance(each, str)])
        return tuple(found[each] if isinstance(each, str) else each for each in answers)

    def hold_keys(self, keys: Sequence[IdempotencyKey], at: datetime) -> tuple[KeyReused | None, ...]:
        """Lets each key stand for a request without a job: None, or why not, in their order."""
        with self._alone() as connection:
            known = Keys(connection, self._scope, keys, at)
            answers = [_held(known, key) for key in keys]
            known.store()
        return tuple(answers)

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownName: there is none of that id.
        """
        with self._database.reading() as connection:
            return self._one(connection, job_id)

    def jobs(
        self, *, entity: str | None = None, status: JobStatus | None = None, before: str | None = None, limit: int = 100
    ) -> tuple[Job, ...]:
        """The newest jobs first; `before` is the id of a job to go on behind.

        Raises:
            UnknownName: there is no job `before`.
        """
        query = select(job).select_from(job.join(job_execution, _WAITS_ON)).where(self._scope.of(job))
        if entity is not None:
            query = query.where(job.c.entity == entity)
        if status is not None:
            query = query.where(_HOW_FAR.in_((status,)))
        if before is not None:
            older = select(job.c.number).where(self._scope.of(job), job.c.job_id == before).scalar_subquery()
            query = query.where(job.c.number < older)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(job.c.number.desc()).limit(limit)).mappings().all()
            if before is not None and not rows:
                self._one(connection, before)
            return jobs_of(connection, rows)

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, JobStatus]:
        """How far these jobs have come, by one query; those that are not there are left out."""
        query = select(job.c.job_id, _HOW_FAR.label("status")).select_from(job.join(job_execution, _WAITS_ON))
        with self._database.reading() as connection:
            rows = connection.execute(query.where(self._scope.of(job), job.c.job_id.in_(job_ids)))
            return {row.job_id: JobStatus(row.status) for row in rows}

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status."""
        how_far = _HOW_FAR.label("status")
        query = select(how_far, func.count().label("jobs")).select_from(job.join(job_execution, _WAITS_ON))
        with self._database.reading() as connection:
            rows = connection.execute(query.where(self._scope.of(job)).group_by(how_far)).all()
        return dict.fromkeys(JobStatus, 0) | {JobStatus(row.status): row.jobs for row in rows}

    def read(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """These jobs; those that are not there are left out."""
        with self._database.reading() as connection:
            return self._by_id(connection, job_ids)

    def cancel(self, job_id: str, at: datetime) -> Job:
        """Detaches a job that is not final from its execution; the last one to leave cancels that.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it has ended already.
        """
        with self._alone() as connection:
            found = self._one(connection, job_id)
            if found.status.is_final:
                raise JobFinal(f"job {job_id} has ended already: {found.status}", job_id=job_id)
            connection.execute(update(job).where(job.c.job_id == job_id).values(cancelled_at=at))
            job_turns.cancel_unwanted(connection, found.execution_id, at)
            return self._one(connection, job_id)

    def retry(self, job_id: str, inputs: Inputs, at: datetime) -> Job:
        """Makes a job that failed or was cancelled wait again, for an execution that may have to be queued.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it succeeded, or it has not ended.
        """
        with self._alone() as connection:
            found = self._one(connection, job_id)
            if found.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
                raise JobFinal(f"job {job_id} cannot be retried: {found.status}", job_id=job_id)
            waiting = Waiting(connection, self._scope, [program_of(found.request)])
            place = waiting.place(found.request, inputs, at)
            waiting.store()
            values = place.columns() | {"cancelled_at": None}
            connection.execute(update(job).where(job.c.job_id == job_id).values(values))
            return self._one(connection, job_id)

    def waiting(self) -> tuple[str, ...]:
        """The executions that have not ended, the oldest first."""
        query = select(job_execution.c.execution_id).where(self._scope.of(job_execution), _IS_OPEN)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query.order_by(job_execution.c.number)))

    def claim(self, execution_id: str, worker: str, at: datetime) -> Claim | None:
        """Begins an attempt: whoever began an earlier one can no longer commit. None where nobody waits for it."""
        with self._alone() as connection:
            return job_turns.claim(connection, self._scope, execution_id, worker=worker, at=at)

    def begun(self, claim: Claim, inputs: Inputs, at: datetime) -> tuple[str, ...]:
        """Stores what an attempt reads, so that others can join it: the executions queued, to be handed over.

        Raises:
            StaleToken: another attempt has begun since.
        """
        with self._alone() as connection:
            return job_turns.begun(connection, self._scope, claim, inputs, at)

    def finish(self, claim: Claim, outcome: JobResult | Failure, at: datetime) -> None:
        """Stores what came of an attempt, once.

        Raises:
            StaleToken: another attempt has begun since, one has finished, or nobody waits for it any more.
        """
        with self._alone() as connection:
            job_turns.finish(connection, claim, outcome, at)

    def wanted(self, execution_id: str) -> bool:
        """Whether any job still waits for an execution that has not ended."""
        query = select(job.c.number).select_from(job.join(job_execution, _WAITS_ON))
        query = query.where(self._scope.of(job), _IS_OPEN)
        waits = query.where(job.c.execution_id == execution_id, job.c.cancelled_at.is_(None)).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(waits) is not None

    def forget(self, before: datetime) -> int:
        """Drops jobs that ended before an instant, and the executions that no job is left of: how many jobs."""
        ended = select(job_execution.c.execution_id).where(job_execution.c.finished_at < before)
        old = or_(
            job.c.cancelled_at < before,
            and_(job.c.cancelled_at.is_(None), job.c.submitted_at < before, job.c.execution_id.in_(ended)),
        )
        unused = and_(job_execution.c.finished_at < before, ~exists().where(_WAITS_ON))
        with self._alone() as connection:
            dropped = connection.execute(delete(job).where(self._scope.of(job), old)).rowcount
            connection.execute(delete(job_execution).where(self._scope.of(job_execution), unused))
            jobless = and_(idempotency_key.c.job_id.is_(None), idempotency_key.c.stored_at < before)
            connection.execute(delete(idempotency_key).where(self._scope.of(idempotency_key), jobless))
        return dropped

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction in which nobody else changes jobs."""
        with self._database.writing() as connection:
            exclude_others(connection, self._scope, "jobs")
            yield connection

    def _one(self, connection: Connection, job_id: str) -> Job:
        row = job_row(connection, self._scope, job_id)
        if row is None:
            raise UnknownName(f"there is no job {job_id}", hint="`lockgate jobs list` shows them.", job_id=job_id)
        return jobs_of(connection, [row])[0]

    def _by_id(self, connection: Connection, job_ids: Sequence[str]) -> dict[str, Job]:
        query = select(job).where(self._scope.of(job), job.c.job_id.in_(set(job_ids)))
        rows = connection.execute(query).mappings().all()
        return {found.job_id: found for found in jobs_of(connection, rows)}


def _held(known: Keys, key: IdempotencyKey) -> KeyReused | None:
    try:
        job_id = known.job_of(key)
    except KeyReused as refused:
        return refused
    known.add(key, job_id)
    return None


class _Submitted:
    """Submissions that are taken in one transaction."""

    def __init__(self, connection: Connection, scope: Scope, submissions: Sequence[Submission], at: datetime) -> None:
        self._connection = connection
        self._scope = scope
        self._at = at
        self._keys = Keys(connection, scope, [each.key for each in submissions], at)
        self._waiting = Waiting(connection, scope, [program_of(each.request) for each in submissions])
        self._jobs: list[dict[str, Any]] = []

    def answer(self, submission: Submission) -> str | LockgateError:
        """The job's id, or why there is none."""
        try:
            known = self._keys.job_of(submission.key)
        except KeyReused as refused:
            return refused
        if known is not None:
            return known
        job_id = uuid4().hex
        self._keys.add(submission.key, job_id)
        place = self._waiting.place(submission.request, submission.inputs, self._at)
        self._jobs.append(self._row(job_id, submission, place))
        return job_id

    def store(self) -> None:
        """Stores all that is new."""
        self._waiting.store()
        if self._jobs:
            self._connection.execute(insert(job), self._jobs)
        self._keys.store()

    def _row(self, job_id: str, submission: Submission, place: Place) -> dict[str, Any]:
        request = submission.request
        own = {
            "job_id": job_id,
            "caller": submission.caller,
            "entity": request.entity,
            "request": to_json(request),
            "submitted_at": self._at,
            "correlation_id": submission.correlation_id,
        }
        return self._scope.values() | own | place.columns()
