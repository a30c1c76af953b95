"""Simulated series of measurements with planted anomalies, made without regard to what looks for them.

Everything is drawn from a seed. What is planted is told with its size beside the noise of its series: `sigmas`, in
robust standard deviations of the noise, and `yearly`, in sizes that the noise itself exceeds once in a year of its
measurements. No detector that raises one false alarm a year finds what is as small as that, so that `is_findable` is
said of five sigmas and one and a half times that size, and above.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import exp, log, pi, sin, sqrt
from statistics import NormalDist

from lockgate.core.measurement import Measurement, Metric, SeriesName

FIRST = datetime(2025, 1, 6, 5, tzinfo=UTC)
LEAST_SIGMAS, LEAST_YEARLY = 5.0, 1.5
_NOTHING = -50.0  # the logarithm of what is no row at all
HOLIDAYS = ((1, 1), (4, 18), (5, 1), (7, 4), (9, 1), (11, 27), (12, 25), (12, 26))


class Noise(StrEnum):
    """How a series varies by itself."""

    GAUSSIAN = "gaussian"
    POISSON = "poisson"
    HEAVY = "student t, 4 degrees"
    CORRELATED = "ar(1)"


class Plant(StrEnum):
    """What went wrong."""

    HALF = "half of a load missing"
    DOUBLE = "a load twice"
    EMPTY = "an empty load"
    SHIFT = "a new level"
    LEAK = "a slow leak"
    FROZEN = "a frozen value"
    SKIPPED = "a day without a load"
    NULLS = "a null rate that jumps"
    COLLAPSE = "distinct values that collapse"
    SLOW = "three times as long"
    CHANGED = "a change of what never changed"
    STEP = "one measurement off by so many sigmas"


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


@dataclass(frozen=True, slots=True)
class Planted:
    """One anomaly that begins with measurement `first`: found by an alarm from there to `until`.

    Up to `settled`, what is raised besides is no false alarm either: the series has to find its way back.
    """

    plant: Plant
    first: int
    until: int
    settled: int
    sigmas: float
    yearly: float

    @property
    def is_findable(self) -> bool:
        """Whether it stands out from the noise by what was laid down beforehand."""
        return self.sigmas >= LEAST_SIGMAS and self.yearly >= LEAST_YEARLY


@dataclass(frozen=True, slots=True)
class Simulated:
    """A series, what was planted in it, and the holidays that whoever owns it knows of."""

    family: str
    noise: Noise
    rhythm: Rhythm
    measurements: tuple[Measurement, ...]
    planted: tuple[Planted, ...]
    holidays: frozenset[date] = frozenset()


@dataclass(slots=True)
class _Draft:
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


def _exceeded(noise: Noise, a_year: float) -> float:
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


def _poisson(chance: random.Random, mean: float) -> int:
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
) -> _Draft:
    days = _instants(chance, rhythm)
    levels, holidays = _log_levels(chance, days, base)
    return _Draft(metric, noise, days, levels, sigma, _errors(chance, noise, rhythm.many), rhythm, holidays=holidays)


# --- families -----------------------------------------------------------------------------------------------------


def _rows(chance: random.Random, noise: Noise) -> _Draft:
    """Rows of a daily load."""
    base = exp(chance.uniform(log(60), log(3000))) if noise is Noise.POISSON else exp(chance.uniform(6, 14))
    return _draft(chance, Metric.ROWS, noise, base, chance.uniform(0.03, 0.12))


def _irregular(chance: random.Random, noise: Noise) -> _Draft:
    """Rows of a load that does not always run."""
    draft = _rows(chance, noise)
    draft.missing = {place for place in range(1, len(draft.days)) if chance.random() < 0.03}
    return draft


def _working_days(chance: random.Random, noise: Noise) -> _Draft:
    """Rows of a load that never runs at the weekend."""
    draft = _rows(chance, noise)
    draft.missing = {place for place, day in enumerate(draft.days) if day.weekday() > 4}
    return draft


def _distinct(chance: random.Random, noise: Noise) -> _Draft:
    """Distinct values of a column."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    return _draft(chance, Metric.DISTINCT, noise, exp(chance.uniform(3.5, 10)), chance.uniform(0.01, 0.08))


def _seconds(chance: random.Random, noise: Noise) -> _Draft:
    """How long a build takes."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    return _draft(chance, Metric.SECONDS, noise, exp(chance.uniform(1, 7)), chance.uniform(0.06, 0.2))


def _nulls(chance: random.Random, noise: Noise) -> _Draft:
    """The null rate of a column, on the scale of log odds; every fifth one never has any."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    days = _instants(chance, DAILY)
    if chance.random() < 0.2:
        return _Draft(Metric.NULL_RATE, noise, days, [_NOTHING] * len(days), 0.0, [0.0] * len(days), DAILY)
    base, weekend = chance.uniform(-6, -0.5), chance.choice((0.0, 0.0, 0.3))
    levels = [base + weekend * (day.weekday() > 4) for day in days]
    sigma = chance.uniform(0.03, 0.15)
    return _Draft(Metric.NULL_RATE, noise, days, levels, sigma, _errors(chance, noise, len(days)), DAILY)


