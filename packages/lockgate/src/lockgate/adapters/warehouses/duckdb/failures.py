"""DuckDB's and the file system's errors as Lockgate's."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.errors import AccessRefused, DiskFull, LockgateError, StatementFailed, TargetBusy

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
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
_SAYS_VALUE = re.compile(r"^(?:Conversion|Invalid Input|Out of Range|Constraint) Error", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\b\d[\d.eE+-]*\b")


@contextmanager
def translated() -> Iterator[None]:
    """Turns what DuckDB and the operating system raise into Lockgate's errors, chained."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise _translation(str(error)) from error
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from error
        raise


def _translation(text: str) -> LockgateError:
    line = text.splitlines()[0] if text else "DuckDB failed without a word"
    kind = next((kind for pattern, kind in _BY_MESSAGE if pattern.search(text)), StatementFailed)
    return kind(_QUOTED.sub("…", line) if _SAYS_VALUE.match(line) else line)
