"""What the transformation service asks of the memory of jobs, of the queue that drives them, and of the switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lockgate.core.job import (
    Claim,
    Failure,
    IdempotencyKey,
    Inputs,
    Job,
    JobResult,
    JobStatus,
    Lease,
    Submission,
)
from lockgate.errors import KeyReused, LockgateError


class JobStore(Protocol):
    """The control plane's memory of jobs and of the executions that they wait for.

    A job joins an execution of the same entity, engine, variables and kind of refresh: one that is queued (it reads
    the newest inputs when it begins); one that is running, if its inputs equal the submission's (as long as these are
    not known it joins, and `begun` settles it); the newest that ended, if that succeeded by the implementation chosen
    and on equal inputs. Otherwise it queues a new one: at most one waits. A submission that asks for a full refresh,
    or for it `again`, joins only what is queued.

    Several processes may call it on one database; each call is one transaction. All raise ControlPlaneUnavailable
    where the database does not answer: what was asked may have been done or not, and may be asked again.
    """

    def submit(self, submissions: Sequence[Submission], at: datetime) -> tuple[Job | LockgateError, ...]:
        """Stores a job for each submission, all in one transaction: the jobs, or why not, in their order.

        A key that is stored already gives the job that it was stored with.

        Raises, one by one, as an element of the answer:
            KeyReused: the key was stored with another body.
        """

    def hold_keys(self, keys: Sequence[IdempotencyKey], at: datetime) -> tuple[KeyReused | None, ...]:
        """Lets each key stand for a request that makes no job: None, or why not, in their order.

        A key that was stored with the same body is held already.
        """

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status."""

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownName: there is none of that id.
        """

    def jobs(
        self, *, entity: str | None = None, status: JobStatus | None = None, before: str | None = None, limit: int = 100
    ) -> tuple[Job, ...]:
        """The newest jobs first; `before` is the id of a job to go on behind.

        Raises:
            UnknownName: there is no job `before`.
        """

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, JobStatus]:
        """How far these jobs have come, by one query; those that are not there are left out."""

    def read(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """These jobs; those that are not there are left out."""

    def cancel(self, job_id: str, at: datetime) -> Job:
        """Detaches a job that is not final from its execution; the last one to leave cancels what is still queued.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it has ended already.
        """

    def retry(self, job_id: str, inputs: Inputs, at: datetime) -> Job:
        """Makes a job that failed or was cancelled wait again, for an execution that may have to be queued.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it succeeded, or it has not ended.
        """

    def waiting(self) -> tuple[str, ...]:
        """The executions that have not ended, the oldest first: handing them to the queue twice does no harm."""

    def claim(self, execution_id: str, worker: str, at: datetime) -> Claim | None:
        """Begins an attempt: whoever began an earlier one can no longer commit. None where nobody waits for it.

        An execution that was begun `MAX_ATTEMPTS` times and never finished fails here: what kills its workers is set
        aside, and None is returned.
        """

    def begun(self, claim: Claim, inputs: Inputs, at: datetime) -> tuple[str, ...]:
        """Stores what an attempt reads, so that others can join it: the executions queued, to be handed over.

        Jobs that joined since the claim and have seen other inputs wait for a successor from now on.

        Raises:
            StaleToken: another attempt has begun since.
        """

    def finish(self, claim: Claim, outcome: JobResult | Failure, at: datetime) -> None:
        """Stores what came of an attempt, once.

        Raises:
            StaleToken: another attempt has begun since, or one has finished.
        """

    def wanted(self, execution_id: str) -> bool:
        """Whether any job still waits for an execution that has not ended."""

    def forget(self, before: datetime) -> int:
        """Drops jobs that ended before an instant, and the executions that no job is left of: how many jobs."""


class WorkerSlots(Protocol):
    """The names under which processes work: each held by one process at a time, on a lease by the database's clock."""

    def take(self, host: str) -> Lease:
        """A slot of a machine that nobody holds, under a token that nobody had."""

    def renew(self, lease: Lease) -> bool:
        """Holds on to a slot; False where the lease is over: who had it is fenced, and takes no more work."""

    def fence(self, lease: Lease) -> bool:
        """Ends a lease that has expired: True where nobody can renew it any more, False while it is held."""

    def release(self, lease: Lease) -> None:
        """Gives a slot up at once."""


class Work(Protocol):
    """What a queue calls for each execution, at least once, on a thread of its own."""

    def __call__(self, execution_id: str, /) -> None:
        """Does the work; an error means that it was not done, and may be tried again."""


class JobQueue(Protocol):
    """Hands executions to workers, durably: what was enqueued is worked on until it was done, whoever dies.

    One a process may be launched at a time.
    """

    def launch(self, work: Work) -> None:
        """Begins to take work, that of workers which died included.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """

    def enqueue(self, execution_ids: Sequence[str]) -> None:
        """Hands executions over; one that was handed over before is not queued again. Call it once launched.

        Raises:
            ControlPlaneUnavailable: the database does not answer; some may have been handed over.
        """

    def close(self, *, patience_seconds: float) -> None:
        """Takes no more work, waits for what is under way, and leaves the rest to others."""
