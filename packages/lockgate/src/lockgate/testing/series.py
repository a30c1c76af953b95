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
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import exp, log

from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.testing.series_drafts import (
    NOTHING,
    Draft,
    Noise,
    Rhythm,
    amounts,
    constant,
    distinct,
    exceeded,
    hourly,
    irregular,
    nulls,
    poisson,
    rows,
    seconds,
    sparse,
    weekly,
    working_days,
)

LEAST_SIGMAS, LEAST_YEARLY = 5.0, 1.5


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


FAMILIES: dict[str, tuple[Callable[[random.Random, Noise], Draft], tuple[Plant, ...]]] = {
    "rows": (rows, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT, Plant.LEAK, Plant.FROZEN, Plant.SKIPPED)),
    "irregular rows": (irregular, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT)),
    "rows of working days": (working_days, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT, Plant.SKIPPED)),
    "distinct": (distinct, (Plant.COLLAPSE, Plant.SHIFT, Plant.LEAK)),
    "seconds": (seconds, (Plant.SLOW, Plant.SHIFT, Plant.LEAK)),
    "null rate": (nulls, (Plant.NULLS,)),
    "amounts": (amounts, (Plant.STEP, Plant.SHIFT)),
    "sparse rows": (sparse, (Plant.DOUBLE,)),
    "constant rows": (constant, (Plant.CHANGED, Plant.EMPTY)),
    "hourly rows": (hourly, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.FROZEN, Plant.SKIPPED, Plant.SHIFT)),
    "weekly rows": (weekly, (Plant.HALF, Plant.DOUBLE, Plant.EMPTY, Plant.SHIFT)),
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

    def __init__(self, chance: random.Random, draft: Draft, sigmas: tuple[float, float]) -> None:
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
        return not is_odd and (draft.levels[place] > NOTHING / 2 or not draft.sigma)

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
            size = chance.uniform(1.5, 3) if draft.sigma else -NOTHING - chance.uniform(2, 7)
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


def _values(chance: random.Random, draft: Draft, fixed: dict[int, float]) -> list[float]:
    """Levels and noise as the values that are measured."""
    found: list[float] = []
    for place, level in enumerate(draft.levels):
        told = fixed.get(place)
        if told is not None:
            found.append(found[-1] if told == _REPEATED else told)
        elif not draft.is_multiplied:
            found.append((level + draft.sigma * draft.errors[place]) * 10_000)
        elif draft.noise is Noise.POISSON:
            found.append(float(poisson(chance, exp(level))))
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


def _told(chance: random.Random, family: str, draft: Draft, planting: _Planting) -> Simulated:
    """The draft as a series: places are those of the measurements that are there."""
    yearly = exceeded(draft.noise, draft.rhythm.a_year)
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
