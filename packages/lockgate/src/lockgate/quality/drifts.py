"""Whether the last week lies where the weeks before pointed: what leaks slowly never leaves its band of one day.

Source: the resistant line through medians of thirds (Tukey, Exploratory Data Analysis, 1977), of the weeks before the
last, drawn on to the last week.
"""

from __future__ import annotations

import statistics
from collections import deque
from itertools import pairwise
from math import sqrt

from lockgate.core.robust import spread_of
from lockgate.quality.baseline import clipped

_LAST, _BEFORE = (1, 3), 8  # weeks
_OF_MEDIAN = 1.57  # the variance of a median over that of a mean
_MOST_ECHO = 0.8
_LEAST_UNCERTAIN = 0.4  # so that no drift of less than two standard deviations of one measurement is told


class Drift:
    """The newest weeks of a series without its seasons."""

    def __init__(self, a_week: int) -> None:
        """Nothing was seen."""
        self._week = a_week
        self._seen = 0
        self._values: deque[float] = deque(maxlen=(_BEFORE + max(_LAST)) * a_week)

    def add(self, value: float) -> None:
        """The next value without its seasons."""
        self._values.append(value)
        self._seen += 1

    def move(self, by: float) -> None:
        """What was seen is told as if it had always been at the level of now."""
        self._values = deque((value + by for value in self._values), maxlen=self._values.maxlen)

    def clear(self) -> None:
        """Forgets what was seen."""
        self._values.clear()

    def away(self, least: float) -> float:
        """How far the last weeks are from where those before them point, in standard deviations of that distance.

        0 while there are too few. Noise below `least` is taken to be `least`.
        """
        values = list(self._values)
        found = [0.0]
        for weeks in _LAST:  # three weeks move slowly, so they are looked at after every third measurement alone
            last, before = weeks * self._week, _BEFORE * self._week
            if len(values) >= last + before and not self._seen % weeks:
                found.append(_away(values[-last - before : -last], values[-last:], least))
        return max(found, key=abs)


def _away(before: list[float], last: list[float], least: float) -> float:
    """The distance of the median of `last` from the line through `before`, over its standard deviation."""
    third = len(before) // 3
    run = len(before) - third
    rise = statistics.median(before[-third:]) - statistics.median(before[:third])
    flat = spread_of(before)
    noise = 2 * _OF_MEDIAN / third * flat * flat
    kept = max(0.0, 1 - noise / (rise * rise)) if rise * rise else 0.0
    slope = kept * rise / run
    middle = statistics.median([value - slope * place for place, value in enumerate(before)])
    rest = [value - middle - slope * place for place, value in enumerate(before)]
    spread = spread_of(rest)
    reach = (len(before) + len(last)) / 2
    line = _OF_MEDIAN / len(before) + (kept * reach / run) ** 2 * 2 * _OF_MEDIAN / third
    uncertain = max(_LEAST_UNCERTAIN, _inflated(rest, spread) * sqrt(_OF_MEDIAN / len(last) + line))
    return (statistics.median(last) - middle - slope * (len(before) + (len(last) - 1) / 2)) / (
        uncertain * max(spread, least)
    )


def _inflated(rest: list[float], spread: float) -> float:
    """How much wider a mean scatters because each measurement resembles the one before it: that of an AR(1)."""
    if not spread:
        return 1.0
    scores = [clipped(value / spread) for value in rest]
    echo = sum(one * other for one, other in pairwise(scores)) / (sum(one * one for one in scores) or 1.0)
    echo = min(max(echo, 0.0), _MOST_ECHO)
    return sqrt((1 + echo) / (1 - echo))
