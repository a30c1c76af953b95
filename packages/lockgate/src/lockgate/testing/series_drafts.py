"""Series without anomalies, in the making: levels with weekdays, growth and ends of months, and noise of four kinds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import exp, log, pi, sin, sqrt
from statistics import NormalDist

from lockgate.core.measurement import Metric

FIRST = datetime(2025, 1, 6, 5, tzinfo=UTC)
HOLIDAYS = ((1, 1), (4, 18), (5, 1), (7, 4), (9, 1), (11, 27), (12, 25), (12, 26))
NOTHING = -50.0  # the logarithm of what is no row at all


class Noise(StrEnum):
    """How a series varies by itself."""

    GAUSSIAN = "gaussian"
    POISSON = "poisson"
    HEAVY = "student t, 4 degrees"
    CORRELATED = "ar(1)"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a series is measured: so many times, the first `quiet` in order, anomalies `apart` or further."""

    every: timedelta
    many: int
    quiet: int
    apart: int

    @property
    def a_year(self) -> float:
        """How many measurements there are in a year."""
        return timedelta(days=365) / self.every


DAILY = Rhythm(timedelta(days=1), 420, 100, 50)
HOURLY = Rhythm(timedelta(hours=1), 1700, 600, 240)
WEEKLY = Rhythm(timedelta(weeks=1), 210, 60, 30)


@dataclass(slots=True)
class Draft:
    """A series in the making: what each day would be without noise, the noise on its scale, and how both are one."""

    metric: str
    noise: Noise
    days: list[datetime]
    levels: list[float]
    sigma: float
    errors: list[float]
    rhythm: Rhythm
    is_multiplied: bool = True
    holidays: frozenset[date] = frozenset()
    missing: set[int] = field(default_factory=set)


_ROBUST_STUDENT = 1.0982  # the median absolute value of t with four degrees of freedom, over 0.6745

# --- noise --------------------------------------------------------------------------------------------------------


def exceeded(noise: Noise, a_year: float) -> float:
    """The size that noise of a kind exceeds once in so many values, in its own robust standard deviations."""
    if noise is not Noise.HEAVY:
        return NormalDist().inv_cdf(1 - 0.5 / a_year)
    low, high = 0.0, 1000.0
    while high - low > 1e-9:
        size = (low + high) / 2
        part = 1 + size * size / 4
        below = 0.5 + 3 / 8 * size / sqrt(part) * (1 - size * size / (12 * part))
        low, high = (size, high) if below < 1 - 0.5 / a_year else (low, size)
    return low / _ROBUST_STUDENT


def _student(chance: random.Random) -> float:
    """Student's t with four degrees of freedom, over the robust standard deviation that it has."""
    divisor = sqrt(chance.gammavariate(2.0, 2.0) / 4)
    return chance.gauss(0, 1) / divisor / _ROBUST_STUDENT


def _errors(chance: random.Random, noise: Noise, many: int) -> list[float]:
    """Noise with a robust standard deviation of one."""
    if noise is Noise.HEAVY:
        return [_student(chance) for _ in range(many)]
    if noise is not Noise.CORRELATED:
        return [chance.gauss(0, 1) for _ in range(many)]
    echo, found = chance.uniform(0.3, 0.7), [chance.gauss(0, 1)]
    for _ in range(many - 1):
        found.append(echo * found[-1] + sqrt(1 - echo * echo) * chance.gauss(0, 1))
    return found


def poisson(chance: random.Random, mean: float) -> int:
    """A Poisson count: by multiplication for small means, by its normal limit above 400."""
    if mean > 400:
        return max(0, round(chance.gauss(mean, sqrt(mean))))
    count, left, limit = 0, chance.random(), exp(-mean)
    while left > limit:
        count += 1
        left *= chance.random()
    return count


# --- levels -------------------------------------------------------------------------------------------------------


def _instants(chance: random.Random, rhythm: Rhythm) -> list[datetime]:
    """When it is measured: begun within a quarter of an hour."""
    first = FIRST + timedelta(days=chance.randrange(365), hours=chance.randrange(20))
    return [first + rhythm.every * turn + timedelta(seconds=chance.randrange(900)) for turn in range(rhythm.many)]


def _log_levels(chance: random.Random, days: Sequence[datetime], base: float) -> tuple[list[float], frozenset[date]]:
    """The logarithm of what each day would be: weekdays, growth, a yearly wave, ends of months, holidays."""
    week = [chance.gauss(0, 0.1) for _ in range(5)] + [-chance.choice((0.0, 0.3, 1.0))] * 2
    growth = chance.choice((0.0, 0.0005, 0.001, 0.003))
    wave, phase = chance.choice((0.0, 0.1)), chance.random()
    peak = chance.choice((0.0, 0.0, 0.5))
    dip = chance.choice((0.0, 0.0, -0.8))
    holidays = frozenset(day.date() for day in days if dip and (day.month, day.day) in HOLIDAYS)
    found = []
    for day in days:
        place = (day - days[0]) / timedelta(days=1)
        is_last = (day + timedelta(days=1)).day == 1
        level = log(base) + week[day.weekday()] + growth * place + wave * sin(2 * pi * (place / 365 + phase))
        found.append(level + peak * is_last + (dip + chance.gauss(0, 0.05)) * (day.date() in holidays))
    return found, holidays


