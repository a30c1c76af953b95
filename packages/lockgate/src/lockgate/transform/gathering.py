"""Answers what many threads ask in few turns: what comes while one turn is worked on is answered in the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, TypeVar

from lockgate.errors import ControlPlaneUnavailable

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """One thread, begun at the first question, that answers whatever was asked since it last looked."""

    def __init__(
        self, name: str, answer: Callable[[Sequence[Asked]], Sequence[Answer | Exception]], *, most: int
    ) -> None:
        """`answer` gets up to `most` questions and gives an answer, or an error, for each; `name` is the thread's."""
        self._name = name
        self._answer = answer
        self._most = most
        self._waiting: list[tuple[Asked, Future[Answer]]] = []
        self._changed = Condition()
        self._is_closed = False
        self._thread: Thread | None = None

    def ask(self, asked: Asked) -> Future[Answer]:
        """The answer, once it is there.

        Raises:
            ControlPlaneUnavailable: this is closed.
        """
        answer: Future[Answer] = Future()
        with self._changed:
            if self._is_closed:
                raise ControlPlaneUnavailable("the service is being stopped")
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._waiting.append((asked, answer))
            self._changed.notify()
        return answer

    def close(self) -> None:
        """Answers what was asked, and takes nothing more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            live = [(asked, answer) for asked, answer in group if answer.set_running_or_notify_cancel()]
            try:
                found = self._answer([asked for asked, _ in live]) if live else ()
            except BaseException as error:  # noqa: BLE001  whoever asked is told
                for _, answer in live:
                    answer.set_exception(error)
            else:
                for (_, answer), one in zip(live, found, strict=True):
                    if isinstance(one, Exception):
                        answer.set_exception(one)
                    else:
                        answer.set_result(one)

    def _next(self) -> list[tuple[Asked, Future[Answer]]]:
        """What waits; nothing once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            return group
