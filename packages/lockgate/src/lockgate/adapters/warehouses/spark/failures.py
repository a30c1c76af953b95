"""Spark's, Java's and the file system's errors as Lockgate's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.adapters.warehouses.folder.failures import on_disk
from lockgate.errors import DiskFull, LockgateError, StatementFailed, WarehouseUnavailable

_FULL = re.compile(r"no space left|disk quota exceeded|file too large", re.IGNORECASE)
# The conditions whose words quote a value; the others name tables and columns.
_SAYS_VALUE = re.compile(
    r"\[(?:CAST_|NUMERIC_|ARITHMETIC_|CANNOT_PARSE|FAILED_TO_PARSE|INVALID_(?:ARRAY|BITMAP|FRACTION|VARIANT|DATETIME)|"
    r"MALFORMED_|DATETIME_|DUPLICATED_MAP_KEY|CONVERSION_|VARIANT_|USER_RAISED|DECIMAL_|BINARY_ARITHMETIC|"
    r"FAILED_EXECUTE_UDF|INVALID_PARAMETER_VALUE|INTERVAL_)"
)
# From the first mark to the last of its sort: a value may hold marks and line ends itself.
_QUOTED = re.compile(r"'(?:.*'|.*)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w`])-?\d[\d.eE+-]*")
_RAISED = re.compile(r"\[USER_RAISED_EXCEPTION\].*", re.DOTALL)
_STATE = re.compile(r"\s*SQLSTATE: \w+.*", re.DOTALL)
_CONDITION = re.compile(r"\[[A-Z][A-Z0-9_.]+\]")


def without_values(text: str) -> str:
    """Spark's words less the values of rows that it quotes, also inside another program's message."""
    found = _SAYS_VALUE.search(text)
    if found is None:
        return text
    told = _RAISED.sub("[USER_RAISED_EXCEPTION] …", _STATE.sub("", text[found.start() :]))
    line = _QUOTED.sub("…", told).splitlines()[0]
    return text[: found.start()] + _NUMBER.sub("…", line)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what Spark, Java and the operating system raise into Lockgate's errors, chained."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    try:
        with on_disk():
            yield
    except (Py4JNetworkError, ConnectionError) as error:
        raise WarehouseUnavailable("the Java process of Spark has ended") from error
    except (PySparkException, Py4JError) as error:
        raise _translation(str(error)) from error


def _translation(text: str) -> LockgateError:
    if _FULL.search(text):
        return DiskFull()
    condition = _CONDITION.search(text)
    told = without_values(text[condition.start() :] if condition else text)
    line = _STATE.sub("", told).splitlines()[0] if told.strip() else "Spark failed without a word"
    return StatementFailed(line)
