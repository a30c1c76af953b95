"""What days and hours have in common: how often a series is measured, and the seasons that its measurements fall in."""

from __future__ import annotations

import statistics
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise

DAY = 86_400.0
_HOURLY = 0.4 * DAY
_DAILY = 2.5 * DAY
_WEEKLY = 8.5 * DAY
_YEAR = 365 * DAY


class Occasion(StrEnum):
    """A day that comes seldom, and on which much may be otherwise."""

    LAST_BUT_ONE = "the last day but one of a month"
    LAST = "the last day of a month"
    FIRST = "the first day of a month"
    HOLIDAY = "a holiday"


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a series is measured, in seconds between two measurements, and which seasons that lets it have."""

    seconds: float

    @property
    def has_weekdays(self) -> bool:
        """Whether weekdays can be told apart: it is measured every other day at least."""
        return self.seconds <= _DAILY

    @property
    def has_hours(self) -> bool:
        """Whether hours can be told apart: it is measured more than twice a day."""
        return self.seconds <= _HOURLY

    @property
    def has_days(self) -> bool:
        """Whether ends of months and holidays can be told apart: it is measured once a week at least."""
        return self.seconds <= _WEEKLY

    @property
    def a_year(self) -> float:
        """How many measurements there are in a year."""
        return max(12.0, _YEAR / max(self.seconds, 60.0))

    @property
    def a_week(self) -> int:
        """How many measurements a week has; 7 where it is measured more seldom than daily."""
        return max(7, round(7 * DAY / max(self.seconds, 60.0)))

    @property
    def learning(self) -> int:
        """How many measurements a baseline is begun with: three weeks of daily ones, two of hourly ones."""
        return 21 if not self.has_hours else 2 * self.a_week

    def seasons(self, at: datetime) -> tuple[int, int]:
        """The weekday, and the hour; 0 where they are not told apart."""
        return (at.weekday() if self.has_weekdays else 0), (at.hour if self.has_hours else 0)

    def occasion(self, at: datetime, holidays: frozenset[date]) -> Occasion | None:
        """What is special about a day, where days are told apart."""
        if not self.has_days:
            return None
        if at.date() in holidays:
            return Occasion.HOLIDAY
        if at.day == 1:
            return Occasion.FIRST
        _, last = monthrange(at.year, at.month)
        return {last: Occasion.LAST, last - 1: Occasion.LAST_BUT_ONE}.get(at.day)


def cadence_of(instants: Sequence[datetime]) -> Cadence:
    """The cadence of the first measurements of a series: the median time between two."""
    gaps = [(after - before).total_seconds() for before, after in pairwise(instants)]
    return Cadence(statistics.median(gaps) if gaps else DAY)
