"""Wrong passwords lock for longer and longer, up to a quarter of an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.govern.lockout import LOCKS, lock_after, source_of


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (10, 15), (10**9, 15)]
)
def test_five_lock_for_a_minute_and_each_further_one_for_twice_as_long(failures, minutes):
    assert lock_after(failures) == timedelta(minutes=minutes)


def test_the_table_says_so_up_to_the_longest():
    assert {failures: lasting.total_seconds() / 60 for failures, lasting in LOCKS.items()} == {
        5: 1, 6: 2, 7: 4, 8: 8, 9: 15,
    }  # fmt: skip


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
