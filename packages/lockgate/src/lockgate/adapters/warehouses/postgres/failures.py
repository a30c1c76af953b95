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
# Where a message begins to quote a value; it ends nobody knows where, for the value may hold quotes and line ends.
_VALUE = re.compile(
    r"(?<=value) \"|(?<=time zone) \"|(?<=unit) \"|: \"|: 0x|^[ \t]*\"(?=.* is not a valid)", re.MULTILINE
)
_KNOWN_END = re.compile(r"\"( is out of range for type [a-z ]+| for \"[A-Za-z]+\"| not recognized)\s*\Z")
_SECTION = re.compile(r"^[ \t]*(?:LINE \d+|DETAIL|HINT|CONTEXT|QUERY|WHERE):", re.MULTILINE)
_ROWS = re.compile(r"^[ \t]*(?:DETAIL|CONTEXT|QUERY|WHERE):", re.MULTILINE)
_COMPILED = re.compile(r"\n[ \t]*compiled code at [^\n]*\Z")


def without_values(text: str) -> str:
    """PostgreSQL's words less the values of rows that it quotes, also inside dbt's message about a node."""
    found = _COMPILED.search(text)
    body, compiled = (text[: found.start()], found[0]) if found else (text, "")
    value = _VALUE.search(body)
    if value is None:
        rows = _ROWS.search(body)
        return (body[: rows.start()].rstrip() if rows else body) + compiled
    section = _SECTION.search(body, value.end())
    end = _KNOWN_END.search(body[value.end() : section.start() if section else None])
    return body[: value.start()] + (end[1] if end else "") + compiled


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


@contextmanager
def translated_midway() -> Iterator[None]:
    """Turns what Arrow raises while rows come in into Lockgate's errors: the message is all that is left of them."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        _, failed, told = (str(error).strip() or type(error).__name__).partition("ERROR:  ")
        if failed:
            raise StatementFailed(without_values(told).splitlines()[0]) from error
        raise WarehouseUnavailable(str(error).strip().split("FATAL:  ")[-1].partition("\n")[0]) from error


def beyond_decimals(column: str) -> StatementFailed:
    """The error for a number that Arrow does not hold, as PostgreSQL does."""
    return StatementFailed(f"column {column!r} has a value that Arrow's decimals of 38 digits do not hold")


def _without_state(error: Exception) -> type[LockgateError]:
    """No answer from the server at all: the connection is gone, or was never there."""
    names = {name.__name__ for name in type(error).__mro__}
    return WarehouseUnavailable if "OperationalError" in names else StatementFailed


def _message(error: Exception, state: str) -> str:
    """The message's first line. The values of rows that data errors, class 22 and 23, quote are left out."""
    diagnostics = getattr(error, "diag", None)
    text = (diagnostics and diagnostics.message_primary) or str(error).strip()
    told = text.split("ERROR:  ")[-1] or type(error).__name__
    line = without_values(told).splitlines()[0]
    return line.split(": ")[0] if state[:2] in {"22", "23"} else line
