"""The report of measurements: each series with the band that it was expected in, and its anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from lockgate.adapters.reports.page import rendered
from lockgate.core.anomaly import Judged, SeriesJudgement
from lockgate.quality.judging import written

WIDTH, HEIGHT = 640, 150
LEFT, TOP, BOTTOM = 84, 8, 22
SHOWN = 180


@dataclass(frozen=True, slots=True)
class Mark:
    """An anomaly's place in pixels, and what is said of it."""

    x: float
    y: float
    said: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """A series as SVG paths: its line, its band (one closed shape for each stretch that has one), and its anomalies."""

    title: str
    line: str
    bands: tuple[str, ...]
    marks: tuple[Mark, ...]
    labels: tuple[tuple[float, str], ...]
    first: str
    last: str
    lacking: str
    told: tuple[tuple[str, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def render_series(project: str, series: Sequence[SeriesJudgement]) -> str:
    """Every series as one HTML page; those with an anomaly come first."""
    ordered = sorted((one for one in series if one.points), key=lambda one: not _shown(one)[1])
    return rendered("series.html.jinja", project=project, charts=[series_chart(one) for one in ordered])


def _shown(judgement: SeriesJudgement) -> tuple[tuple[Judged, ...], bool]:
    """The newest measurements, and whether an anomaly is among them."""
    points = judgement.points[-SHOWN:]
    return points, any(one.kind is not None for one in points)


def series_chart(judgement: SeriesJudgement) -> SeriesChart:
    """Lays out the newest measurements of a series that has some."""
    points, _ = _shown(judgement)
    metric = judgement.series.metric
    place = _Place(points)
    line = "M" + " L".join(f"{place.x(one.at):.1f},{place.y(one.value):.1f}" for one in points)
    wrong = [one for one in points if one.kind is not None]
    marks = tuple(Mark(round(place.x(one.at), 1), round(place.y(one.value), 1), one.said, one.is_new) for one in wrong)
    return SeriesChart(
        title=str(judgement.series),
        line=line,
        bands=tuple(_band(several, place) for several in _stretches(points)),
        marks=marks,
        labels=tuple((round(place.y(value), 1), written(metric, value)) for value in (place.high, place.low)),
        first=f"{points[0].at:%Y-%m-%d}",
        last=f"{points[-1].at:%Y-%m-%d}",
        lacking=judgement.lacking,
        told=tuple((f"{one.at:%Y-%m-%d %H:%M}", one.said) for one in wrong if one.is_new),
    )


class _Place:
    """Where instants and values are, in pixels. A band that is far wider than its values is cut off."""

    def __init__(self, points: Sequence[Judged]) -> None:
        values = [one.value for one in points]
        room = max(max(values) - min(values), abs(max(values)) * 0.05, 1e-9)
        bounds = [bound for one in points for bound in (one.low, one.high) if bound is not None and isfinite(bound)]
        inside = [bound for bound in bounds if min(values) - room <= bound <= max(values) + room]
        self.low, self.high = min([*values, *inside]), max([*values, *inside])
        self._first, self._last = points[0].at, points[-1].at

    def x(self, at: datetime) -> float:
        whole = (self._last - self._first).total_seconds() or 1.0
        return LEFT + (WIDTH - LEFT - 8) * (at - self._first).total_seconds() / whole

    def y(self, value: float) -> float:
        whole = (self.high / 2 - self.low / 2) or 1.0  # halves, since the whole may be larger than any double
        share = min(max(0.0, (value / 2 - self.low / 2) / whole), 1.0)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _stretches(points: Sequence[Judged]) -> list[list[Judged]]:
    """Runs of measurements that have a band."""
    found: list[list[Judged]] = [[]]
    for one in points:
        if one.low is None or one.high is None:
            found.append([])
        else:
            found[-1].append(one)
    return [several for several in found if several]


def _band(points: Sequence[Judged], place: _Place) -> str:
    """The area between the bounds."""
    high = [f"{place.x(one.at):.1f},{place.y(one.high or 0.0):.1f}" for one in points]
    low = [f"{place.x(one.at):.1f},{place.y(one.low or 0.0):.1f}" for one in reversed(points)]
    return f"M{' L'.join([*high, *low])} Z"
