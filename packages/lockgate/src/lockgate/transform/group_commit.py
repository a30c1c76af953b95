"""Submissions of many callers in few transactions: what comes while one is written is written in the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from lockgate.core.correlation import correlated, correlation_id
from lockgate.core.deadline import within
from lockgate.core.job import IdempotencyKey, Inputs, Job, Submission, TransformRequest
from lockgate.core.ports.jobs import JobStore
from lockgate.core.ports.surroundings import Clock
from lockgate.transform.gathering import Gathering

logger = logging.getLogger(__name__)

MAX_GROUP = 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits to be stored."""

    request: TransformRequest
    caller: str
    key: IdempotencyKey | None
    correlation_id: str | None


class GroupCommit:
    """One thread that stores whatever was submitted since it last looked."""

    def __init__(
        self,
        store: JobStore,
        inputs_of: Callable[[TransformRequest], Inputs],
        clock: Clock,
        stored: Callable[[Sequence[Job]], None],
        *,
        seconds: float,
    ) -> None:
        """Store into `store` within so many seconds, or not; `stored` is told of the jobs once they are durable."""
        self._store = store
        self._inputs_of = inputs_of
        self._clock = clock
        self._stored = stored
        self._seconds = seconds
        self._submissions = Gathering("lockgate-submissions", self._store_all, most=MAX_GROUP)

    def submit(self, request: TransformRequest, caller: str, key: IdempotencyKey | None) -> Future[Job]:
        """The job, once it is durable."""
        return self._submissions.ask(_Asked(request, caller, key, correlation_id()))

    def close(self) -> None:
        """Stores what was submitted, and takes nothing more."""
        self._submissions.close()

    def _store_all(self, group: Sequence[_Asked]) -> list[Job | Exception]:
        """Stores a group: the job of each, or why there is none."""
        with within(self._seconds):
            seen = _Seen(self._inputs_of)
            inputs = [seen.inputs(asked.request) for asked in group]
            submissions = [
                Submission(asked.request, asked.caller, read, asked.key, asked.correlation_id)
                for asked, read in zip(group, inputs, strict=True)
                if isinstance(read, Inputs)
            ]
            stored = self._store.submit(submissions, self._clock()) if submissions else ()
        jobs = [answer for answer in stored if isinstance(answer, Job)]
        for job in jobs:
            facts = {"job_id": job.job_id, "execution_id": job.execution_id, "entity": job.request.entity}
            with correlated(job.correlation_id):
                logger.info("job submitted", extra={"facts": {**facts, "joined": job.joined, "caller": job.caller}})
        self._stored(jobs)
        answers = iter(stored)
        return [read if isinstance(read, Exception) else next(answers) for read in inputs]


class _Seen:
    """The inputs that an execution of a request would have now, looked at once for all of a group."""

    def __init__(self, inputs_of: Callable[[TransformRequest], Inputs]) -> None:
        self._inputs_of = inputs_of
        self._known: dict[tuple[str, str | None], Inputs | Exception] = {}

    def inputs(self, request: TransformRequest) -> Inputs | Exception:
        """The inputs, or why there are none."""
        who = request.entity, request.engine
        if who not in self._known:
            try:
                self._known[who] = self._inputs_of(request)
            except Exception as error:  # noqa: BLE001  whoever asked is told
                self._known[who] = error
        return self._known[who]
