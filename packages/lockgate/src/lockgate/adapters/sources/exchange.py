"""Requests to a service that may be slow, busy or broken: bounded, retried with care, told apart when they fail."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlsplit

from lockgate.adapters.deadline import Deadline
from lockgate.adapters.exchange import Patience, Told, exchanged, retrying
from lockgate.errors import SourceInconsistent, SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
_LATE = "Ask for less at once (`page_size`), or allow the source more time (`deadline`)."


class Exchange:
    """A connection to one service, to be used in a `with` block."""

    def __init__(self, headers: Mapping[str, str], patience: Patience) -> None:
        """Send `headers` with every request."""
        self._headers = dict(headers)
        self._patience = patience
        self._deadline = Deadline(patience.deadline_seconds)
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        """Open the connection."""
        import httpx

        timeout = httpx.Timeout(self._patience.timeout_seconds, connect=10.0)
        context = ssl.create_default_context()
        self._client = httpx.Client(headers=self._headers, timeout=timeout, verify=context, follow_redirects=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._client is not None:
            self._client.close()

    def get(self, address: str, read: Callable[[httpx.Response, bytes], T]) -> T:
        """What `read` makes of the answer; asked again while the service is busy, or `read` finds it inconsistent.

        Raises:
            SourceRefused: the service understood the request and refused it, or answers elsewhere.
            SourceUnavailable: it did not answer well after all attempts.
            SourceInconsistent: what `read` raised at the last attempt.
        """
        again = retrying(self._patience, SourceUnavailable, SourceInconsistent)
        found: T = again(self._once, address, read)
        return found

    def _once(self, address: str, read: Callable[[httpx.Response, bytes], T]) -> T:
        assert self._client is not None  # noqa: S101  used inside its `with` block
        where = f"{urlsplit(address).hostname}{urlsplit(address).path}"
        told = Told(where, SourceUnavailable, SourceRefused, _LATE)
        asked = self._client.stream("GET", address, extensions={"trace": self._deadline.trace})
        most = self._patience.body_bytes
        answer, body = exchanged(asked, told.refuse, deadline=self._deadline, body_bytes=most, told=told)
        return read(answer, body)
