"""`TransformationJobService`: requests as durable jobs, executed here or by any other process of the project."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread, Timer
from time import monotonic

from lockgate.core.deadline import ANSWER_SECONDS, within
from lockgate.core.job import IdempotencyKey, Inputs, Job, JobStatus, TransformRequest
from lockgate.core.ports.jobs import JobQueue, JobStore
from lockgate.core.ports.surroundings import Clock
from lockgate.errors import KeyReused, LockgateError
from lockgate.transform.gathering import Gathering
from lockgate.transform.group_commit import MAX_GROUP, GroupCommit
from lockgate.transform.job_turn import Ended, JobTurn, Listener, Patience, Perform, unheard
from lockgate.transform.job_watch import JobWatch

logger = logging.getLogger(__name__)

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between looks at awaited jobs, at executions not handed over, and at old jobs; what may be taken.

    That is by whatever stores what was submitted (`answer`), and by attempts (`patience`).
    """

    watch: float = 0.2
    sweep: float = 1.0
    forget: float = 3600.0
    answer: float = ANSWER_SECONDS
    patience: Patience = field(default_factory=Patience)


class TransformationJobService:
    """Stores jobs, hands their executions to the queue, and works on what the queue calls for."""

    def __init__(  # noqa: PLR0913  what is wired once
        self,
        store: JobStore,
        queue: JobQueue,
        *,
        inputs_of: Callable[[TransformRequest], Inputs],
        perform: Perform,
        clock: Clock,
        stop: Callable[[], None] = lambda: None,
        ended: Ended = unheard,
        timing: Timing = Timing(),
    ) -> None:
        """Nothing is executed before `start`; `stop` ends what `perform` is doing, where nobody waits for it.

        `ended` hears of every execution that ends here, once that is durable.
        """
        self._store = store
        self._queue = queue
        self._inputs_of = inputs_of
        self._clock = clock
        self._timing = timing
        self._watch = JobWatch(store, interval_seconds=timing.watch)
        self._submissions = GroupCommit(store, inputs_of, clock, self._stored, seconds=timing.answer)
        self._keys: Gathering[IdempotencyKey, None] = Gathering("lockgate-keys", self._held, most=MAX_GROUP)
        self._turn = JobTurn(
            store,
            perform,
            stop,
            clock,
            patience=timing.patience,
            listener=Listener(self._look_for_work, ended),
        )
        self._handed: frozenset[str] = frozenset()
        self._work_came = Event()
        self._is_closed = False
        self._sweeper: Thread | None = None

    def start(self) -> None:
        """Begins to execute what is queued.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
        """
        self._queue.launch(self._work)
        self._sweeper = Thread(target=self._sweep, name="lockgate-handover", daemon=True)
        self._sweeper.start()

    def submit(self, request: TransformRequest, *, caller: str, key: IdempotencyKey | None = None) -> Future[Job]:
        """Stores a job: once the future is done it is durable.

        The future's errors: those of `inputs_of`, KeyReused, ControlPlaneUnavailable (then it may be durable or not).

        Raises:
            ControlPlaneUnavailable: the service is being stopped.
        """
        return self._submissions.submit(request, caller, key)

    def hold(self, key: IdempotencyKey) -> Future[None]:
        """Lets a key stand for a request that makes no job; done once that is durable.

        The future's errors: KeyReused, ControlPlaneUnavailable (then it may be durable or not).

        Raises:
            ControlPlaneUnavailable: the service is being stopped.
        """
        return self._keys.ask(key)

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status."""
        return self._store.counts()

    def ended(self, job_id: str) -> Future[Job]:
        """The job once it is final; UnknownName where there is none. Whoever waits no longer cancels the future."""
        return self._watch.ended(job_id)

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownName: there is none of that id.
        """
        return self._store.job(job_id)

    def jobs(
        self, *, entity: str | None = None, status: JobStatus | None = None, before: str | None = None, limit: int = 100
    ) -> tuple[Job, ...]:
        """The newest jobs first; `before` is the id of a job to go on behind."""
        return self._store.jobs(entity=entity, status=status, before=before, limit=limit)

    def cancel(self, job_id: str) -> Job:
        """Cancels a job: it leaves its execution, which goes on where others wait for it.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it has ended already.
        """
        cancelled = self._store.cancel(job_id, self._clock())
        self._watch.wake()
        return cancelled

    def retry(self, job_id: str) -> Job:
        """Makes a job that failed or was cancelled wait again.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it succeeded, or has not ended.
        """
        waiting = self._store.retry(job_id, self._inputs_of(self._store.job(job_id).request), self._clock())
        self._look_for_work()
        return waiting

    def close(self, *, patience_seconds: float = 30.0) -> None:
        """Takes no more, ends what is under way, and leaves the rest to others."""
        self._submissions.close()
        self._keys.close()
        self._is_closed = True
        self._work_came.set()
        if self._sweeper is not None:
            self._sweeper.join(patience_seconds)  # a queue that hangs is left to the next process
            deadline = Timer(patience_seconds, self._turn.leave)
            deadline.start()
            self._queue.close(patience_seconds=patience_seconds + self._timing.patience.look)
            deadline.cancel()
        self._turn.leave()
        self._watch.close()

    def _held(self, keys: Sequence[IdempotencyKey]) -> Sequence[KeyReused | None]:
        with within(self._timing.answer):
            return self._store.hold_keys(keys, self._clock())

    def _work(self, execution_id: str) -> None:
        """What the queue calls for each execution."""
        try:
            self._turn(execution_id)
        finally:
            self._watch.wake()

    def _stored(self, jobs: Sequence[Job]) -> None:
        if any(not job.joined for job in jobs):
            self._look_for_work()

    def _look_for_work(self) -> None:
        self._work_came.set()

    def _sweep(self) -> None:
        """Hands over what was stored: at once what is stored here, after a while what a process left that died."""
        forgotten = monotonic()
        while not self._is_closed:
            try:
                self._hand_over()
                if monotonic() - forgotten > self._timing.forget:
                    forgotten = monotonic()
                    self._store.forget(self._clock() - KEPT)
            except LockgateError as error:
                logger.warning("executions cannot be handed over now: %s", error.message)
            except Exception:
                logger.exception("executions cannot be handed over now")
            self._work_came.wait(self._timing.sweep)
            self._work_came.clear()

    def _hand_over(self) -> None:
        waiting = self._store.waiting()
        self._queue.enqueue([each for each in waiting if each not in self._handed])
        self._handed = frozenset(waiting)
