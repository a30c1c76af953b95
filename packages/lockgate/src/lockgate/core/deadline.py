"""How long an answer may take: bound where a call begins, heeded by whoever waits for a database on its behalf."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, TypeVar

# What a request waits for a database; longer than a process that was stopped keeps its locks there.
ANSWER_SECONDS = 6.0
NO_ANSWER = "there was no answer in time"
_LEAST_CONNECT_SECONDS = 2  # PostgreSQL's library takes less for as much

_ENDS: ContextVar[float | None] = ContextVar("lockgate_deadline", default=None)

Waits = TypeVar("Waits")
Ready = TypeVar("Ready")
Got = TypeVar("Got")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Lets what is called in this block wait so long altogether; a deadline that comes sooner stays in force."""
    ends, before = monotonic() + seconds, _ENDS.get()
    token = _ENDS.set(ends if before is None else min(ends, before))
    try:
        yield
    finally:
        _ENDS.reset(token)


def remaining_seconds() -> float | None:
    """How long may be waited from now on, not below nought; None where nobody bounds it."""
    ends = _ENDS.get()
    return None if ends is None else max(0.0, ends - monotonic())


def whole_seconds(*, at_most: int) -> int:
    """How long may be waited for a connection, as PostgreSQL's library takes it: no less than two seconds."""
    remaining = remaining_seconds()
    return at_most if remaining is None else max(_LEAST_CONNECT_SECONDS, min(at_most, int(remaining)))


def timely(kind: type[Any], failure: type[Exception]) -> type[Any]:
    """A kind of connection that is like psycopg's, and is closed where an answer does not come before the deadline.

    Without, it waits for ever for a server that has stopped and still holds its socket: the kernel acknowledges for it.
    """

    class Timely(kind):  # type: ignore[misc]
        """Raises `failure` then."""

        def wait(self, conversation: Generator[Any, Any, Any], *given: Any, **named: Any) -> Any:
            """What the conversation comes to."""
            try:
                return super().wait(in_time(conversation), *given, **named)
            except TimeoutError:
                self.close()
                raise failure(NO_ANSWER) from None

    return Timely


def in_time(conversation: Generator[Waits, Ready, Got]) -> Generator[Waits, Ready, Got]:
    """A conversation with a server that tells what it waits for, and is sent what is ready: nothing, now and then.

    Raises:
        TimeoutError: nothing was ready, and the deadline is over.
    """
    try:
        waits = next(conversation)
        while True:
            ready = yield waits
            if not ready and remaining_seconds() == 0:
                raise TimeoutError
            waits = conversation.send(ready)
    except StopIteration as end:
        got: Got = end.value
        return got
