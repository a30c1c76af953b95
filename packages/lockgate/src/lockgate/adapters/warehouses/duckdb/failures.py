"""DuckDB's and the file system's errors as Lockgate's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.adapters.warehouses.folder.failures import on_disk
from lockgate.errors import AccessRefused, DiskFull, LockgateError, StatementFailed, TargetBusy

# What DuckDB's message says decides, first match first: its exceptions carry no codes.
_BY_MESSAGE: tuple[tuple[re.Pattern[str], type[LockgateError]], ...] = (
    (
        re.compile(
            r"no space left|disk quota exceeded|file too large|out of disk|max_temp_directory_size", re.IGNORECASE
        ),
        DiskFull,
    ),
    (re.compile(r"could not set lock on file|different configuration", re.IGNORECASE), TargetBusy),
    (re.compile(r"permission error|permission denied|disabled by configuration", re.IGNORECASE), AccessRefused),
)
_SAYS_VALUE = re.compile(r"(?:Conversion|Invalid Input|Out of Range|Constraint|Mismatch Type) Error", re.IGNORECASE)
# From the first mark to the last of its sort: a value may hold marks and line ends itself.
_QUOTED = re.compile(r"'(?:.*'|.*)|\"(?:.*\"|.*)", re.DOTALL)
_AFTER_COLON = re.compile(r"(?<=Invalid Input Error: )([^:'\"]*:).*", re.DOTALL)
_NUMBER = re.compile(r"\b\d[\d.eE+-]*\b")


def without_values(text: str) -> str:
    """DuckDB's words less the values of rows that it quotes, also inside another program's message."""
    found = _SAYS_VALUE.search(text)
    if found is None:
        return text
    told = _AFTER_COLON.sub(r"\1 …", text[found.start() :].replace("can't", "cannot"))
    line = _QUOTED.sub("…", told).splitlines()[0]
    return text[: found.start()] + _NUMBER.sub("…", line)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what DuckDB and the operating system raise into Lockgate's errors, chained."""
    import duckdb

    try:
        with on_disk():
            yield
    except duckdb.Error as error:
        raise _translation(str(error)) from error


def _translation(text: str) -> LockgateError:
    line = without_values(text).splitlines()[0] if text else "DuckDB failed without a word"
    return next((kind for pattern, kind in _BY_MESSAGE if pattern.search(text)), StatementFailed)(line)
