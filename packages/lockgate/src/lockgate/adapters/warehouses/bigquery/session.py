"""Google's client for one project, made when it is first needed; each process has one of its own."""

from __future__ import annotations

import json
import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from lockgate.adapters.warehouses.bigquery.failures import translated
from lockgate.core.deadline import remaining_seconds
from lockgate.errors import AccessRefused

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client

REQUEST_SECONDS = 60.0
RETRY_SECONDS = 120.0
_SCOPES = ("https://www.googleapis.com/auth/bigquery",)


class Session:
    """How one project is reached."""

    def __init__(self, project: str, location: str, credentials: str | None, api_endpoint: str | None) -> None:
        """Take where it is, and a service account's key document, else the machine's own credentials are used.

        Raises:
            AccessRefused: the document is no service account's key.
        """
        self.project = project
        self.location = location
        self._account = _account(credentials) if credentials is not None else None
        self._endpoint = api_endpoint
        self._opening = Lock()
        self._clients: dict[int, Client] = {}

    @property
    def client(self) -> Client:
        """The client of this process."""
        with self._opening:
            if os.getpid() not in self._clients:
                self._clients[os.getpid()] = self._opened()
            return self._clients[os.getpid()]

    def patience(self) -> dict[str, Any]:
        """How long a call may take, and how long the client asks again, within what is left of the caller's time."""
        return {"timeout": seconds(REQUEST_SECONDS), "retry": retry(seconds(RETRY_SECONDS))}

    def close(self) -> None:
        """Gives the connections back."""
        with self._opening:
            while self._clients:
                self._clients.popitem()[1].close()  # type: ignore[no-untyped-call]

    def _opened(self) -> Client:
        from google.cloud.bigquery import Client

        options = {"api_endpoint": self._endpoint} if self._endpoint else None
        with translated():
            return Client(self.project, credentials=self._account, location=self.location, client_options=options)


def seconds(at_most: float) -> float:
    """How long may be waited: no longer than the caller does, and never nothing at all."""
    remaining = remaining_seconds()
    return at_most if remaining is None else max(0.1, min(at_most, remaining))


def retry(within_seconds: float) -> Retry:
    """The client's own rule of what to ask again, for so long; a rate limit is waited for, a quota is not."""
    from google.cloud.bigquery import DEFAULT_RETRY

    return DEFAULT_RETRY.with_delay(initial=0.25, maximum=20.0).with_timeout(within_seconds)


def _account(document: str) -> Any:
    from google.oauth2.service_account import Credentials

    try:
        return Credentials.from_service_account_info(json.loads(document), scopes=_SCOPES)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, TypeError):
        hint = "The secret has to hold the JSON document that Google made for the service account's key."
        raise AccessRefused("`credentials` is no key of a service account", hint=hint) from None