def _amounts(chance: random.Random, noise: Noise) -> _Draft:
    """A sum of amounts, which may be below zero."""
    noise = Noise.GAUSSIAN if noise is Noise.POISSON else noise
    days, week = _instants(chance, DAILY), [chance.gauss(0, 0.5) for _ in range(7)]
    base = chance.choice((3.0, 6.0, 12.0))
    levels = [base + week[day.weekday()] for day in days]
    sigma = chance.uniform(0.1, 0.4)
    errors = _errors(chance, noise, len(days))
    return _Draft("net_amount", noise, days, levels, sigma, errors, DAILY, is_multiplied=False)


def _sparse(chance: random.Random, _: Noise) -> _Draft:
    """Rows of a load that is empty on a part of its days."""
    draft = _draft(chance, Metric.ROWS, Noise.GAUSSIAN, exp(chance.uniform(4, 8)), chance.uniform(0.05, 0.15))
    share = chance.uniform(0.1, 0.5)
    draft.levels = [_NOTHING if chance.random() < share else level for level in draft.levels]
    return draft


def _constant(chance: random.Random, _: Noise) -> _Draft:
    """Rows of a table that never changes."""
    days, level = _instants(chance, DAILY), log(chance.randint(5, 5000))
    return _Draft(Metric.ROWS, Noise.GAUSSIAN, days, [level] * len(days), 0.0, [0.0] * len(days), DAILY)


def _hourly(chance: random.Random, noise: Noise) -> _Draft:
    """Rows of an hourly load: more by day than by night."""
    base = exp(chance.uniform(5, 10))
    draft = _draft(chance, Metric.ROWS, noise, base, chance.uniform(0.05, 0.12), HOURLY)
    depth = chance.uniform(0, 1)
    for place, at in enumerate(draft.days):
        draft.levels[place] -= depth * sin(pi * at.hour / 24)
    return draft


def _weekly(chance: random.Random, noise: Noise) -> _Draft:
    """Rows of a weekly load."""
    return _draft(chance, Metric.ROWS, noise, exp(chance.uniform(6, 12)), chance.uniform(0.03, 0.1), WEEKLY)


FAMILIES: dict[str, tuple[Callable[[random.Random, Noise], _Draft], tuple[Plant, ...]]] = {
    "rows": (_rows, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT, Plant.LEAK, Plant.FROZEN, Plant.SKIPPED)),
    "irregular rows": (_irregular, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT)),
    "rows of working days": (_working_days, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT, Plant.SKIPPED)),
    "distinct": (_distinct, (Plant.COLLAPSE, Plant.SHIFT, Plant.LEAK)),
    "seconds": (_seconds, (Plant.SLOW, Plant.SHIFT, Plant.LEAK)),
    "null rate": (_nulls, (Plant.NULLS,)),
    "amounts": (_amounts, (Plant.STEP, Plant.SHIFT)),
    "sparse rows": (_sparse, (Plant.DOUBLE,)),
    "constant rows": (_constant, (Plant.CHANGED, Plant.EMPTY)),
    "hourly rows": (_hourly, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.FROZEN, Plant.SKIPPED, Plant.SHIFT)),
    "weekly rows": (_weekly, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT)),
}


# --- planting -----------------------------------------------------------------------------------------------------

_FACTORS = {Plant.HALF: 0.5, Plant.DOUBLE: 2.0, Plant.SLOW: 3.0, Plant.COLLAPSE: 0.15}
_REPEATED = -1.0


@dataclass(slots=True)
class _Where:
    """A planted anomaly by turns, some of which may not be measured; `size` on the scale of levels."""

    plant: Plant
    first: int
    size: float
    lasts: int = 0
    grace: int = 0
    settles: int = 1


