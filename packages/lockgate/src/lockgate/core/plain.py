"""Results as JSON knows them: how every kind of value is spelled wherever Lockgate writes JSON."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from lockgate.core.types import ColumnType
from lockgate.errors import LockgateError

Redact = Callable[[str], str]


def to_plain(value: object, redact: Redact = str) -> object:
    """A value of what JSON holds: objects, lists, text, finite numbers, truth values, null.

    Dataclasses become objects, sets lists in the order of their text. Instants, days and times are ISO 8601, durations
    seconds, decimals and UUIDs text, bytes base64 (RFC 4648); what is no number is `NaN`, `Infinity` or `-Infinity` as
    text, as PostgreSQL writes it. Errors go through `redact`; other values stay as they are.
    """
    if isinstance(value, LockgateError):
        return problem(value, redact)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, redact) for item in value]
    if isinstance(value, set | frozenset):
        return [to_plain(item, redact) for item in sorted(value, key=str)]
    if is_dataclass(value) and not isinstance(value, type | ColumnType):
        return {field.name: to_plain(getattr(value, field.name), redact) for field in fields(value) if field.repr}
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    if isinstance(value, ColumnType | Path | Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode("ascii")
    return value


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def problem(error: LockgateError, redact: Redact = str) -> dict[str, object]:
    """An error as a program reads it, every text in it through `redact`."""
    return {
        "code": error.code,
        "error": type(error).__name__,
        "message": redact(error.message),
        "hint": redact(error.remedy),
        "fields": _redacted(to_plain(error.fields), redact),
    }


def _redacted(value: object, redact: Redact) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(item, redact) for key, item in value.items()}
    return [_redacted(item, redact) for item in value] if isinstance(value, list) else value


def json_text(value: object, redact: Redact = str, *, indent: int | None = None) -> str:
    """A value as one JSON document."""
    return json.dumps(to_plain(value, redact), ensure_ascii=False, allow_nan=False, indent=indent)
