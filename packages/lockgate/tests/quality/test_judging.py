"""A series is judged measurement by measurement: what people would call wrong is told once, and what is usual never."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from lockgate.core.anomaly import AnomalyKind
from lockgate.core.gate import Answer
from lockgate.core.measurement import Measurement, Metric, SeriesName
from lockgate.quality.judging import judge

MONDAY = datetime(2026, 1, 5, 5, tzinfo=UTC)
ROWS = SeriesName("users", "dbt", Metric.ROWS)
WEEK = (1.0, 1.1, 1.05, 1.0, 1.2, 0.4, 0.3)


def _judged(values, metric=Metric.ROWS, *, every=timedelta(days=1), without=(), holidays=frozenset()):
    name = SeriesName("users", "dbt", metric)
    there = [(turn, value) for turn, value in enumerate(values) if turn not in without]
    points = [Measurement(name, value, MONDAY + every * turn) for turn, value in there]
    return judge(name, points, holidays=holidays)


def _told(judgement):
    return [((one.at - MONDAY).days, one.kind) for one in judgement.anomalies]


def _weekly(days, *, base=10_000, noise=0.03, seed=1):
    chance = random.Random(seed)
    return [float(round(base * WEEK[day % 7] * (1 + chance.gauss(0, noise)))) for day in range(days)]


def test_before_there_is_a_month_nothing_is_judged_whatever_comes():
    found = _judged([*_weekly(27), 0.0])

    assert found.anomalies == ()
    assert found.answer is Answer.NOT_ENOUGH
    assert found.lacking == "28 ordinary measurements come before the first that is judged; there are 28"


@pytest.mark.parametrize(
    ("seconds", "is_judged"),
    [(1200, True), (600, True), (490, True), (480, False), (300, False)],
    ids=["20 min", "10 min", "8 min 10 s", "8 min", "5 min"],
)
def test_what_is_measured_as_often_as_every_eight_minutes_is_not_judged(seconds, is_judged):
    values = [1000.0 + turn % 7 for turn in range(5000)]

    found = _judged(values, every=timedelta(seconds=seconds))

    assert (found.answer is Answer.GO) is is_judged
    assert ("too often" in found.lacking) is not is_judged


def test_a_series_is_judged_by_its_newest_2500_measurements():
    values = _weekly(4000)

    found = _judged(values)

    assert [point.value for point in found.points] == values[-2500:]


def test_drift_is_seen_in_what_is_measured_hourly():
    values = [1000.0 * (1 + 0.02 * ((turn * 7919) % 101 - 50) / 50) for turn in range(2500)]
    values = [value - 0.2 * max(0, turn - 2000) for turn, value in enumerate(values)]

    assert AnomalyKind.DRIFT in {kind for _, kind in _told(_judged(values, every=timedelta(hours=1)))}


def test_a_series_may_come_to_the_end_of_the_calendar_and_to_the_smallest_numbers():
    name = SeriesName("users", "dbt", Metric.NULL_RATE)
    last = datetime(9999, 12, 31, 5, tzinfo=UTC)
    values = [5e-324 * (place % 5) for place in range(90)]
    points = [Measurement(name, value, last - timedelta(days=89 - place)) for place, value in enumerate(values)]

    assert len(judge(name, points).points) == 90


def test_weekends_are_usual_and_half_a_load_is_not():
    values = _weekly(120)
    values[100] *= 0.5

    found = _judged(values)

    assert _told(found) == [(100, AnomalyKind.VALUE)]
    assert found.answer is Answer.GO
    said = found.anomalies[0]
    assert said.low < said.expected < said.high
    assert said.said.startswith(f"{values[100]:,.0f}, outside of ")


def test_an_anomaly_that_is_the_newest_says_no():
    assert _judged([*_weekly(99), 0.0]).answer is Answer.NO_GO


def test_what_was_said_of_a_measurement_is_not_changed_by_later_ones():
    values = _weekly(150)
    values[90], values[120:] = values[90] * 2, [value * 1.6 for value in values[120:]]

    assert _judged(values).points[:130] == _judged(values[:130]).points


def test_a_new_level_is_told_once_and_then_usual():
    values = [value * (1 if day < 100 else 1.7) for day, value in enumerate(_weekly(200))]

    assert _told(_judged(values)) == [(100, AnomalyKind.VALUE)]


def test_a_level_that_comes_back_is_not_told_again():
    values = [value * (0.5 if 100 <= day < 106 else 1) for day, value in enumerate(_weekly(160))]

    assert _told(_judged(values)) == [(100, AnomalyKind.VALUE)]


def test_growth_is_usual():
    values = [value * 1.005**day for day, value in enumerate(_weekly(365))]

    assert _told(_judged(values)) == []


def test_a_slow_leak_is_told_though_no_day_is_out_of_its_band():
    values = [value * (1 - 0.008 * min(max(day - 150, 0), 40)) for day, value in enumerate(_weekly(190))]

    kinds = [kind for day, kind in _told(_judged(values)) if day >= 150]

    assert kinds[0] is AnomalyKind.DRIFT


def test_the_same_value_again_and_again_is_told_where_values_differ():
    values = _weekly(120)
    values[100:108] = [values[99]] * 8

    assert AnomalyKind.FROZEN in [kind for _, kind in _told(_judged(values))]


def test_a_day_that_is_missing_is_told_where_none_ever_was():
    assert _told(_judged(_weekly(120), without={101})) == [(102, AnomalyKind.MISSING)]


@pytest.mark.parametrize(("days", "kind"), [(1, None), (3, AnomalyKind.MISSING)])
def test_what_comes_no_more_is_told_of_the_newest(days, kind):
    points = [Measurement(ROWS, value, MONDAY + timedelta(days=day)) for day, value in enumerate(_weekly(120))]

    newest = judge(ROWS, points, now=points[-1].measured_at + timedelta(days=days)).newest

    assert (newest.at, newest.kind) == (MONDAY + timedelta(days=119), kind)
    assert newest.said == ("nothing was measured since 2026-05-04 05:00, and should have been" if kind else "")


def test_weekends_without_a_load_are_usual():
    weekends = {day for day in range(200) if day % 7 > 4}

    assert _told(_judged(_weekly(200), without=weekends)) == []
    assert _told(_judged(_weekly(200), without=weekends | {121})) == [(122, AnomalyKind.MISSING)]


def test_the_first_null_of_a_column_that_had_none_is_told():
    found = _judged([*[0.0] * 60, 0.0001, *[0.0] * 20], Metric.NULL_RATE)

    assert _told(found) == [(60, AnomalyKind.CHANGE)]
    assert found.anomalies[0].said == "0.01%, and never anything but 0% before"


def test_a_constant_that_becomes_another_one_is_told_once():
    assert _told(_judged([*[500.0] * 60, *[900.0] * 60])) == [(60, AnomalyKind.CHANGE)]


def test_zeros_among_others_are_usual_where_they_come_at_times():
    chance = random.Random(3)
    values = [value if chance.random() < 0.7 else 0.0 for value in _weekly(300)]

    assert _told(_judged(values)) == []


def test_the_last_day_of_a_month_is_learnt():
    days = [MONDAY + timedelta(days=day) for day in range(330)]
    values = [
        value * (1.8 if (at + timedelta(days=1)).day == 1 else 1) for at, value in zip(days, _weekly(330), strict=True)
    ]

    assert _told(_judged(values)) == []


def test_declared_holidays_are_learnt_apart():
    off = [40, 80, 120, 160, 200]
    values = [value * (0.2 if day in off else 1) for day, value in enumerate(_weekly(230))]
    holidays = frozenset((MONDAY + timedelta(days=day)).date() for day in off)

    assert _told(_judged(values, holidays=holidays)) == []
    assert [day for day, _ in _told(_judged(values, holidays=frozenset({date(2020, 1, 1)})))] == off


def test_hours_are_told_apart_where_it_is_measured_by_the_hour():
    chance = random.Random(5)
    values = [1000 * (0.2 if turn % 24 < 6 else 1.0) * (1 + chance.gauss(0, 0.04)) for turn in range(24 * 40)]
    values[24 * 30 + 10] *= 0.2

    found = _judged(values, every=timedelta(hours=1))

    assert _told(found) == [(30, AnomalyKind.VALUE)]


@pytest.mark.parametrize("value", [0.0, 1.0, 250.0])
def test_a_series_that_never_changes_is_in_order(value):
    found = _judged([value] * 100)

    assert (found.anomalies, found.answer) == ((), Answer.GO)


def test_no_measurements_are_not_enough():
    assert judge(SeriesName("users", "dbt", Metric.ROWS), []).answer is Answer.NOT_ENOUGH
