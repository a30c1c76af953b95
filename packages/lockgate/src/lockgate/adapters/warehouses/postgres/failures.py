"""PostgreSQL's errors as Lockgate's, by one table of SQLSTATEs (PostgreSQL manual, appendix A)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.errors import (
    AccessRefused,
    DiskFull,
    LockgateError,
    StatementFailed,
    TargetBusy,
    WarehouseUnavailable,
)

# The longest prefix of a SQLSTATE decides.
_BY_STATE: dict[str, type[LockgateError]] = {
    "": StatementFailed,
    "08": WarehouseUnavailable,
    "28": AccessRefused,
    "3D000": AccessRefused,
    "40001": TargetBusy,
    "40P01": TargetBusy,
    "42501": AccessRefused,
    "53": WarehouseUnavailable,
    "53100": DiskFull,
    "55P03": TargetBusy,
    "57P": WarehouseUnavailable,
}
_REFUSED = re.compile(
    r"password authentication failed|no password supplied|role .* does not exist|no pg_hba.conf entry"
)
_VALUES = re.compile(r"(?<=value) \"[^\"]*\"|: .*$")


@contextmanager
def translated() -> Iterator[None]:
    """Turns what psycopg raises into Lockgate's errors, chained; the message is the database's own."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise translation(error) from error


def translation(error: Exception) -> LockgateError:
    """Lockgate's error for one of psycopg's or ADBC's."""
    state = getattr(error, "sqlstate", None) or ""
    message = _message(error, state)
    if state:
        kind = _BY_STATE[max((known for known in _BY_STATE if state.startswith(known)), key=len)]
    elif _REFUSED.search(message):
        kind = AccessRefused
    else:
        kind = _without_state(error)
    return kind(message, sqlstate=state)


def _without_state(error: Exception) -> type[LockgateError]:
    """No answer from the server at all: the connection is gone, or was never there."""
    names = {name.__name__ for name in type(error).__mro__}
    return WarehouseUnavailable if "OperationalError" in names else StatementFailed


def _message(error: Exception, state: str) -> str:
    """The message's first line. The values of rows that data errors, class 22 and 23, quote are left out."""
    diagnostics = getattr(error, "diag", None)
    text = (diagnostics and diagnostics.message_primary) or str(error).strip()
    line = text.split("ERROR:  ")[-1].splitlines()[0] if text else type(error).__name__
    return _VALUES.sub("", line) if state[:2] in {"22", "23"} else line
