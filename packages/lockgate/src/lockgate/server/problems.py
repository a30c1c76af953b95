"""What callers read when something is wrong: RFC 9457 problem documents, and which error has which status."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from starlette.responses import Response

from lockgate.adapters.secrets.redaction import redacted
from lockgate.errors import (
    AccountRefused,
    CapabilityMissing,
    CutoverInvalid,
    EngineOff,
    FlowRuntimeError,
    JobCancelled,
    JobFinal,
    KeyReused,
    LockgateError,
    NotAllowed,
    NotOnline,
    PasswordRefused,
    QueueFull,
    RetryableError,
    RuleSetInvalid,
    RuntimeRefused,
    SignInRefused,
    StaleToken,
    TokenRefused,
    UnknownName,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

STATUSES: Mapping[type[LockgateError], HTTPStatus] = {
    UnknownName: HTTPStatus.NOT_FOUND,
    CapabilityMissing: HTTPStatus.CONFLICT,
    NotOnline: HTTPStatus.CONFLICT,
    RuleSetInvalid: HTTPStatus.CONFLICT,
    EngineOff: HTTPStatus.CONFLICT,
    CutoverInvalid: HTTPStatus.CONFLICT,
    StaleToken: HTTPStatus.CONFLICT,
    JobFinal: HTTPStatus.CONFLICT,
    JobCancelled: HTTPStatus.CONFLICT,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    SignInRefused: HTTPStatus.UNAUTHORIZED,
    TokenRefused: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    PasswordRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    AccountRefused: HTTPStatus.CONFLICT,
    FlowRuntimeError: HTTPStatus.CONFLICT,
    RuntimeRefused: HTTPStatus.FAILED_DEPENDENCY,
    QueueFull: HTTPStatus.TOO_MANY_REQUESTS,
    RetryableError: HTTPStatus.SERVICE_UNAVAILABLE,
    LockgateError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Fault(Enum):
    """What the API itself refuses, by code, status and title; docs/reference/api.md has a heading for each."""

    INVALID = ("LG801", HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not what the route takes")
    TOO_LARGE = ("LG802", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large")
    TOO_SLOW = ("LG803", HTTPStatus.REQUEST_TIMEOUT, "The body took too long to arrive")
    HEADER_INVALID = ("LG804", HTTPStatus.BAD_REQUEST, "A header cannot be read")
    UNAUTHENTICATED = ("LG805", HTTPStatus.UNAUTHORIZED, "A token is needed")
    FORBIDDEN = ("LG806", HTTPStatus.FORBIDDEN, "This caller is not served")
    NOT_FOUND = ("LG807", HTTPStatus.NOT_FOUND, "There is no such route")
    METHOD_NOT_ALLOWED = ("LG808", HTTPStatus.METHOD_NOT_ALLOWED, "The route does not know the method")
    ENCODED = ("LG809", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is encoded")
    OVERLOADED = ("LG810", HTTPStatus.SERVICE_UNAVAILABLE, "The server has too much to do")
    UNEXPECTED = ("LG811", HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed")
    HEAD_TOO_LARGE = ("LG812", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head is too large")

    def __init__(self, code: str, status: HTTPStatus, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a request: where (a JSON pointer in the body, or a parameter's name) and what."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None

    def plain(self) -> dict[str, str]:
        """The flaw as JSON; RFC 9457 writes pointers as URI fragments."""
        place = {"pointer": f"#{self.pointer}"} if self.pointer is not None else {"parameter": self.parameter or ""}
        return {"detail": self.detail, **place}


class Refusal(Exception):
    """A request that is answered by a problem document."""

    def __init__(
        self,
        fault: Fault,
        detail: str,
        *,
        flaws: Sequence[Flaw] = (),
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse because of `fault`; `detail` never repeats a value of the request."""
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.flaws = tuple(flaws)
        self.hint = hint
        self.headers = dict(headers or {})


def overloaded(detail: str) -> Refusal:
    """The refusal of a request that may succeed in a moment."""
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Refusal(Fault.OVERLOADED, detail, hint="Send it again a little later.", headers=headers)


def head_too_large(limit: int) -> Refusal:
    """The refusal of a request with too long a line or too many headers."""
    headers = {"Connection": "close"}
    return Refusal(
        Fault.HEAD_TOO_LARGE, f"the request's line and headers have more than {limit} bytes", headers=headers
    )


def status_of(error: LockgateError) -> HTTPStatus:
    """The status of an error: that of its nearest class in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: LockgateError, **more: object) -> Response:
    """The answer to a request that met one of Lockgate's own errors."""
    status = status_of(error)
    told = {"detail": redacted(error.message), "hint": redacted(error.remedy)}
    known = {"code": error.code, "title": title_of(type(error)), **told}
    seconds = error.fields.get("retry_seconds", RETRY_SECONDS)
    headers = {"Retry-After": str(seconds)} if isinstance(error, RetryableError) else {}
    return problem(status, {**known, **more}, headers)


def refusal_of(refusal: Refusal, **more: object) -> Response:
    """The answer to a request that the API itself refused."""
    fault = refusal.fault
    known: dict[str, object] = {"code": fault.code, "title": fault.title, "detail": refusal.detail}
    if refusal.hint:
        known["hint"] = refusal.hint
    if refusal.flaws:
        known["errors"] = [flaw.plain() for flaw in refusal.flaws]
    return problem(fault.status, {**known, **more}, refusal.headers)


def problem(status: HTTPStatus, members: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    """A problem document; members that are None or empty text are left out."""
    code = members.get("code") or f"HTTP{status.value}"
    document = {"type": f"urn:lockgate:problem:{code}", "status": status.value, **members, "code": code}
    text = json.dumps(
        {name: value for name, value in document.items() if value is not None and value != ""}, ensure_ascii=False
    )
    return Response(text.encode(), status, dict(headers or {}), MEDIA_TYPE)


def title_of(kind: type[LockgateError]) -> str:
    """An error's meaning in one sentence."""
    return (kind.__doc__ or "").strip().splitlines()[0]
