"""Requests to a service that may be slow, busy or broken: bounded, retried with care, told apart when they fail."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlsplit

from lockgate.adapters.deadline import Deadline
from lockgate.adapters.retry_after import seconds_to_wait
from lockgate.errors import LockgateError, SourceInconsistent, SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

T = TypeVar("T")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take, how often it is repeated, how long to wait between, and how much it may answer.

    `timeout_seconds` bounds each wait for more, `deadline_seconds` the whole of one answer.
    """

    attempts: int = 6
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0
    timeout_seconds: float = 60.0
    deadline_seconds: float = 300.0
    body_bytes: int = 256 << 20


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
        import tenacity

        patience = self._patience
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(patience.attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type((SourceUnavailable, SourceInconsistent)),
            reraise=True,
        )
        found: T = retrying(self._once, address, read)
        return found

    def _once(self, address: str, read: Callable[[httpx.Response, bytes], T]) -> T:
        import httpx

        assert self._client is not None  # noqa: S101  used inside its `with` block
        where = f"{urlsplit(address).hostname}{urlsplit(address).path}"
        asked = self._client.stream("GET", address, extensions={"trace": self._deadline.trace})
        try:
            with self._deadline.running(), asked as answer:
                _refuse_status(answer, where)
                body = self._body(answer, where)
            self._refuse_late(where)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise SourceRefused(f"{where} is no address that can be asked: {error}") from error
        except httpx.DecodingError as error:
            raise SourceUnavailable(f"{where} sent a body that cannot be unpacked") from error
        except httpx.TransportError as error:
            self._refuse_late(where)
            raise SourceUnavailable(f"{where} did not answer: {type(error).__name__}: {error}") from error
        return read(answer, body)

    def _refuse_late(self, where: str) -> None:
        """Refuses what came, or did not, when the exchange was cut off."""
        if self._deadline.has_passed:
            raise SourceUnavailable(
                f"{where} did not finish one answer within {self._deadline.seconds:g} s",
                hint="Ask for less at once (`page_size`), or allow the source more time (`deadline`).",
            )

    def _body(self, answer: httpx.Response, where: str) -> bytes:
        body = bytearray()
        for chunk in answer.iter_bytes(_CHUNK):
            body += chunk
            if len(body) > self._patience.body_bytes:
                raise SourceRefused(f"{where} answers more than {self._patience.body_bytes:,} bytes at once")
        return bytes(body)

    def _wait(self, state: RetryCallState) -> float:
        """As long as the service asks for, else exponentially longer with jitter."""
        import tenacity

        patience = self._patience
        error = state.outcome.exception() if state.outcome else None
        asked = error.fields.get("retry_after") if isinstance(error, LockgateError) else None
        jittered = tenacity.wait_exponential_jitter(
            multiplier=patience.first_wait_seconds,
            max=patience.longest_wait_seconds,
            jitter=patience.first_wait_seconds,
        )
        wanted = float(asked) if isinstance(asked, int | float) else float(jittered(state))
        return min(wanted, patience.longest_wait_seconds)


def _refuse_status(answer: httpx.Response, where: str) -> None:
    """Raises what an answer's status means.

    Raises:
        SourceUnavailable: the service is busy or broken.
        SourceRefused: it refuses.
    """
    if answer.is_success:
        return
    said = f"{where} answered {answer.status_code} {answer.reason_phrase}"
    if answer.status_code in BUSY:
        raise SourceUnavailable(
            said, status=answer.status_code, retry_after=seconds_to_wait(answer.headers.get("retry-after", ""))
        )
    raise SourceRefused(said, status=answer.status_code)
