"""Cursor values as sources write them: which is higher, and what lies some time before one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from lockgate.core.load import Landed, LoadMode
from lockgate.core.types import ColumnType
from lockgate.errors import SourceRefused

Order = tuple[int, Decimal | datetime | str]
_PRECISIONS = {3: "milliseconds"}
_FRACTION = re.compile(r"[.](\d+)")


def highest(values: Iterable[str | None], type_: ColumnType) -> str | None:
    """The highest of cursor values; None where there is none. Text that writes instants is compared by them."""
    present = [value for value in values if value is not None]
    return max(present, key=lambda value: _order(value, type_), default=None)


def _order(value: str, type_: ColumnType) -> Order:
    if type_.is_number:
        return 0, _number(value)
    instant = _instant(value)
    if instant is None:
        return 0, value
    return 1, instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _number(value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation:
        return Decimal("-Infinity")


def _instant(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def before(value: str, lookback: timedelta) -> str:
    """The cursor value that lies `lookback` before `value`, in the same form: date or instant, fraction, zone.

    Raises:
        SourceRefused: the value is no date and no instant, so that no time lies before it.
    """
    if not lookback:
        return value
    instant = _instant(value)
    if instant is None or value.isdecimal():
        raise SourceRefused(
            "the stream has a lookback, and its cursor holds neither dates nor instants",
            hint="Take `lookback` away, or name a cursor that tells time.",
        )
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        days = timedelta(days=math.ceil(lookback / timedelta(days=1)))
        return (date.fromisoformat(value) - days).isoformat()
    fraction = _FRACTION.search(value)
    precision = "seconds" if fraction is None else _PRECISIONS.get(len(fraction[1]), "microseconds")
    earlier = (instant - lookback).isoformat(sep="T" if "T" in value else " ", timespec=precision)
    return earlier.replace("+00:00", "Z") if value.endswith("Z") else earlier


def landed_until(landed: Iterable[Landed], type_: ColumnType) -> str | None:
    """The highest cursor value that the target holds of a stream, since it was last replaced."""
    loads = sorted(landed, key=lambda load: load.load_id)
    replacing = [place for place, load in enumerate(loads) if load.mode is LoadMode.REPLACE]
    return highest((load.cursor_until for load in loads[replacing[-1] if replacing else 0 :]), type_)
