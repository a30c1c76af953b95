"""Cursors as sources write them: which of two is further, and where to begin again before one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from lockgate.errors import SourceRefused


def furthest(cursors: Iterable[str | None]) -> str | None:
    """The highest cursor: by time where all are instants, by size where all are numbers, else as text."""
    written = [cursor for cursor in cursors if cursor is not None]
    for read in (instant, _number):
        values = [read(cursor) for cursor in written]
        if written and all(value is not None for value in values):
            return max(zip(values, written, strict=True))[1]
    return max(written, default=None)


def begin(cursor: str | None, lookback: timedelta) -> str | None:
    """Where a load begins that reads again from `lookback` before a cursor; written in UTC, to the microsecond.

    Raises:
        SourceRefused: there is a lookback, and the cursor is no instant to reckon with.
    """
    if cursor is None or not lookback:
        return cursor
    moment = instant(cursor)
    if moment is None:
        raise SourceRefused(
            "the stream has a lookback, and its cursor holds no dates or times",
            hint="Take `lookback` away, or choose a cursor that is a date or a time.",
        )
    return (moment - lookback).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant(cursor: str) -> datetime | None:
    """A cursor as an instant; without a zone it is taken as UTC. None where it is none."""
    try:
        moment = datetime.fromisoformat(cursor)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _number(cursor: str) -> Decimal | None:
    try:
        number = Decimal(cursor)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
