"""What an entity costs beside the days before it, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from lockgate.core.cost import Band, Spent, Trend, Unit
from lockgate.operate import costs_of

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)


def run(day, seconds, hour=0, **more):
    return Spent("users", "dbt", MONDAY + timedelta(days=day, hours=hour), seconds, **more)


def cost(runs, days=21):
    (found,) = costs_of(runs, days=days)
    return found


def seconds(runs, days=21):
    return cost(runs, days).measure(Unit.SECONDS)


def test_the_median_and_the_median_deviation_make_the_band():
    before = [run(day, taken) for day, taken in enumerate([10.0, 12.0, 11.0, 14.0, 13.0])]

    found = seconds([*before, run(5, 18.0)])

    # Median 12; deviations 2, 0, 1, 2, 1 have the median 1; 3 × 1.4826 × 1 = 4.4478.
    assert found.band.median == 12.0
    assert (found.band.low, found.band.high) == (pytest.approx(7.5522), pytest.approx(16.4478))
    assert (found.now, found.ratio, found.trend) == (18.0, 1.5, Trend.DEARER)


@pytest.mark.parametrize(
    ("now", "trend"), [(9.0, Trend.USUAL), (8.99, Trend.CHEAPER), (11.0, Trend.USUAL), (11.01, Trend.DEARER)]
)
def test_where_all_days_were_equal_a_tenth_is_usual(now, trend):
    assert seconds([*(run(day, 10.0) for day in range(5)), run(5, now)]).trend is trend


def test_of_short_runs_a_tenth_of_a_second_is_usual():
    found = seconds([*(run(day, 0.02) for day in range(5)), run(5, 0.12)])

    assert (found.band, found.trend) == (Band(5, 0.02, 0.0, 0.12000000000000001), Trend.USUAL)


def test_one_wild_run_moves_nothing():
    before = [run(day, taken) for day, taken in enumerate([10.0, 10.0, 900.0, 10.0, 10.0])]

    assert seconds([*before, run(5, 10.5)]).band == Band(5, 10.0, 9.0, 11.0)


def test_fewer_than_five_runs_are_not_enough():
    found = seconds([*(run(day, 10.0) for day in range(4)), run(4, 100.0)])

    assert (found.now, found.band, found.ratio, found.trend) == (100.0, None, None, Trend.UNKNOWN)


def test_the_window_ends_with_the_day_before_and_begins_so_many_days_earlier():
    runs = [run(day, 50.0) for day in range(3)] + [run(day, 10.0) for day in range(3, 10)]

    found = cost([*runs, run(10, 10.0), run(10, 30.0, hour=1)], days=7)

    assert (found.runs, found.day) == (7, date(2026, 3, 12))
    assert found.measure(Unit.SECONDS).band == Band(7, 10.0, 9.0, 11.0)
    assert found.measure(Unit.SECONDS).now == 20.0


def test_where_one_weekday_has_enough_runs_it_is_held_against_itself():
    mondays = [run(7 * week, 60.0) for week in range(6)]
    others = [run(7 * week + day, 10.0) for week in range(5) for day in range(1, 7)]

    found = cost([*mondays, *others], days=35)

    assert (found.is_by_weekday, found.runs) == (True, 5)
    assert found.measure(Unit.SECONDS).trend is Trend.USUAL
    assert cost([*mondays, *others], days=28).measure(Unit.SECONDS).trend is Trend.DEARER


def test_what_is_not_known_stays_unknown():
    found = cost([run(day, 10.0, rows=100 + day) for day in range(6)])

    assert found.measure(Unit.ROWS).band == Band(5, 102.0, 91.8, 112.2)
    assert (found.measure(Unit.BYTES).now, found.measure(Unit.BYTES).trend) == (None, Trend.UNKNOWN)


def test_a_changed_revision_marks_its_day():
    runs = [run(day, 10.0, revision=revision) for day, revision in enumerate(["a", "a", "", "b", "b", "b"])]

    found = cost(runs)

    assert found.changed_at == MONDAY + timedelta(days=3)
    assert [one.is_changed for one in found.days] == [False, False, False, True, False, False]
    assert cost(runs[:2]).changed_at is None


def test_implementations_are_apart_and_by_name():
    runs = [run(0, 1.0), Spent("users", "rules", MONDAY, 2.0), Spent("apps", "rules", MONDAY, 3.0)]

    found = costs_of(runs, days=21)

    assert [(one.entity, one.implementation) for one in found] == [
        ("apps", "rules"),
        ("users", "dbt"),
        ("users", "rules"),
    ]


def test_rows_are_more_or_fewer_and_not_dearer():
    before = [run(day, 10.0, rows=100) for day in range(5)]

    found = [cost([*before, run(5, 10.0, rows=rows)]).measure(Unit.ROWS).trend for rows in (111, 89, 105)]

    assert found == [Trend.MORE, Trend.FEWER, Trend.USUAL]
