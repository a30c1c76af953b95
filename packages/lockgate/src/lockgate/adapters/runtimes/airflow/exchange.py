"""Requests to an Airflow: under a token, bounded in time and size, repeated with care, told apart when they fail."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from lockgate.adapters.deadline import Deadline
from lockgate.adapters.exchange import Patience, Told, exchanged, retrying
from lockgate.adapters.runtimes.airflow.token import TokenKeeper
from lockgate.core.deadline import remaining_seconds, within
from lockgate.core.legible import cut, legible
from lockgate.errors import RuntimeRefused, RuntimeUnavailable

if TYPE_CHECKING:
    import httpx

    from lockgate.core.ports import Secrets

NOT_RECOGNISED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
TOKEN_PATH = ("auth", "token")
API = ("api", "v2")
LONGEST_SAID = 300
LEAST_SECONDS = 0.1
_SUCCESS, _REDIRECTED, _REFUSED = 200, 300, 400

Parameters = Sequence[tuple[str, str | int | bool]]


# The deadline is that of a whole call, with all its attempts.
PATIENCE = Patience(
    attempts=4, longest_wait_seconds=5.0, timeout_seconds=10.0, deadline_seconds=30.0, body_bytes=16 << 20
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, below Airflow's address."""

    method: str
    path: tuple[str, ...]
    parameters: Parameters = ()
    body: Mapping[str, object] | None = None
    token: str | None = None

    def __str__(self) -> str:
        """As messages show it: without parameters and body."""
        return f"{self.method} /{'/'.join(self.path)}"

    def sent(self) -> dict[str, Any]:
        """It as httpx takes it."""
        sent: dict[str, Any] = {"params": [(name, _written(value)) for name, value in self.parameters]}
        if self.body is not None:
            sent["json"] = self.body
        if self.token is not None:
            sent["headers"] = {"authorization": f"Bearer {self.token}"}
        return sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `attempt` counts from 1, and above it an earlier one may have had its effect already."""

    status: int
    document: Any
    attempt: int

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return self.status < _REFUSED

    @property
    def said(self) -> str:
        """What Airflow says of a refusal, on one line; nothing of what it was sent."""
        detail = self.document.get("detail", "") if isinstance(self.document, dict) else ""
        if isinstance(detail, list):
            flaws = (each for each in detail if isinstance(each, dict))
            detail = "; ".join(f"{'.'.join(map(str, each.get('loc', ())))} {each.get('msg', '')}" for each in flaws)
        elif isinstance(detail, dict):
            detail = detail.get("reason", "")
        return cut(legible(str(detail)), LONGEST_SAID)


class Exchange:
    """The way to one Airflow; any number of threads may use it."""

    def __init__(
        self,
        address: str,
        username: str,
        password: str,
        secrets: Secrets,
        patience: Patience,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Nothing is asked yet; address and password may be references to secrets. Tokens age by `clock`."""
        self._address = address
        self._username = username
        self._password = password
        self._secrets = secrets
        self._patience = patience
        self._tokens = TokenKeeper(self._token, clock)

    def ask(
        self,
        method: str,
        path: Sequence[str],
        *,
        parameters: Parameters = (),
        body: Mapping[str, object] | None = None,
        also: Collection[int] = (),
    ) -> Answer:
        """What Airflow's API answers; a refusal only where its status is among `also`.

        The whole call, its repetitions and a new token included, ends within the deadline. It must be such that asking
        twice does no harm.

        Raises:
            RuntimeRefused: it refuses with another status, or answers elsewhere, or is no Airflow.
            RuntimeUnavailable: it is busy or away after all attempts.
        """
        with within(self._patience.deadline_seconds):
            request = Request(method, (*API, *path), parameters, body, self._tokens.current())
            answer = self._asked(request)
            if answer.status in NOT_RECOGNISED:
                self._tokens.refused(request.token or "")
                answer = self._asked(replace(request, token=self._tokens.current()))
        if not answer.is_success and answer.status not in also:
            raise self._refusal(answer, request)
        return answer

    def _token(self) -> str:
        """A new token, for name and password.

        Raises:
            RuntimeRefused: they are wrong, or whoever answers gives no tokens.
        """
        password = self._secrets.resolve(self._password)
        body = {"username": self._username, "password": password}
        answer = self._asked(Request("POST", TOKEN_PATH, body=body))
        document = answer.document if isinstance(answer.document, dict) else {}
        token = document.get("access_token")
        if answer.is_success and isinstance(token, str) and token.isascii() and token.isprintable() and token:
            self._secrets.hide(token)
            return token
        if answer.status in {HTTPStatus.BAD_REQUEST, *NOT_RECOGNISED}:
            said = f"Airflow at {self._where} does not know {self._username!r} by that password"
            raise RuntimeRefused(said, status=answer.status)
        hint = "The address must be Airflow's own, and its auth manager one that gives tokens at /auth/token."
        raise RuntimeRefused(f"{self._where} gives no token: it answered {answer.status}", hint=hint)

    def _refusal(self, answer: Answer, asked: Request) -> RuntimeRefused:
        said = f"Airflow at {self._where} answered {answer.status} to {asked}"
        return RuntimeRefused(f"{said}: {answer.said}" if answer.said else said, status=answer.status)

    @property
    def _base(self) -> str:
        """The address, without a stroke at its end.

        Raises:
            RuntimeRefused: it is none of HTTP, or holds a password.
        """
        address = self._secrets.resolve(self._address)
        try:
            parts = urlsplit(address)
            is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        except ValueError:
            is_good = False
        if not is_good:
            raise RuntimeRefused("the runtime's url is not https://host/path without user and password")
        return address.rstrip("/")

    @property
    def _where(self) -> str:
        parts = urlsplit(self._base)
        return f"{parts.hostname}{f':{parts.port}' if parts.port else ''}"

    @cached_property
    def _client(self) -> httpx.Client:
        """A connection each time: a deadline cuts the one that its own request goes over."""
        import httpx

        headers = {"user-agent": "lockgate", "accept": "application/json", "accept-encoding": "identity"}
        limits = httpx.Limits(max_keepalive_connections=0)
        context = ssl.create_default_context()
        return httpx.Client(headers=headers, limits=limits, verify=context, follow_redirects=False)

    def _asked(self, request: Request) -> Answer:
        """What came back, asked again while Airflow is busy and there is time."""
        import tenacity

        ends = monotonic() + _left(self._patience)
        stop = tenacity.stop_before_delay(_left(self._patience))
        for attempt in retrying(self._patience, RuntimeUnavailable, stop=stop):
            with attempt:
                status, content = self._once(request, max(LEAST_SECONDS, ends - monotonic()))
                return Answer(status, self._document(status, content), attempt.retry_state.attempt_number)
        raise AssertionError  # tenacity ends with an answer or an error

    def _once(self, request: Request, seconds: float) -> tuple[int, bytes]:
        # A path is quoted by us, so that a run's id may hold what parts of an address begin with.
        address = f"{self._base}/{'/'.join(quote(part, safe='') for part in request.path)}"
        told = Told(f"Airflow at {self._where}", RuntimeUnavailable, RuntimeRefused)
        deadline = Deadline(seconds)
        timeout = min(self._patience.timeout_seconds, seconds)
        extensions = {"trace": deadline.trace}
        asked = self._client.stream(request.method, address, timeout=timeout, extensions=extensions, **request.sent())
        most = self._patience.body_bytes
        answer, content = exchanged(asked, self._refuse_elsewhere, deadline=deadline, body_bytes=most, told=told)
        return answer.status_code, content

    def _refuse_elsewhere(self, answer: httpx.Response) -> None:
        """Lets what Airflow itself answers pass, refusals included.

        Raises:
            RuntimeRefused: it answers elsewhere.
        """
        if not _SUCCESS <= answer.status_code < _REDIRECTED and answer.status_code < _REFUSED:
            said = f"{self._where} answered {answer.status_code}; redirects are not followed"
            raise RuntimeRefused(said, status=answer.status_code)

    def _document(self, status: int, content: bytes) -> Any:
        """The answer's JSON; of a refusal that is none, nothing.

        Raises:
            RuntimeRefused: whoever answers does not speak JSON.
        """
        try:
            return json.loads(content) if content else None
        except (ValueError, RecursionError) as error:
            if status >= _REFUSED:
                return None
            raise RuntimeRefused(f"{self._where} does not answer as Airflow's REST API v2 does: no JSON") from error


def _left(patience: Patience) -> float:
    """How long may be waited from now on."""
    remaining = remaining_seconds()
    return patience.deadline_seconds if remaining is None else remaining


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
