"""Schedules fire as cron(8) of Debian says where clocks change, on the days of their calendar, each time once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.flow import Calendar, Interval, Schedule
from lockgate.flow.ticks import interval_of, newest_tick, next_tick, ticks

NEW_YORK = ZoneInfo("America/New_York")


def told(schedule: Schedule, after: datetime, until: datetime) -> list[str]:
    return [tick.isoformat() for tick in ticks(schedule, after, until)]


def test_a_daily_time_is_kept_in_its_zone():
    schedule = Schedule("0 5 * * *", "America/New_York")

    assert told(schedule, datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)) == [
        "2026-03-07T05:00:00-05:00",
        "2026-03-08T05:00:00-04:00",
    ]


def test_a_time_that_comes_twice_fires_once():
    schedule = Schedule("30 1 * * *", "America/New_York")

    assert told(schedule, datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)) == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
    ]


def test_a_time_that_is_left_out_fires_once_the_clock_has_been_put_forward():
    schedule = Schedule("30 2 * * *", "America/New_York")

    assert told(schedule, datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)) == [
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:30:00-04:00",
    ]


def test_what_is_due_every_hour_is_due_in_each_of_the_two():
    schedule = Schedule("0 * * * *", "America/New_York")

    assert told(schedule, datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)) == [
        "2026-11-01T01:00:00-04:00",
        "2026-11-01T01:00:00-05:00",
        "2026-11-01T02:00:00-05:00",
    ]


def test_a_leap_day_is_every_four_years():
    schedule = Schedule("0 5 29 2 *")

    assert told(schedule, datetime(2026, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC)) == [
        "2028-02-29T05:00:00+00:00",
        "2032-02-29T05:00:00+00:00",
    ]
    assert next_tick(schedule, datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, 5, tzinfo=UTC)  # 2100 is none


def test_only_the_days_of_the_calendar_count():
    working = Calendar("working", frozenset(range(5)), frozenset({date(2026, 12, 25)}))
    schedule = Schedule("0 6 * * *", calendar=working)

    assert told(schedule, datetime(2026, 12, 23, 12, tzinfo=UTC), datetime(2026, 12, 29, tzinfo=UTC)) == [
        "2026-12-24T06:00:00+00:00",
        "2026-12-28T06:00:00+00:00",
    ]


def test_nothing_is_due_before_the_first_day():
    schedule = Schedule("0 0 * * *", "America/New_York", start=date(2026, 5, 2))

    assert told(schedule, datetime.min.replace(tzinfo=UTC), datetime(2026, 5, 3, 12, tzinfo=UTC)) == [
        "2026-05-02T00:00:00-04:00",
        "2026-05-03T00:00:00-04:00",
    ]


def test_a_calendar_without_such_a_day_is_never_due():
    schedule = Schedule("0 6 * * sun", calendar=Calendar("working", frozenset(range(5))))

    assert next_tick(schedule, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_run_is_about_the_time_since_the_tick_before():
    schedule = Schedule("30 1 * * *", "America/New_York")
    tick = datetime(2026, 11, 2, 1, 30, tzinfo=NEW_YORK)

    assert interval_of(schedule, tick) == Interval(datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK), tick)


CRONS = st.sampled_from(["30 1 * * *", "30 2 * * *", "*/15 * * * *", "0 */6 * * *", "5 0 1 * *", "0 12 * * mon"])
ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(cron=CRONS, zone=ZONES, minutes=st.integers(0, 366 * 24 * 60), days=st.integers(0, 40))
@settings(deadline=None)
def test_the_newest_tick_is_the_last_of_them(cron, zone, minutes, days):
    schedule, begin = Schedule(cron, zone), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    end = begin + timedelta(days=days, minutes=17)

    assert newest_tick(schedule, begin, end) == next(iter(reversed(list(ticks(schedule, begin, end)))), None)


def test_the_newest_tick_is_found_from_the_beginning_of_time():
    schedule = Schedule("0 5 29 2 *", start=date(2020, 1, 1))

    newest = newest_tick(schedule, datetime.min.replace(tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))

    assert newest == datetime(2024, 2, 29, 5, tzinfo=UTC)


@given(cron=CRONS, zone=ZONES, minutes=st.integers(0, 366 * 24 * 60), parts=st.integers(1, 6))
@settings(deadline=None)
def test_ticks_are_the_same_however_often_one_looks(cron, zone, minutes, parts):
    schedule, begin = Schedule(cron, zone), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    end = begin + timedelta(days=9)

    whole = list(ticks(schedule, begin, end))
    cuts = [begin + (end - begin) * part / parts for part in range(parts + 1)]
    looked = [tick for one, other in pairwise(cuts) for tick in ticks(schedule, one, other)]

    assert looked == whole
    assert whole == sorted(set(whole))
