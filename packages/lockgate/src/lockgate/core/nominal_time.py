"""The time that what is done now is about, where a flow's run says so: bound to whoever works for that run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

_TIME: ContextVar[tuple[datetime, datetime] | None] = ContextVar("lockgate_nominal_time", default=None)


@contextmanager
def about(start: datetime, end: datetime) -> Iterator[None]:
    """While this lasts, what is done is about the time from `start` to `end`, without the latter."""
    token = _TIME.set((start, end))
    try:
        yield
    finally:
        _TIME.reset(token)


def nominal_time() -> tuple[datetime, datetime] | None:
    """The time's start and end; None where nobody said one."""
    return _TIME.get()
