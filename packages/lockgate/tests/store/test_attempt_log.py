"""Attempts of one source are let through so many times, however many ask at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=5)


def begin(store, source="192.0.2.7", at=NOON, most=3):
    return store.attempts.begin(source, at, since=at - WINDOW, most=most)


def test_so_many_are_let_through_and_no_more(store):
    numbers = [begin(store) for _ in range(5)]

    assert numbers == [1, 2, 3, None, None]
    assert begin(store, "192.0.2.8") is not None


def test_they_are_forgotten_after_the_window(store):
    for _ in range(3):
        begin(store)

    assert begin(store, at=NOON + WINDOW - timedelta(seconds=1)) is None
    assert begin(store, at=NOON + WINDOW) is not None


def test_what_succeeded_does_not_count(store):
    for _ in range(10):
        number = begin(store)
        assert number is not None
        store.attempts.succeeded(number)


def test_projects_count_for_themselves(opened):
    for _ in range(3):
        begin(opened())

    assert begin(opened()) is None
    assert begin(opened(project="sales")) is not None


def test_however_many_ask_at_once_so_many_are_let_through(opened):
    stores, found, barrier = [opened() for _ in range(4)], [], threading.Barrier(4)

    def ask(store):
        barrier.wait(60)
        found.extend(begin(store, most=7) for _ in range(5))

    threads = [threading.Thread(target=ask, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([number for number in found if number is not None]) == 7
    assert len(found) == 20
