"""Answers what many threads ask in few turns: what comes while others are worked on is answered in the next."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from lockgate.core.deadline import remaining_seconds
from lockgate.errors import ControlPlaneUnavailable, QueueFull, WaitedTooLong

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

# The turns by which the pace is known.
PACE_TURNS = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """Threads that answer, the weight of what waits at most, and the seconds that a question may wait at most.

    None bounds nothing, not even by the deadline of whoever asks. A heavier question is taken where nothing else waits.
    """

    threads: int = 1
    waiting: int | None = None
    seconds: float | None = None


@dataclass(eq=False, slots=True)
class _Question(Generic[Asked, Answer]):
    """What was asked; it must not be begun after `ends`, and goes together with others of its kind."""

    asked: Asked
    weight: int
    kind: Hashable
    ends: float
    answer: Future[Answer] = field(default_factory=Future)


class Gathering(Generic[Asked, Answer]):
    """Threads, begun when there is something to do, each of which answers together what waits and is of one kind."""

    def __init__(
        self,
        name: str,
        answer: Callable[[Sequence[Asked]], Sequence[Answer | Exception]],
        *,
        most: int,
        limits: Limits = Limits(),
        kind: Callable[[Asked], Hashable] = lambda _: "",
    ) -> None:
        """`answer` gets up to `most` questions of a kind, and gives an answer, or an error, for each.

        `name` is the threads'. What is of a kind waits while others of it are answered, and then goes together, for one
        large turn costs less than two at once. What has no kind (None) is answered alone, one on each thread.
        """
        self._name = name
        self._answer = answer
        self._most = most
        self._limits = limits
        self._kind = kind
        self._waiting: deque[_Question[Asked, Answer]] = deque()
        self._weight = 0
        self._pace: deque[tuple[int, float]] = deque(maxlen=PACE_TURNS)
        self._changed = Condition()
        self._is_closed = False
        self._busy: set[Hashable] = set()
        self._threads: list[Thread] = []
        self._idle = 0

    def ask(self, asked: Asked, *, weight: int = 1) -> Future[Answer]:
        """The answer, once it is there; WaitedTooLong where nobody came to it in time, or by the caller's deadline.

        Raises:
            ControlPlaneUnavailable: this is closed.
            QueueFull: too much waits; the field `retry_seconds` is how long that will take.
        """
        question: _Question[Asked, Answer] = _Question(asked, weight, self._kind(asked), self._ends())
        with self._changed:
            if self._is_closed:
                raise ControlPlaneUnavailable("the service is being stopped")
            self._refuse_flood(weight)
            self._waiting.append(question)
            self._weight += weight
            if len(self._waiting) > self._idle and len(self._threads) < self._limits.threads:
                self._begin_thread()
            self._changed.notify()
        question.answer.add_done_callback(partial(self._given_up, question))
        return question.answer

    def close(self) -> None:
        """Answers what was asked, and takes nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _ends(self) -> float:
        """When a question that is asked now has waited for too long."""
        most, remaining = self._limits.seconds, remaining_seconds()
        if most is None:
            return math.inf
        return monotonic() + (most if remaining is None else min(most, remaining))

    def _begin_thread(self) -> None:
        name = f"{self._name}-{len(self._threads)}" if self._threads else self._name
        thread = Thread(target=self._run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _refuse_flood(self, weight: int) -> None:
        """Returns where there is room for a question."""
        most = self._limits.waiting
        if most is not None and self._waiting and self._weight + weight > most:
            raise QueueFull(retry_seconds=self._retry_seconds())

    def _retry_seconds(self) -> int:
        """How long what waits will take as things go now, in whole seconds, at least one."""
        with self._changed:
            done, seconds = (sum(each[part] for each in self._pace) for part in (0, 1))
            expected = self._weight * seconds / (done * self._at_once()) if done else 0.0
        return max(1, math.ceil(expected))

    def _at_once(self) -> int:
        """How many turns there can be at once of what waits."""
        kinds = {question.kind for question in self._waiting} | self._busy
        return self._limits.threads if None in kinds else max(1, min(len(kinds), self._limits.threads))

    def _given_up(self, question: _Question[Asked, Answer], answer: Future[Answer]) -> None:
        """Forgets what nobody waits for any more."""
        if answer.cancelled():
            with self._changed:
                if question in self._waiting:
                    self._waiting.remove(question)
                    self._weight -= question.weight
                    self._changed.notify_all()

    def _run(self) -> None:
        while True:
            group, late = self._next()
            for question in late:
                told = "the request has waited for longer than it may, and was not begun"
                question.answer.set_exception(WaitedTooLong(told, retry_seconds=self._retry_seconds()))
            if group:
                self._answer_all(group)
            elif not late:
                return

    def _answer_all(self, group: Sequence[_Question[Asked, Answer]]) -> None:
        began = monotonic()
        try:
            found = self._answer([question.asked for question in group])
        except BaseException as error:  # noqa: BLE001  whoever asked is told
            found = [error] * len(group)  # type: ignore[list-item]
        with self._changed:
            self._pace.append((sum(question.weight for question in group), monotonic() - began))
            self._busy.discard(group[0].kind)
            self._changed.notify_all()
        for question, one in zip(group, found, strict=True):
            _tell(question.answer, one)

    def _next(self) -> tuple[list[_Question[Asked, Answer]], list[_Question[Asked, Answer]]]:
        """What is to be answered together, and what has waited for too long; nothing of both once this is closed."""
        with self._changed:
            while True:
                self._idle += 1
                self._changed.wait_for(lambda: self._is_any_free() or (self._is_closed and not self._waiting))
                self._idle -= 1
                group, late = self._taken()
                if group or late or (self._is_closed and not self._waiting):
                    return group, late

    def _is_any_free(self) -> bool:
        """Whether something waits that may be begun."""
        return any(question.kind not in self._busy for question in self._waiting)

    def _taken(self) -> tuple[list[_Question[Asked, Answer]], list[_Question[Asked, Answer]]]:
        """Takes what comes next: the first question and, up to the most, those that are of its kind."""
        now, others = monotonic(), deque[_Question[Asked, Answer]]()
        group: list[_Question[Asked, Answer]] = []
        late: list[_Question[Asked, Answer]] = []
        while self._waiting and not _is_whole(group, self._most):
            question = self._waiting.popleft()
            if question.kind in self._busy or (group and question.kind != group[0].kind):
                others.append(question)
                continue
            self._weight -= question.weight
            if question.answer.set_running_or_notify_cancel():
                (late if now > question.ends else group).append(question)
        self._waiting.extendleft(reversed(others))
        if group and group[0].kind is not None:
            self._busy.add(group[0].kind)
        return group, late


def _is_whole(group: Sequence[_Question[Any, Any]], most: int) -> bool:
    """Whether nothing more goes with a group."""
    return len(group) == most or (bool(group) and group[0].kind is None)


def _tell(answer: Future[Any], one: object) -> None:
    if isinstance(one, BaseException):
        answer.set_exception(one)
    else:
        answer.set_result(one)
