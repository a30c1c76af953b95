"""Submissions of many callers in few transactions: what comes while one is written is written in the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from lockgate.core.job import IdempotencyKey, Inputs, Job, Submission, TransformRequest
from lockgate.core.ports.jobs import JobStore
from lockgate.core.ports.surroundings import Clock
from lockgate.errors import ControlPlaneUnavailable, LockgateError

MAX_GROUP = 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits to be stored."""

    request: TransformRequest
    caller: str
    key: IdempotencyKey | None
    answer: Future[Job] = field(default_factory=Future)


class GroupCommit:
    """One thread that stores whatever was submitted since it last looked."""

    def __init__(
        self,
        store: JobStore,
        inputs_of: Callable[[TransformRequest], Inputs],
        clock: Clock,
        stored: Callable[[Sequence[Job]], None],
    ) -> None:
        """Store into `store`; `stored` is told of the jobs once they are durable."""
        self._store = store
        self._inputs_of = inputs_of
        self._clock = clock
        self._stored = stored
        self._asked: list[_Asked] = []
        self._changed = Condition()
        self._is_closed = False
        self._thread: Thread | None = None

    def submit(self, request: TransformRequest, caller: str, key: IdempotencyKey | None) -> Future[Job]:
        """The job, once it is durable."""
        asked = _Asked(request, caller, key)
        with self._changed:
            if self._is_closed:
                raise ControlPlaneUnavailable("the service is being stopped")
            if self._thread is None:
                self._thread = Thread(target=self._run, name="lockgate-submissions", daemon=True)
                self._thread.start()
            self._asked.append(asked)
            self._changed.notify()
        return asked.answer

    def close(self) -> None:
        """Stores what was submitted, and takes nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            live = [asked for asked in group if asked.answer.set_running_or_notify_cancel()]
            try:
                jobs = self._store_all(live)
            except BaseException as error:  # noqa: BLE001  whoever asked is told
                _fail(live, error)
            else:
                self._stored(jobs)

    def _next(self) -> list[_Asked]:
        """What waits; nothing once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._asked or self._is_closed)
            group, self._asked = self._asked[:MAX_GROUP], self._asked[MAX_GROUP:]
            return group

    def _store_all(self, group: Sequence[_Asked]) -> list[Job]:
        """Stores a group, and answers each: the jobs."""
        seen = _Seen(self._inputs_of)
        submissions, asking = [], []
        for asked in group:
            inputs = seen.inputs(asked.request)
            if isinstance(inputs, Exception):
                asked.answer.set_exception(inputs)
            else:
                submissions.append(Submission(asked.request, asked.caller, inputs, asked.key))
                asking.append(asked)
        if not submissions:
            return []
        answers = self._store.submit(submissions, self._clock())
        for asked, answer in zip(asking, answers, strict=True):
            if isinstance(answer, LockgateError):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)
        return [answer for answer in answers if isinstance(answer, Job)]


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


def _fail(group: Sequence[_Asked], error: BaseException) -> None:
    for asked in group:
        if not asked.answer.done():
            asked.answer.set_exception(error)
