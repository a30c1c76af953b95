"""What is usual: the median of the days before and a band around it, by the median absolute deviation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median

from lockgate.core.cost import Band, DayCost, EntityCost, Measure, Spent, Trend, Unit
from lockgate.core.robust import spread_of

LEAST_RUNS = 5
_DEVIATIONS = 3.0
# What differs by less is usual, however still the days before were; of seconds, so many at least.
_LEAST_SHARE = 0.1
_LEAST_SECONDS = 0.1


def costs_of(spent: Iterable[Spent], *, days: int) -> tuple[EntityCost, ...]:
    """What each implementation of each entity costs on its newest day, beside the `days` before it; by name."""
    series: dict[tuple[str, str], list[Spent]] = {}
    for one in spent:
        series.setdefault((one.entity, one.implementation), []).append(one)
    return tuple(_cost(sorted(series[name], key=lambda one: one.at), days) for name in sorted(series))


def band_of(values: Sequence[float], unit: Unit) -> Band | None:
    """What is usual by these values, up to half of which may be wild; None where they are too few."""
    if len(values) < LEAST_RUNS:
        return None
    middle = median(values)
    least = _LEAST_SECONDS if unit is Unit.SECONDS else 0.0
    half = max(_DEVIATIONS * spread_of(values), _LEAST_SHARE * middle, least)
    return Band(len(values), middle, max(middle - half, 0.0), middle + half)


def trend_of(now: float | None, band: Band | None, unit: Unit) -> Trend:
    """How a value lies to what is usual."""
    if now is None or band is None:
        return Trend.UNKNOWN
    if band.low <= now <= band.high:
        return Trend.USUAL
    if unit is Unit.ROWS:
        return Trend.MORE if now > band.high else Trend.FEWER
    return Trend.DEARER if now > band.high else Trend.CHEAPER


def _cost(series: Sequence[Spent], days: int) -> EntityCost:
    by_day: dict[date, list[Spent]] = {}
    for one in series:
        by_day.setdefault(_day(one), []).append(one)
    newest = max(by_day)
    before, is_by_weekday = _before(by_day, newest, days)
    changes = _changes(series)
    return EntityCost(
        series[0].entity,
        series[0].implementation,
        newest,
        len(before),
        tuple(_measure(unit, by_day[newest], before) for unit in Unit),
        tuple(
            DayCost(
                day,
                len(by_day[day]),
                median(one.seconds for one in by_day[day]),
                band_of([one.seconds for one in _before(by_day, day, days)[0]], Unit.SECONDS),
                is_changed=any(at.date() == day for at in changes),
            )
            for day in sorted(by_day)
        ),
        is_by_weekday,
        changes[-1] if changes else None,
    )


def _day(one: Spent) -> date:
    return one.at.astimezone(UTC).date()


def _before(by_day: dict[date, list[Spent]], day: date, days: int) -> tuple[list[Spent], bool]:
    """The runs of the days before one; of the same weekday alone, where these are enough."""
    first = day - timedelta(days=days)
    inside = [one for each, runs in by_day.items() if first <= each < day for one in runs]
    alike = [one for one in inside if _day(one).weekday() == day.weekday()]
    return (alike, True) if len(alike) >= LEAST_RUNS else (inside, False)


def _measure(unit: Unit, now: Sequence[Spent], before: Sequence[Spent]) -> Measure:
    values = _known(unit, now)
    middle = median(values) if values else None
    band = band_of(_known(unit, before), unit)
    return Measure(unit, middle, band, trend_of(middle, band, unit))


def _known(unit: Unit, runs: Sequence[Spent]) -> list[float]:
    return [value for value in (one.of(unit) for one in runs) if value is not None]


def _changes(series: Sequence[Spent]) -> list[datetime]:
    """When the revision was another one than in the run before of which it is known."""
    known = [one for one in series if one.revision]
    return [later.at.astimezone(UTC) for former, later in pairwise(known) if former.revision != later.revision]