def _draft(
    chance: random.Random, metric: str, noise: Noise, base: float, sigma: float, rhythm: Rhythm = DAILY
) -> Draft:
    days = _instants(chance, rhythm)
    levels, holidays = _log_levels(chance, days, base)
    return Draft(metric, noise, days, levels, sigma, _errors(chance, noise, rhythm.many), rhythm, holidays=holidays)


# --- families -----------------------------------------------------------------------------------------------------


def rows(chance: random.Random, noise: Noise) -> Draft:
    """Rows of a daily load."""
    base = exp(chance.uniform(log(60), log(3000))) if noise is Noise.POISSON else exp(chance.uniform(6, 14))
    return _draft(chance, Metric.ROWS, noise, base, chance.uniform(0.03, 0.12))


def irregular(chance: random.Random, noise: Noise) -> Draft:
    """Rows of a load that does not always run."""
    draft = rows(chance, noise)
    draft.missing = {place for place in range(1, len(draft.days)) if chance.random() < 0.03}
    return draft


def working_days(chance: random.Random, noise: Noise) -> Draft:
    """Rows of a load that never runs at the weekend."""
    draft = rows(chance, noise)
    draft.missing = {place for place, day in enumerate(draft.days) if day.weekday() > 4}
    return draft


def distinct(chance: random.Random, noise: Noise) -> Draft:
    """Distinct values of a column."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    return _draft(chance, Metric.DISTINCT, noise, exp(chance.uniform(3.5, 10)), chance.uniform(0.01, 0.08))


def seconds(chance: random.Random, noise: Noise) -> Draft:
    """How long a build takes."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    return _draft(chance, Metric.SECONDS, noise, exp(chance.uniform(1, 7)), chance.uniform(0.06, 0.2))


def nulls(chance: random.Random, noise: Noise) -> Draft:
    """The null rate of a column, on the scale of log odds; every fifth one never has any."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    days = _instants(chance, DAILY)
    if chance.random() < 0.2:
        return Draft(Metric.NULL_RATE, noise, days, [NOTHING] * len(days), 0.0, [0.0] * len(days), DAILY)
    base, weekend = chance.uniform(-6, -0.5), chance.choice((0.0, 0.0, 0.3))
    levels = [base + weekend * (day.weekday() > 4) for day in days]
    sigma = chance.uniform(0.03, 0.15)
    return Draft(Metric.NULL_RATE, noise, days, levels, sigma, _errors(chance, noise, len(days)), DAILY)


def amounts(chance: random.Random, noise: Noise) -> Draft:
    """A sum of amounts, which may be below zero."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    days, week = _instants(chance, DAILY), [chance.gauss(0, 0.5) for _ in range(7)]
    base = chance.choice((3.0, 6.0, 12.0))
    levels = [base + week[day.weekday()] for day in days]
    sigma = chance.uniform(0.1, 0.4)
    errors = _errors(chance, noise, len(days))
    return Draft("net_amount", noise, days, levels, sigma, errors, DAILY, is_multiplied=False)


def sparse(chance: random.Random, _: Noise) -> Draft:
    """Rows of a load that is empty on a part of its days."""
    draft = _draft(chance, Metric.ROWS, Noise.GAUSSIAN, exp(chance.uniform(4, 8)), chance.uniform(0.05, 0.15))
    share = chance.uniform(0.1, 0.5)
    draft.levels = [NOTHING if chance.random() < share else level for level in draft.levels]
    return draft


def constant(chance: random.Random, _: Noise) -> Draft:
    """Rows of a table that never changes."""
    days, level = _instants(chance, DAILY), log(chance.randint(5, 5000))
    return Draft(Metric.ROWS, Noise.GAUSSIAN, days, [level] * len(days), 0.0, [0.0] * len(days), DAILY)


def hourly(chance: random.Random, noise: Noise) -> Draft:
    """Rows of an hourly load: more by day than by night."""
    base = exp(chance.uniform(5, 10))
    draft = _draft(chance, Metric.ROWS, noise, base, chance.uniform(0.05, 0.12), HOURLY)
    depth = chance.uniform(0, 1)
    for place, at in enumerate(draft.days):
        draft.levels[place] -= depth * sin(pi * at.hour / 24)
    return draft


def weekly(chance: random.Random, noise: Noise) -> Draft:
    """Rows of a weekly load."""
    return _draft(chance, Metric.ROWS, noise, exp(chance.uniform(6, 12)), chance.uniform(0.03, 0.1), WEEKLY)
