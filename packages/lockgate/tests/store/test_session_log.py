"""Sessions begin with their person's leave, are touched now and then, and are gone once they ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockgate.core.access import Role
from lockgate.govern.sessions import IDLE, TOUCHED_EVERY, new_session

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def begin(store):
    """Begins a session of somebody at an instant."""
    for name in ("ada", "bob"):
        store.people.add(name, "kept", frozenset({Role.ADMIN}), NOON)

    def begin(person="ada", at=NOON):
        begun = new_session(person, "192.0.2.7", at)
        assert store.people.admit(begun, f"digest of {begun.session_id}", "kept", "")
        return begun

    return begin


def touch(store, now, *session_ids):
    store.sessions.touch(session_ids, now, seen_until=now - TOUCHED_EVERY, idle_since=now - IDLE)


def test_sessions_are_listed_the_newest_first_of_one_or_of_all(store, begin):
    first, second, other = begin(), begin(at=NOON + MINUTE), begin("bob", NOON + 2 * MINUTE)

    assert store.sessions.sessions() == (other, second, first)
    assert store.sessions.sessions("ada") == (second, first)
    assert store.sessions.sessions("eve") == ()


def test_a_session_ends_once_and_everywhere(opened, begin):
    ours, other, begun = opened(), opened(), begin()
    epoch = ours.access.epoch()

    assert other.sessions.end(begun.session_id)
    assert not ours.sessions.end(begun.session_id)

    assert (ours.sessions.sessions(), ours.access.epoch()) == ((), epoch + 1)
    assert not opened(project="sales").sessions.end(begun.session_id)


def test_a_session_is_touched_at_most_once_a_minute(store, begin):
    begun = begin()

    touch(store, NOON + MINUTE - timedelta(seconds=1), begun.session_id)
    assert store.sessions.sessions() == (begun,)

    touch(store, NOON + MINUTE, begun.session_id, "unknown")
    assert store.sessions.sessions() == (replace(begun, seen_at=NOON + MINUTE),)


def test_one_that_is_over_does_not_come_back(store, begin):
    idle, old = begin(), begin("bob")
    for times in range(1, 15):
        touch(store, NOON + times * 50 * MINUTE, old.session_id)

    touch(store, NOON + HOUR, idle.session_id)
    touch(store, NOON + 12 * HOUR, old.session_id)

    seen = {one.session_id: one.seen_at for one in store.sessions.sessions()}
    assert seen == {idle.session_id: NOON, old.session_id: NOON + 700 * MINUTE}


def test_what_is_over_is_forgotten_and_the_rest_is_not(store, begin):
    begin()
    fresh = begin("bob", NOON + MINUTE)
    now = NOON + HOUR

    assert store.sessions.prune(now, idle_since=now - IDLE) == 1
    assert store.sessions.sessions() == (fresh,)


def test_a_session_belongs_to_its_project(opened, begin):
    begun, other = begin(), opened(project="sales")

    touch(other, NOON + 2 * MINUTE, begun.session_id)
    other.sessions.prune(NOON + 24 * HOUR, idle_since=NOON + 24 * HOUR)

    assert opened().sessions.sessions() == (begun,)
    assert other.sessions.sessions() == ()
