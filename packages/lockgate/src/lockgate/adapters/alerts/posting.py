"""One HTTP request that carries a notice: bounded in time and size, never redirected, its failure told in our words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from lockgate.adapters.alerts.wording import without
from lockgate.adapters.deadline import Deadline
from lockgate.adapters.retry_after import seconds_to_wait
from lockgate.core.deadline import remaining_seconds
from lockgate.errors import NoticeRefused, NoticeUnavailable

if TYPE_CHECKING:
    import httpx

# What a receiver answers that may go well later; every status of its own failure (5xx) is the same.
BUSY = frozenset({408, 425, 429})
_SUCCESS, _REDIRECTED, _REFUSED, _FAILED = 200, 300, 400, 500


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one attempt may take: each wait for more, and the whole; how much of a refusal is read."""

    timeout_seconds: float = 10.0
    deadline_seconds: float = 30.0
    body_bytes: int = 4096

    def bounded(self) -> Patience:
        """The same, within the deadline of whoever calls."""
        remaining = remaining_seconds()
        if remaining is None:
            return self
        timeout, deadline = min(self.timeout_seconds, remaining), min(self.deadline_seconds, remaining)
        return replace(self, timeout_seconds=max(timeout, 0.1), deadline_seconds=max(deadline, 0.1))


def post(
    address: str, body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, patience: Patience | None = None
) -> str:
    """Posts JSON once: what the receiver answered. Neither the address nor `secrets` stand in what is said or logged.

    The client's transport is used without the client, which would log addresses, and some of these are secrets.

    Raises:
        NoticeRefused: the address cannot be asked, or whoever answers refuses (4xx), or answers elsewhere (3xx).
        NoticeUnavailable: it is busy (408, 425, 429), failed (5xx), or did not answer in time.
    """
    import httpx

    patience = (patience or Patience()).bounded()
    where = _host(address)
    deadline = Deadline(patience.deadline_seconds)
    hidden = (address, urlsplit(address).path, *secrets)
    try:
        with deadline.running(), _answering(address, body, headers, deadline, patience) as answer:
            said = f"{where} answered {answer.status_code}{_phrase(answer.status_code)}"
            _judge(answer, said, hidden, patience)
            return said
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        raise NoticeRefused(f"the address at {where} cannot be asked") from None
    except httpx.TransportError as error:
        if deadline.has_passed:
            raise NoticeUnavailable(f"{where} did not answer within {deadline.seconds:g} s") from error
        raise NoticeUnavailable(f"{where} did not answer: {type(error).__name__}") from error


def _host(address: str) -> str:
    """Whom an address names.

    Raises:
        NoticeRefused: it is none of HTTP, or holds a password.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.scheme in {"http", "https"} else None
        has_user = parts.username is not None
    except ValueError:
        host, has_user = None, False
    if not host or has_user:
        raise NoticeRefused("the channel's address is not https://host/path without user and password")
    return host


@contextmanager
def _answering(
    address: str, body: bytes, headers: Mapping[str, str], deadline: Deadline, patience: Patience
) -> Iterator[httpx.Response]:
    """The answer's head; its connection is closed at the end."""
    import httpx

    timeout = httpx.Timeout(patience.timeout_seconds).as_dict()
    always = {"user-agent": "lockgate", "content-type": "application/json", "accept-encoding": "identity"}
    request = httpx.Request(
        "POST",
        address,
        content=body,
        headers={**always, **headers},
        extensions={"trace": deadline.trace, "timeout": timeout},
    )
    parts = urlsplit(address)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    with httpx.HTTPTransport(verify=ssl.create_default_context(), proxy=proxy) as transport:
        answer = transport.handle_request(request)
        try:
            yield answer
        finally:
            answer.close()


def _judge(answer: httpx.Response, said: str, hidden: Sequence[str], patience: Patience) -> None:
    """Returns where the notice was taken; the body of such an answer is not waited for.

    Raises:
        NoticeRefused: it was refused.
        NoticeUnavailable: it may be taken later.
    """
    status = answer.status_code
    if _SUCCESS <= status < _REDIRECTED:
        return
    if _REDIRECTED <= status < _REFUSED:
        raise NoticeRefused(f"{said}; redirects are not followed", status=status)
    detail = _detail(answer, hidden, patience)
    said = f"{said}: {detail}" if detail else said
    if status in BUSY or status >= _FAILED:
        wait = seconds_to_wait(answer.headers.get("retry-after", ""))
        raise NoticeUnavailable(said, status=status, retry_after=wait)
    raise NoticeRefused(said, status=status)


def _detail(answer: httpx.Response, hidden: Sequence[str], patience: Patience) -> str:
    """The beginning of a refusal's text; empty where it does not come."""
    import httpx

    body = bytearray()
    with suppress(httpx.TransportError, httpx.DecodingError):
        for chunk in answer.iter_raw(patience.body_bytes):
            body += chunk
            if len(body) >= patience.body_bytes:
                break
    return without(hidden, bytes(body[: patience.body_bytes]).decode("utf-8", "replace"))


def _phrase(status: int) -> str:
    """What a status is called, in the standard's words and not the receiver's."""
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
