"""What somebody has waited for and may still be done, in a thread or in a book, when they do not wait any more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Got = TypeVar("Got")

_FOLLOWED: ContextVar[list[Future[Any]] | None] = ContextVar("lockgate_under_way", default=None)


@contextmanager
def following() -> Iterator[list[Future[Any]]]:
    """What is begun for this task while this lasts, in its order."""
    begun: list[Future[Any]] = []
    token = _FOLLOWED.set(begun)
    try:
        yield begun
    finally:
        _FOLLOWED.reset(token)


def followed(future: Future[Got]) -> Future[Got]:
    """The same future, which whoever follows this task sees."""
    begun = _FOLLOWED.get()
    if begun is not None:
        begun.append(future)
    return future
