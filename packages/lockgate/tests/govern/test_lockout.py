"""Wrong passwords lock for longer and longer, up to an hour, in the place where they were given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.govern.lockout import ACCOUNT_FAILURES, LAPSE, account_locked_until, lock_after, locked_until, source_of

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (10**9, 60)],
)
def test_five_lock_for_a_minute_and_each_further_one_for_twice_as_long(failures, minutes):
    assert lock_after(failures) == timedelta(minutes=minutes)
    assert locked_until(failures, NOON) == (NOON + timedelta(minutes=minutes) if minutes else None)


def test_from_one_place_nobody_fails_as_often_as_locks_everywhere():
    now, failures = NOON, 0
    while now < NOON + LAPSE:
        failures += 1
        now += lock_after(failures)

    assert failures < ACCOUNT_FAILURES / 2


def test_a_hundred_lock_everywhere():
    assert account_locked_until(99, NOON) is None
    assert account_locked_until(100, NOON) == NOON + timedelta(minutes=15)


@given(st.integers(0, 1000))
def test_more_failures_never_lock_for_less(failures):
    assert lock_after(failures) <= lock_after(failures + 1)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_whoever_has_one_address_of_a_network_has_them_all(address, source):
    assert source_of(address) == source
