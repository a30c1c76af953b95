"""Requests to dbt Cloud's Administrative API v2: under a token, repeated with care, told apart when they fail."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lockgate.adapters.dbt.remote.reach import LONGEST_SAID
from lockgate.adapters.deadline import Deadline
from lockgate.adapters.exchange import Patience, Told, exchanged, retrying
from lockgate.core.legible import cut, legible
from lockgate.errors import ExecutorRefused, ExecutorUnavailable, LockgateError

if TYPE_CHECKING:
    import httpx

    from lockgate.core.ports import Secrets

_REDIRECTED = 300


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

    @property
    def patience(self) -> Patience:
        """The same, as an exchange takes it."""
        return Patience(
            attempts=self.attempts,
            first_wait_seconds=self.first_wait_seconds,
            longest_wait_seconds=self.longest_wait_seconds,
            timeout_seconds=self.timeout_seconds,
        )


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
        unsafe = _was_perhaps_done if once else _is_nothing
        for attempt in retrying(self.settings.patience, ExecutorUnavailable, unless=unsafe):
            with attempt:
                return self._once(method, path, parameters, body)
        raise AssertionError  # tenacity ends with an answer or an error

    def _once(
        self, method: str, path: str, parameters: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> bytes:
        import httpx

        token = self.secrets.resolve(self.settings.token)
        headers = {"authorization": f"Token {token}", "accept": "application/json", "user-agent": "lockgate"}
        base = self.secrets.resolve(self.settings.url).rstrip("/")
        address = f"{base}/api/v2/accounts/{self.settings.account}/{path}"
        patience = self.settings.patience
        deadline = Deadline(patience.deadline_seconds)
        told = Told(f"dbt Cloud at {self.where}", ExecutorUnavailable, ExecutorRefused)
        with httpx.Client(verify=ssl.create_default_context(), timeout=patience.timeout_seconds) as client:
            extensions = {"trace": deadline.trace}
            asked = client.stream(method, address, params=parameters, json=body, headers=headers, extensions=extensions)
            answer, content = exchanged(asked, _pass, deadline=deadline, body_bytes=patience.body_bytes, told=told)
        self._refuse(answer, content, f"{method} {path}")
        return content

    def _refuse(self, answer: httpx.Response, content: bytes, asked: str) -> None:
        """Returns where it was done."""
        status = answer.status_code
        if status < _REDIRECTED:
            return
        said = f"dbt Cloud at {self.where} answered {status} to {asked}: {_said(content)}"
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


def _pass(_answer: httpx.Response) -> None:
    """Lets refusals be read: dbt Cloud says why."""


def _was_perhaps_done(error: LockgateError) -> bool:
    """Whether what failed may have had its effect: what was refused for haste had none."""
    return error.fields.get("status") not in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def _is_nothing(_error: LockgateError) -> bool:
    """Nothing keeps what only reads from being asked again."""
    return False


def _said(content: bytes) -> str:
    """What dbt Cloud says of a refusal; nothing of what it was sent."""
    try:
        status = json.loads(content)["status"]
        said = status.get("user_message") or status.get("developer_message") or ""
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "nothing that can be read"
    return cut(legible(str(said)), LONGEST_SAID)