class _Planting:
    """Puts anomalies into a draft."""

    def __init__(self, chance: random.Random, draft: _Draft, sigmas: tuple[float, float]) -> None:
        """Plant by `chance`; single steps are of `sigmas`, from and to."""
        self._chance, self._draft, self._sigmas = chance, draft, sigmas
        self.fixed: dict[int, float] = {}
        self.planted: list[_Where] = []

    def noise_at(self, place: int) -> float:
        """The standard deviation there, on the scale of levels."""
        draft = self._draft
        return exp(-draft.levels[place] / 2) if draft.noise is Noise.POISSON else draft.sigma

    def is_free(self, place: int) -> bool:
        """Whether a turn is measured, no holiday, and has rows where others have."""
        draft = self._draft
        is_odd = place in draft.missing or draft.days[place].date() in draft.holidays
        return not is_odd and (draft.levels[place] > _NOTHING / 2 or not draft.sigma)

    def plant(self, plant: Plant, place: int) -> int:
        """One anomaly from `place` on: the last turn that belongs to it."""
        self.planted.append(self._put(plant, place))
        return place + self.planted[-1].lasts + self.planted[-1].settles

    def _put(self, plant: Plant, place: int) -> _Where:
        chance, draft, noise = self._chance, self._draft, self.noise_at(place)
        if plant in _FACTORS:
            self._raise(place, place + 1, log(_FACTORS[plant]))
            return _Where(plant, place, abs(log(_FACTORS[plant])))
        if plant is Plant.STEP:
            size = chance.uniform(*self._sigmas) * noise
            self._raise(place, place + 1, size * chance.choice((-1, 1)))
            return _Where(plant, place, size)
        if plant is Plant.NULLS:
            size = chance.uniform(1.5, 3) if draft.sigma else -_NOTHING - chance.uniform(2, 7)
            self._raise(place, place + 1, size)
            return _Where(plant, place, size)
        if plant in {Plant.SHIFT, Plant.CHANGED}:
            size = max(chance.uniform(5, 10) * noise, 0.2)
            self._raise(place, len(draft.levels), size * chance.choice((-1, 1)))
            return _Where(plant, place, size, grace=3 if plant is Plant.SHIFT else 0, settles=10)
        return self._lacking(plant, place, noise)

    def _lacking(self, plant: Plant, place: int, noise: float) -> _Where:
        """What does not come at all, or comes again and again."""
        if plant is Plant.EMPTY:
            self.fixed[place] = 0.0
            return _Where(plant, place, log(2))
        if plant is Plant.SKIPPED:
            self._draft.missing.add(place)
            return _Where(plant, place, 99 * noise, grace=1)
        if plant is Plant.FROZEN:
            self.fixed.update(dict.fromkeys(range(place, place + 10), _REPEATED))
            return _Where(plant, place, 99 * noise, lasts=9, settles=3)
        lasts, size = self._chance.randint(20, 35), max(self._chance.uniform(6, 10) * noise, 0.3)
        for step in range(place, len(self._draft.levels)):
            self._draft.levels[step] -= size * min(1.0, (step - place + 1) / lasts)
        return _Where(plant, place, size, lasts=lasts, grace=14, settles=14)

    def _raise(self, first: int, until: int, by: float) -> None:
        self._draft.levels[first:until] = [level + by for level in self._draft.levels[first:until]]


def _values(chance: random.Random, draft: _Draft, fixed: dict[int, float]) -> list[float]:
    """Levels and noise as the values that are measured."""
    found: list[float] = []
    for place, level in enumerate(draft.levels):
        told = fixed.get(place)
        if told is not None:
            found.append(found[-1] if told == _REPEATED else told)
        elif not draft.is_multiplied:
            found.append((level + draft.sigma * draft.errors[place]) * 10_000)
        elif draft.noise is Noise.POISSON:
            found.append(float(_poisson(chance, exp(level))))
        else:
            found.append(_measured(draft.metric, level + draft.sigma * draft.errors[place]))
    return found


def _measured(metric: str, level: float) -> float:
    if metric == Metric.NULL_RATE:
        return round(1 / (1 + exp(-level)), 6)
    return exp(level) if metric == Metric.SECONDS else float(round(exp(level)))


def simulated(
    family: str,
    noise: Noise,
    seed: int,
    *,
    anomalies: int = 3,
    plants: Sequence[Plant] = (),
    sigmas: tuple[float, float] = (8.0, 16.0),
) -> Simulated:
    """A series of a family, drawn from a seed, with up to so many anomalies, of its family's kinds or of `plants`."""
    chance = random.Random(f"{family}/{noise}/{seed}")  # noqa: S311
    make, kinds = FAMILIES[family]
    draft = make(chance, noise)
    rhythm, planting = draft.rhythm, _Planting(chance, draft, sigmas)
    ends, place = rhythm.many - 20, rhythm.quiet
    for _ in range(anomalies):
        place += chance.randrange(rhythm.apart)
        while place < ends and not planting.is_free(place):
            place += 1
        if place >= ends:
            break
        place = planting.plant(chance.choice(plants or kinds), place) + rhythm.apart
    return _told(chance, family, draft, planting)


def _told(chance: random.Random, family: str, draft: _Draft, planting: _Planting) -> Simulated:
    """The draft as a series: places are those of the measurements that are there."""
    yearly = _exceeded(draft.noise, draft.rhythm.a_year)
    sizes = [(one, one.size / planting.noise_at(one.first) if draft.sigma else 99.0) for one in planting.planted]
    values = _values(chance, draft, planting.fixed)
    there = [place for place in range(len(values)) if place not in draft.missing]

    def at(place: int) -> int:
        """The measurement of a turn, or the next one."""
        return min(bisect_left(there, place), len(there) - 1)

    planted = tuple(
        Planted(
            one.plant,
            at(one.first),
            at(one.first + one.lasts + one.grace),
            at(one.first + one.lasts + max(one.grace, one.settles)),
            sigmas,
            sigmas / yearly,
        )
        for one, sigmas in sizes
    )
    name = SeriesName(family, "simulated", draft.metric)
    measured = tuple(Measurement(name, values[place], draft.days[place]) for place in there)
    return Simulated(family, draft.noise, draft.rhythm, measured, planted, draft.holidays)
