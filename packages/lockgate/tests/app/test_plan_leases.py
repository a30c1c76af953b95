"""While a plan is applied, every process sees that it is."""

from __future__ import annotations

import pytest

from lockgate.app.plan_leases import hold_plan, is_held, shown_as_applied
from lockgate.store import open_store


@pytest.fixture
def slots(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'control.db'}", project="p", target="t")
    yield store.workers
    store.close()


def test_a_plan_is_held_by_one_at_a_time(slots):
    lease = hold_plan(slots, "users-1")

    assert (is_held(slots, "users-1"), hold_plan(slots, "users-1"), is_held(slots, "users-2")) == (True, None, False)
    lease.release()
    assert is_held(slots, "users-1") is False


def test_others_see_a_plan_applied_until_it_is_over(slots):
    with shown_as_applied(slots, "users-1"):
        assert is_held(slots, "users-1") is True

    assert is_held(slots, "users-1") is False


def test_whoever_goes_on_with_what_somebody_was_killed_at_is_not_held_up(slots):
    left = hold_plan(slots, "users-1")

    with shown_as_applied(slots, "users-1"):
        assert is_held(slots, "users-1") is True

    assert is_held(slots, "users-1") is True  # still the other one's
    left.release()
