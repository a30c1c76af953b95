"""What a series of measurements tells: each of them beside its band, and what is wrong with the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from lockgate.core.anomaly import AnomalyKind, Judged, SeriesJudgement
from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.quality.calendars import cadence_of
from lockgate.quality.scales import scale_of
from lockgate.quality.watch import Settings, Watch

# The newest measurements of a series that it is judged by: all that is kept of days, and fifteen weeks of hours. They
# hold two weeks of one every 8.2 minutes, to learn from, and eleven weeks of one every 45 minutes, to see drift in.
HISTORY = 2500
_FOR_CADENCE = 22


def judge(
    series: SeriesName,
    measurements: Sequence[Measurement],
    *,
    holidays: frozenset[date] = frozenset(),
    settings: Settings | None = None,
    now: datetime | None = None,
) -> SeriesJudgement:
    """Judges each of the newest `HISTORY` measurements, which are in the order of time, by those before it.

    Where by `now` another one should have come, the newest is told as the last one before what is missing.
    """
    measurements = measurements[-HISTORY:]
    cadence = cadence_of([one.measured_at for one in measurements[:_FOR_CADENCE]])
    scale = scale_of(series.metric, [one.value for one in measurements[: cadence.learning]])
    watch = Watch(cadence, scale, holidays=holidays, settings=settings)
    points = tuple(watch.judge(one.measured_at, one.value) for one in measurements)
    lacking = ""
    if watch.needed >= HISTORY:
        lacking = f"it is measured too often to be judged: {watch.needed} come before the first, of {HISTORY} looked at"
    elif points and points[-1].expected is None and points[-1].kind is None:
        lacking = f"{watch.needed} ordinary measurements come before the first that is judged; there are {len(points)}"
    told = tuple(replace(one, said=said(series.metric, one)) if one.kind else one for one in points)
    if told and told[-1].kind is None and now is not None and watch.is_overdue(now):
        since = f"nothing was measured since {told[-1].at:%Y-%m-%d %H:%M}, and should have been"
        told = (*told[:-1], replace(told[-1], kind=AnomalyKind.MISSING, is_new=True, said=since))
    return SeriesJudgement(series, told, lacking)


def said(metric: str, point: Judged) -> str:
    """What is wrong with a measurement, in a sentence; '' where nothing is."""
    value = written(metric, point.value)
    if point.kind is AnomalyKind.MISSING:
        return f"nothing was measured when it should have been, before {value}"
    if point.kind is AnomalyKind.FROZEN:
        return f"{value}, the same again too often"
    if point.kind is AnomalyKind.CHANGE and point.expected is not None:
        return f"{value}, and never anything but {written(metric, point.expected)} before"
    if point.kind is AnomalyKind.DRIFT:
        return f"{value}, at the end of weeks that moved away from those before them"
    if point.kind is None or point.low is None or point.high is None:
        return ""
    return f"{value}, outside of {written(metric, point.low)} to {written(metric, point.high)}"


def written(metric: str, value: float) -> str:
    """A value with the unit of its metric."""
    if metric == Metric.NULL_RATE:
        return f"{value * 100:.4g}%"
    if metric == Metric.SECONDS:
        return f"{value:.3g} s"
    if metric in set(Metric):
        return f"{value:,.0f}"
    return f"{value:,.6g}"
