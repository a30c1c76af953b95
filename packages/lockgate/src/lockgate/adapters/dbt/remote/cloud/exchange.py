"""Requests to dbt Cloud's Administrative API v2: under a token, repeated with care, told apart when they fail."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lockgate.adapters.retry_after import seconds_to_wait
from lockgate.core.legible import cut, legible
from lockgate.errors import ExecutorRefused, ExecutorUnavailable

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

    from lockgate.core.ports import Secrets

BUSY = frozenset({408, 425, 500, 502, 503, 504})
LONGEST_SAID = 300
MOST_BYTES = 256 << 20
_REDIRECTED, _REFUSED = 300, 400


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """Whose dbt Cloud, which job of it, and how patiently it is asked; `token` is a reference to a secret."""

    url: str
    account: int
    job: int
    token: str
    first_wait_seconds: float = 2.0
    attempts: int = 6
    timeout_seconds: float = 30.0

    @property
    def longest_wait_seconds(self) -> float:
        """How long is waited at most between two looks, or two tries."""
        return 10 * self.first_wait_seconds


@dataclass(frozen=True, slots=True)
class CloudExchange:
    """The way to one account; any number of threads may use it."""

    settings: CloudSettings
    secrets: Secrets

    @property
    def where(self) -> str:
        """The region's host, for messages."""
        return urlsplit(self.secrets.resolve(self.settings.url)).hostname or "dbt Cloud"

    def data(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        once: bool = False,
    ) -> Any:
        """What stands in an answer's `data`; `once` repeats only what was certainly not done.

        Raises:
            ExecutorRefused: dbt Cloud refuses, or is none.
            ExecutorUnavailable: it is busy or away after all attempts.
        """
        content = self.content(method, path, parameters=parameters, body=body, once=once)
        try:
            return json.loads(content)["data"]
        except (ValueError, RecursionError, LookupError, TypeError) as error:
            raise ExecutorRefused(f"{self.where} does not answer as dbt Cloud's API v2 does") from error

    def content(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        once: bool = False,
    ) -> bytes:
        """What is answered, as it comes; raises what `data` does."""
        import tenacity

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.settings.attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: _may_go_well(error, once=once)),
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                return self._once(method, path, parameters, body)
        raise AssertionError  # tenacity ends with an answer or an error

    def _once(
        self, method: str, path: str, parameters: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> bytes:
        import httpx

        token = self.secrets.resolve(self.settings.token)
        headers = {"authorization": f"Token {token}", "accept": "application/json", "user-agent": "lockgate"}
        address = (
            f"{self.secrets.resolve(self.settings.url).rstrip('/')}/api/v2/accounts/{self.settings.account}/{path}"
        )
        client = httpx.Client(verify=ssl.create_default_context(), timeout=self.settings.timeout_seconds)
        try:
            with client, client.stream(method, address, params=parameters, json=body, headers=headers) as answer:
                content = _bounded(answer, self.where)
        except httpx.TransportError as error:
            raise ExecutorUnavailable(f"dbt Cloud at {self.where} did not answer: {type(error).__name__}") from error
        self._refuse(answer, content, f"{method} {path}")
        return content

    def _refuse(self, answer: httpx.Response, content: bytes, asked: str) -> None:
        """Returns where it was done."""
        status = answer.status_code
        if status < _REDIRECTED:
            return
        said = f"dbt Cloud at {self.where} answered {status} to {asked}: {_said(content)}"
        if status == HTTPStatus.TOO_MANY_REQUESTS or status in BUSY:
            wait = seconds_to_wait(answer.headers.get("retry-after", ""))
            raise ExecutorUnavailable(said, status=status, retry_after=wait)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            hint = "Give the secret of `executors.cloud.token` a service token that may run and read this job."
            raise ExecutorRefused(said, hint=hint, status=status)
        if status == HTTPStatus.PAYMENT_REQUIRED:
            hint = "The account's plan has no runs left; raise its limit, or use another executor meanwhile."
            raise ExecutorRefused(said, hint=hint, status=status)
        if status == HTTPStatus.NOT_FOUND:
            hint = "Check url, account and job under `executors.cloud`: each region has an address of its own."
            raise ExecutorRefused(said, hint=hint, status=status)
        raise ExecutorRefused(said, status=status)

    def _wait(self, state: RetryCallState) -> float:
        """As long as dbt Cloud asks for, else exponentially longer with jitter."""
        import tenacity

        error = state.outcome.exception() if state.outcome else None
        asked = error.fields.get("retry_after") if isinstance(error, ExecutorUnavailable) else None
        first, longest = self.settings.first_wait_seconds, self.settings.longest_wait_seconds
        jittered = tenacity.wait_exponential_jitter(multiplier=first, max=longest, jitter=first)
        return float(asked) if isinstance(asked, int | float) else float(jittered(state))


def _may_go_well(error: BaseException, *, once: bool) -> bool:
    """Whether asking again may help and does no harm: what was refused for haste was not done."""
    if not isinstance(error, ExecutorUnavailable):
        return False
    return not once or error.fields.get("status") in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def _bounded(answer: httpx.Response, where: str) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise ExecutorRefused(f"dbt Cloud at {where} answers more than {MOST_BYTES:,} bytes at once")
    return bytes(content)


def _said(content: bytes) -> str:
    """What dbt Cloud says of a refusal; nothing of what it was sent."""
    try:
        status = json.loads(content)["status"]
        said = status.get("user_message") or status.get("developer_message") or ""
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "nothing that can be read"
    return cut(legible(str(said)), LONGEST_SAID)
