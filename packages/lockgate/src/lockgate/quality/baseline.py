"""What a series is expected to give next: level, trend and seasons, none of which an outlier moves far.

Source: Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters smoothing", Journal of
Forecasting 29 (2010): each observation is cleaned by Huber's function before it is smoothed, and the scale of the
errors by a bounded one. Three filters of different memory run side by side; the one whose errors are smallest
forecasts. Seasons go by the calendar, so that a gap moves none. The first ones are medians, shrunk as far as noise
alone would make them (James and Stein, Proceedings of the Fourth Berkeley Symposium, 1961).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from math import sqrt

from lockgate.core.robust import spread_of

MEMORIES = (0.05, 0.2, 0.5)
_FASTEST_TREND = 0.01
_DAMPED = 0.98
_CLIPPED = 2.0
_STRANGE = 3.5
_SEASONAL = 0.08
_SPREAD = 0.04
_BIWEIGHT = 2.52
_SWEEPS = 4

Seasons = tuple[int, int]


def clipped(score: float) -> float:
    """Huber's function: a score, no larger than two."""
    return max(-_CLIPPED, min(_CLIPPED, score))


class Filter:
    """A damped linear trend with one memory, and the scale of its errors."""

    def __init__(self, memory: float, level: float, spread: float) -> None:
        """Begin at a level, without a trend."""
        self._memory = memory
        self._trend_memory = min(_FASTEST_TREND, memory * memory / 4)
        self.level = level
        self.trend = 0.0
        self.spread = spread

    def expected(self) -> float:
        """The next value, without its seasons."""
        return self.level + _DAMPED * self.trend

    def learn(self, value: float, least: float, *, is_outlier: bool) -> None:
        """Takes in a value without its seasons; from an outlier it learns no more than how much there may be."""
        expected = self.expected()
        sigma = max(self.spread, least)
        score = (value - expected) / sigma
        cleaned = clipped(score) * sigma
        self.level = expected + self._memory * cleaned * (not is_outlier)
        self.trend = _DAMPED * self.trend + self._trend_memory * cleaned * (not is_outlier)
        bounded = _BIWEIGHT * (1 - max(0.0, 1 - (score / _CLIPPED) ** 2) ** 3)
        self.spread = sigma * sqrt(1 - _SPREAD + _SPREAD * bounded)


class Baseline:
    """The forecast of a series on its scale, begun with its first values and their seasons."""

    def __init__(self, values: Sequence[float], seasons: Sequence[Seasons], least: float) -> None:
        """Fit level and seasons by medians."""
        self._least = least
        self._effects: tuple[dict[int, float], dict[int, float]] = ({}, {})
        self._counts: dict[tuple[int, int], int] = {}
        self._strange: dict[int, float] = {}
        level = statistics.median(values)
        for _ in range(_SWEEPS):
            for which in (0, 1):
                self._fit(which, values, seasons, level)
            rest = [value - self.season(one) for value, one in zip(values, seasons, strict=True)]
            level = statistics.median(rest)
        rest = [value - self.season(one) for value, one in zip(values, seasons, strict=True)]
        fitted = sum(len(effects) for effects in self._effects if len(effects) > 1)
        spread = max(least, spread_of(rest) * sqrt(len(rest) / max(len(rest) / 3, len(rest) - fitted)))
        recent = statistics.median(rest[-max(7, len(rest) // 3) :])
        self._filters = [Filter(memory, recent, spread) for memory in MEMORIES]

    def _fit(self, which: int, values: Sequence[float], seasons: Sequence[Seasons], level: float) -> None:
        """One of the two kinds of seasons, what the other one explains taken away."""
        other = self._effects[1 - which]
        groups: dict[int, list[float]] = {}
        for value, one in zip(values, seasons, strict=True):
            groups.setdefault(one[which], []).append(value - level - other.get(one[1 - which], 0.0))
        effects = self._effects[which]
        effects.clear()
        for season, group in groups.items():
            self._counts[which, season] = len(group)
        if len(groups) < 2:  # noqa: PLR2004  (one season is none)
            return
        found = {season: statistics.median(group) for season, group in groups.items()}
        within = spread_of([value - found[season] for season, group in groups.items() for value in group])
        each = len(values) / len(groups)
        noise = (within * 1.3) ** 2 * 1.57 / each
        between = sum(effect * effect for effect in found.values()) / len(found)
        kept = max(0.0, 1 - noise * (len(found) - 2) / len(found) / between) if between else 0.0
        effects.update({season: effect * kept for season, effect in found.items()})

    def season(self, one: Seasons) -> float:
        """What the weekday and the hour add."""
        return self._effects[0].get(one[0], 0.0) + self._effects[1].get(one[1], 0.0)

    @property
    def _best(self) -> Filter:
        return min(self._filters, key=lambda one: one.spread)

    @property
    def spread(self) -> float:
        """The standard deviation of what is not explained."""
        return max(self._best.spread, self._least)

    @property
    def level(self) -> float:
        """The next value, without its seasons."""
        return self._best.expected()

    def expected(self, one: Seasons) -> float:
        """The next value, where it falls in these seasons."""
        return self.level + self.season(one)

    def learn(self, value: float, one: Seasons, extra: float = 0.0, *, is_outlier: bool = False) -> None:
        """Takes in a value; `extra` is what its occasion added to it. From an outlier, the level learns nothing."""
        rest = value - extra - self.season(one)
        best = self._best
        if self._learnt_anew(rest - best.expected(), one):
            return
        off = clipped((rest - best.expected()) / self.spread) * self.spread
        for each in self._filters:
            each.learn(rest, self._least, is_outlier=is_outlier)
        for which in (0, 1):
            if one[which] not in self._effects[which] and len(self._effects[which]) < 2:  # noqa: PLR2004
                continue
            count = self._counts[which, one[which]] = self._counts.get((which, one[which]), 0) + 1
            gain = max(_SEASONAL, 1 / (count + 1))
            effects = self._effects[which]
            effects[one[which]] = effects.get(one[which], 0.0) + gain * off

    def _learnt_anew(self, off: float, one: Seasons) -> bool:
        """Whether a weekday or hour is strange for the second time running, and by that is no longer."""
        which = int(len(self._effects[1]) > 1)
        season, effects = one[which], self._effects[which]
        before = self._strange.pop(season, 0.0)
        if abs(off) <= _STRANGE * self.spread or not effects:
            return False
        if off * before <= 0:
            self._strange[season] = off
            return False
        effects[season] = effects.get(season, 0.0) + min(off, before, key=abs)
        return True

    def move(self, by: float) -> None:
        """Shifts the level, for good."""
        for each in self._filters:
            each.level += by
            each.trend = 0.0
