"""Goes around every request: who asks, under which id, what is answered when something fails, what is written down."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lockgate.adapters.logs.first_line import log
from lockgate.core.access import CallerKind
from lockgate.core.correlation import correlated
from lockgate.errors import LockgateError, UnknownName
from lockgate.server.admission import NOBODY, Admitted
from lockgate.server.correlation import HEADER, correlation_id
from lockgate.server.desk import Desk
from lockgate.server.forwarded import with_callers_address
from lockgate.server.problems import Fault, Refusal, head_too_large, overloaded, problem_of, refusal_of
from lockgate.server.reading import ClientGone, Lingering
from lockgate.server.refused_pages import refused_page, wants_page
from lockgate.server.target import head_bytes, in_origin_form

# Nothing but our own files, no inline script or style, and nobody frames a page (W3C, Content Security Policy Level 3).
SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Without a referrer, browsers send forms of ours as if nobody knew where from: `Origin: null` (Fetch, 3.2).
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SECURITY = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY.items())
_HEADER = HEADER.lower().encode()
# What proxies write down where the client hung up before it was answered.
CLIENT_GONE = 499
REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SEE_OTHER})
# What asks all the time whether the server is well.
PROBES = frozenset({"/api/health", "/api/ready", "/metrics"})


class Observed:
    """The outermost layer of the API."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        """Around `app`, for one process."""
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        called = with_callers_address(in_origin_form(scope), self._desk.options.trusted_proxies)
        exchange = _Exchange(called, send, self._desk)
        with correlated(exchange.correlation_id):
            await self._follow(exchange, receive)

    async def _follow(self, exchange: _Exchange, receive: Receive) -> None:
        """Answers, counts and writes down."""
        began = time.perf_counter()
        self._desk.in_flight += 1
        self._desk.metrics.request_began()
        try:
            await self._answer(exchange, receive)
        finally:
            self._desk.in_flight -= 1
            exchange.write_down(time.perf_counter() - began)

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        scope = exchange.scope
        try:
            self._refuse_flood(scope)
            exchange.admit(await self._desk.admission.admit(scope))
            await self._app(scope, receive, exchange.send)
        except Exception as error:  # noqa: BLE001  whatever it is, the caller gets a problem
            await self._answer_error(exchange, receive, error)

    def _refuse_flood(self, scope: Scope) -> None:
        """Returns where there is room for a request."""
        if self._desk.in_flight > self._desk.options.requests:
            raise overloaded("too many requests are under way")
        if head_bytes(scope) > self._desk.options.head_bytes:
            raise head_too_large(self._desk.options.head_bytes)

    async def _answer_error(self, exchange: _Exchange, receive: Receive, error: Exception) -> None:
        if exchange.status is not None:
            log().error("an answer broke off", exc_info=error)
            raise error
        problem = self._explained(exchange, error)
        response: ASGIApp = problem
        if wants_page(exchange.scope) and problem.body:
            response = refused_page(Request(exchange.scope), problem)
        if isinstance(error, Refusal) and error.fault is Fault.TOO_LARGE:
            response = Lingering(response, self._desk.options)
        await response(exchange.scope, receive, exchange.send)

    def _explained(self, exchange: _Exchange, error: Exception) -> Response:
        """The problem that an error is told as."""
        more: dict[str, Any] = {
            "instance": quote(exchange.scope["path"]),
            "correlationId": exchange.correlation_id,
        }
        if isinstance(error, ClientGone):
            return Response(status_code=CLIENT_GONE)
        if isinstance(error, Refusal):
            return refusal_of(error, **more)
        if isinstance(error, LockgateError):
            asked = exchange.scope["state"].get("asked")
            if isinstance(error, UnknownName) and asked is not None:
                more["nearest"] = self._desk.nearest(error, asked) or None
            return problem_of(error, **more)
        log().error("a request failed", exc_info=error)
        return refusal_of(Refusal(Fault.UNEXPECTED, "the log tells why, under the correlation id"), **more)


class _Exchange:
    """One request and the answer that it gets."""

    def __init__(self, scope: Scope, send: Send, desk: Desk) -> None:
        self.method = str(scope["method"])
        # HEAD is GET without the body.
        self.scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.scope["state"] = {"caller": NOBODY, "csrf": "", **(scope.get("state") or {})}
        self.correlation_id = correlation_id(Headers(scope=scope))
        self.caller = ""
        self.status: int | None = None
        self._bytes = 0
        self._send = send
        self._desk = desk

    def admit(self, admitted: Admitted) -> None:
        """Lets the handlers know who calls."""
        caller = admitted.caller
        self.scope["state"].update(admitted=admitted, caller=caller, csrf=admitted.csrf)
        self.caller = "" if caller.kind is CallerKind.NOBODY else str(caller)

    async def send(self, message: Message) -> None:
        """Sends a part of the answer, its head with what every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {_HEADER: self.correlation_id.encode()} | (
                {b"connection": b"close"} if self._desk.is_stopping else {}
            )
            given = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in own]
            names = {name.lower() for name, _ in given}
            added = [pair for pair in _SECURITY if pair[0] not in names]
            message = {**message, "headers": [*given, *added, *own.items()]}
        elif message["type"] == "http.response.body":
            if self.method == "HEAD":
                message = {**message, "body": b""}
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def write_down(self, seconds: float) -> None:
        """Counts the request, and writes one line about it."""
        status = self.status or HTTPStatus.INTERNAL_SERVER_ERROR
        route = getattr(self.scope.get("route"), "path", None)
        self._desk.metrics.request_ended(self.method, route, status, seconds)
        is_quiet = route in PROBES and status < HTTPStatus.BAD_REQUEST
        log().log(
            logging.DEBUG if is_quiet else logging.INFO,
            "request",
            method=self.method,
            path=quote(self.scope["path"]) if route else None,
            route=route or "unmatched",
            status=int(status),
            seconds=round(seconds, 6),
            bytes=self._bytes,
            caller=self.caller or ("refused" if status in REFUSALS else "anyone"),
        )
