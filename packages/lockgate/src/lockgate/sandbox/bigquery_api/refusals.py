"""What BigQuery says no with: a reason, the status that goes with it, and the envelope."""

from __future__ import annotations

from typing import Any

# cloud.google.com/bigquery/docs/error-messages: the reason, and the status of the answer.
STATUS = {
    "accessDenied": 403,
    "authError": 401,
    "backendError": 503,
    "billingNotEnabled": 403,
    "blocked": 403,
    "bytesBilledLimitExceeded": 400,
    "conditionNotMet": 412,
    "duplicate": 409,
    "internalError": 500,
    "invalid": 400,
    "invalidQuery": 400,
    "invalidUser": 400,
    "jobBackendError": 400,
    "jobInternalError": 400,
    "jobRateLimitExceeded": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "resourceInUse": 400,
    "resourcesExceeded": 400,
    "responseTooLarge": 403,
    "stopped": 499,
    "tableUnavailable": 400,
    "timeout": 400,
}
_CANONICAL = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class Refusal(Exception):
    """A request or a job that is refused; `place` is where in the query, as `query` or a parameter's name."""

    def __init__(self, reason: str, said: str, *, place: str = "") -> None:
        """For one of the reasons that BigQuery has."""
        super().__init__(said)
        self.reason = reason
        self.said = said
        self.place = place

    @property
    def status(self) -> int:
        """The status of an answer that refuses so."""
        return STATUS[self.reason]

    def proto(self) -> dict[str, str]:
        """An `ErrorProto`, as jobs carry it."""
        place = {"location": self.place} if self.place else {}
        return {"reason": self.reason, "message": self.said, **place}

    def envelope(self, status: int = 0) -> dict[str, Any]:
        """The body of an answer."""
        code = status or self.status
        place = {"location": self.place, "locationType": "other"} if self.place else {}
        error = {"message": self.said, "domain": "global", "reason": self.reason, **place}
        canonical = {"status": _CANONICAL[code]} if code in _CANONICAL else {}
        return {"error": {"code": code, "message": self.said, "errors": [error], **canonical}}


def bad_query(said: str) -> Refusal:
    """A query that cannot be run as it is."""
    return Refusal("invalidQuery", said, place="query")


def missing(kind: str, name: str) -> Refusal:
    """Something that is not there."""
    return Refusal("notFound", f"Not found: {kind} {name}")


def unknown(what: str) -> Refusal:
    """What BigQuery may know, and this stand-in does not."""
    return Refusal("notImplemented", f"The stand-in for BigQuery does not know {what}")
