"""The report of costs: each implementation's days beside what was usual of them, and all advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lockgate.adapters.reports.page import rendered
from lockgate.core.cost import Advised, DayCost, EntityCost, Unit

WIDTH, HEIGHT = 640, 140
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 8, 24
MOST_DAYS = 63


@dataclass(frozen=True, slots=True)
class Dot:
    """One day's runs: where it stands, and what it says when it is pointed at."""

    x: float
    y: float
    says: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class DayChart:
    """Days from left to right and seconds upwards: a dot a day, and an area where it was usual."""

    title: str
    dots: tuple[Dot, ...]
    areas: tuple[str, ...]
    highest: float
    first: date
    last: date
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def render_costs(name: str, costs: Sequence[EntityCost], advised: Advised, at: datetime) -> str:
    """Costs and advice as one HTML page. Holds names, counts and constants of SQL that reasons name, and no secret."""
    charts = [day_chart(one) for one in costs]
    return rendered("cost.html.jinja", name=name, costs=list(zip(costs, charts, strict=True)), advised=advised, at=at,
                    seconds=Unit.SECONDS)  # fmt: skip


def day_chart(cost: EntityCost) -> DayChart:
    """Lays the newest days of one implementation out."""
    days = cost.days[-MOST_DAYS:]
    first, last = days[0].day, days[-1].day
    span = max((last - first).days, 1)
    highest = max(max(one.seconds, one.band.high if one.band else 0.0) for one in days) or 1.0

    def x(day: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / span

    def y(seconds: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - seconds / highest)

    dots = tuple(Dot(x(one.day), y(one.seconds), _says(one), one.is_changed) for one in days)
    areas = []
    for part in _parts(days):
        upper = [f"{x(one.day):.1f},{y(one.band.high):.1f}" for one in part if one.band]
        lower = [f"{x(one.day):.1f},{y(one.band.low):.1f}" for one in reversed(part) if one.band]
        areas.append(" ".join([*upper, *lower]))
    return DayChart(f"{cost.entity}@{cost.implementation}", dots, tuple(areas), highest, first, last)


def _says(one: DayCost) -> str:
    usual = f", usual {one.band.low:.2f} to {one.band.high:.2f} s" if one.band else ""
    changed = ", its files had changed" if one.is_changed else ""
    return f"{one.day}: {one.seconds:.2f} s, {one.runs} runs{usual}{changed}"


def _parts(days: Sequence[DayCost]) -> list[list[DayCost]]:
    """The stretches of days of which it is known what was usual."""
    parts: list[list[DayCost]] = [[]]
    for one in days:
        if one.band is not None:
            parts[-1].append(one)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if len(part) > 1]
