"""The id that everything caused by one request is found by: bound to whoever works for it, on whichever thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ID: ContextVar[str | None] = ContextVar("lockgate_correlation_id", default=None)


@contextmanager
def correlated(correlation_id: str | None) -> Iterator[None]:
    """While this lasts, what is done and logged is on behalf of that request; of none where it is None."""
    token = _ID.set(correlation_id)
    try:
        yield
    finally:
        _ID.reset(token)


def correlation_id() -> str | None:
    """The id of the request that is worked for; None where it is nobody's."""
    return _ID.get()
