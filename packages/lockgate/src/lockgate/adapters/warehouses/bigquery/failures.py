"""BigQuery's errors as Lockgate's, by the reasons of its interface (cloud.google.com/bigquery/docs/error-messages)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import TimeoutError as WaitedEnough
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lockgate.errors import AccessRefused, LockgateError, StatementFailed, TargetBusy, WarehouseUnavailable

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_BY_REASON: dict[str, tuple[type[LockgateError], str | None]] = {
    "accessDenied": (AccessRefused, None),
    "authError": (AccessRefused, None),
    "backendError": (WarehouseUnavailable, None),
    "billingNotEnabled": (AccessRefused, "Turn billing on for the project."),
    "bytesBilledLimitExceeded": (StatementFailed, "Raise `maximum_bytes_billed` of the target, or read less."),
    "forbidden": (AccessRefused, None),
    "internalError": (WarehouseUnavailable, None),
    "jobBackendError": (WarehouseUnavailable, None),
    "jobInternalError": (WarehouseUnavailable, None),
    "jobRateLimitExceeded": (TargetBusy, None),
    "quotaExceeded": (AccessRefused, "The project's quota is used up: wait until it is renewed, or have it raised."),
    "rateLimitExceeded": (TargetBusy, None),
    "required": (AccessRefused, None),
    "stopped": (StatementFailed, "The job was stopped; raise `job_timeout` of the target if it needs longer."),
    "timeout": (StatementFailed, "Raise `job_timeout` of the target, or do less in one statement."),
}
# What a transaction or a statement ends by that came second.
_CONFLICT = re.compile(
    r"concurrent update|could not serialize access|too many (?:dml|concurrent)|the state has moved on", re.IGNORECASE
)
_LEASE_LOST = "the lease is lost"
# Where a message begins to quote a value; what follows names a place at the most.
_VALUE = re.compile(
    r"(?:(?<=Could not cast literal )|(?<=Could not parse )|(?<=Could not convert )"
    r"|(?<=Bad \w{4} value: )|(?<=Bad \w{5} value: )|(?<=Bad double value: )|(?<=Bad boolean value: )"
    r"|(?<=Invalid date: )|(?<=Invalid timestamp: )|(?<=Invalid datetime: )|(?<=Invalid time: )"
    r"|(?<=Invalid NUMERIC value: )|(?<=Invalid BIGNUMERIC value: )|(?<=Invalid value: )"
    r"|(?<=Failed to parse input string )|(?<=Failed to parse JSON: )|(?<=overflow: )|(?<=out of range: )"
    r"|(?<=Division by zero: )|(?<=must match at most one source row)).+",
    re.IGNORECASE | re.DOTALL,
)


def lease_lost(lock: str = "") -> TargetBusy:
    """The error of who held a lock that somebody else took over; what he asked for was not done."""
    return TargetBusy("another process took over the lock that was held", lock=lock, is_lost=True)


def is_lease_lost(error: LockgateError) -> bool:
    """Whether an error is that one: to try again under the same lease is no use."""
    return error.fields.get("is_lost") is True


def without_values(text: str) -> str:
    """BigQuery's words less the values of rows that it quotes."""
    return _VALUE.sub("…", text)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what Google's client and what it stands on raise into Lockgate's errors, chained."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError

    try:
        yield
    except RetryError as error:
        cause = error.cause
        if isinstance(cause, GoogleAPICallError):
            raise translation(cause) from error
        raise WarehouseUnavailable(f"BigQuery did not answer in time: {type(cause).__name__}") from error
    except GoogleAPICallError as error:
        raise translation(error) from error
    except (TransportError, OSError, WaitedEnough) as error:  # what a connection ends by is an OSError
        raise WarehouseUnavailable(f"BigQuery did not answer: {type(error).__name__}") from error
    except DefaultCredentialsError as error:
        hint = "Name a secret as `credentials` of the target, or sign in with `gcloud auth application-default login`."
        raise AccessRefused("there are no credentials for BigQuery", hint=hint) from error
    except GoogleAuthError as error:
        hint = "Look whether the service account's key is still valid, and whether this machine's clock is right."
        raise AccessRefused("BigQuery's credentials were refused", hint=hint) from error


def translation(error: GoogleAPICallError) -> LockgateError:
    """Lockgate's error for one of the client's; the words are BigQuery's, without values of rows."""
    told = _told(error)
    reason = reason_of(error)
    if _LEASE_LOST in told:
        return lease_lost()
    if _CONFLICT.search(told):
        return TargetBusy(told, reason=reason)
    kind, hint = _BY_REASON.get(reason) or (_by_status(error), None)
    return kind(told, hint=hint, reason=reason)


def reason_of(error: GoogleAPICallError) -> str:
    """The reason that the interface gave; empty where it gave none."""
    found: list[Any] = list(error.errors or [])
    first = found[0] if found else {}
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def _by_status(error: GoogleAPICallError) -> type[LockgateError]:
    from google.api_core.exceptions import Forbidden, ServerError, TooManyRequests, Unauthorized

    if isinstance(error, ServerError):
        return WarehouseUnavailable
    if isinstance(error, TooManyRequests):
        return TargetBusy
    return AccessRefused if isinstance(error, Forbidden | Unauthorized) else StatementFailed


def _told(error: GoogleAPICallError) -> str:
    """The first line of the message, without the address that was asked and the job's name."""
    text = (error.message or "").strip() or type(error).__name__
    line = text.splitlines()[0]
    line = re.sub(r"^(?:GET|POST|PUT|PATCH|DELETE) \S+: ", "", line)
    return without_values(line.partition("; reason: ")[0].strip() or line)
