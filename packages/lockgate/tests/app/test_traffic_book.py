"""Counts reach the control plane in time, once, and though it was away; no request waits for that."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from lockgate.app import traffic_book
from lockgate.app.traffic_book import FLUSH_REQUESTS, TrafficBook
from lockgate.core.gate import Pair, Traffic
from lockgate.errors import ControlPlaneUnavailable

SECONDS = 20
USERS = Pair("users", "one", "two", "1", "2")
ONE = Traffic(requests=1, records=2, wrong=1)


class Log:
    """Stands where the control plane would."""

    def __init__(self) -> None:
        self.written: list[tuple[Pair, int, Traffic]] = []
        self.rows: dict[tuple[Pair, int, str], Traffic] = {}
        self.judged: list[str] = []
        self.is_away = self.is_mute = False
        self.changed = threading.Condition()

    def write(self, pair: Pair, token: int, worker: str, seen: Traffic) -> None:
        with self.changed:
            if self.is_away:
                raise ControlPlaneUnavailable("away")
            self.written.append((pair, token, seen))
            self.rows[pair, token, worker] = seen
            if self.is_mute:
                raise ControlPlaneUnavailable("the answer was lost")

    def requests(self) -> int:
        return sum(seen.requests for seen in self.rows.values())

    def judge(self, entity: str) -> None:
        with self.changed:
            self.judged.append(entity)
            self.changed.notify_all()

    def wait_for(self, condition) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, SECONDS)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def book(log):
    return TrafficBook(log.write, log.judge)


def times(number: int) -> Traffic:
    return Traffic(requests=number, records=2 * number, wrong=number)


def test_what_was_counted_is_written_by_entity_and_token_and_judged_once(book, log):
    orders = Pair("orders", "one", "two", "1", "2")
    for pair, token in ((USERS, 3), (USERS, 3), (USERS, 4), (orders, 1)):
        book.count(pair, token, ONE)

    assert book.flush()
    assert book.flush()

    assert log.written == [(USERS, 3, times(2)), (USERS, 4, ONE), (orders, 1, ONE)]
    assert log.judged == ["users", "orders"]


def test_what_other_files_answered_is_counted_apart(book, log):
    changed = replace(USERS, candidate_revision="3")
    for pair in (USERS, changed, USERS):
        book.count(pair, 3, ONE)

    assert book.flush()

    assert log.written == [(USERS, 3, times(2)), (changed, 3, ONE)]
    assert len(log.rows) == len({worker for *_, worker in log.rows}) == 2
    assert log.judged == ["users"]


def test_totals_are_written_anew_and_count_once_though_an_answer_was_lost(book, log):
    book.count(USERS, 3, ONE)
    log.is_mute = True
    assert not book.flush()
    log.is_mute = False
    assert book.flush()
    book.count(USERS, 3, ONE)
    assert book.flush()

    assert log.written == [(USERS, 3, ONE), (USERS, 3, ONE), (USERS, 3, times(2))]
    assert list(log.rows.values()) == [times(2)]


def test_former_tokens_are_forgotten_and_what_comes_late_for_one_is_not_lost(book, log):
    for token in (3, 4, 3):
        book.count(USERS, token, ONE)
        assert book.flush()
    assert list(book._totals) == [(USERS, 4)]

    assert log.requests() == 3


def test_what_cannot_be_written_is_kept_and_written_later(book, log):
    log.is_away = True
    book.count(USERS, 3, ONE)
    assert not book.flush()
    book.count(USERS, 3, ONE)
    log.is_away = False

    assert log.judged == []
    assert book.flush()
    assert log.written == [(USERS, 3, times(2))]


def test_a_hundred_requests_are_written_before_a_long_second_is_over(book, log, monkeypatch):
    monkeypatch.setattr(traffic_book, "FLUSH_SECONDS", 10 * SECONDS)
    book.start()
    for _ in range(FLUSH_REQUESTS):
        book.count(USERS, 3, ONE)

    assert log.wait_for(lambda: log.judged)
    assert log.written == [(USERS, 3, times(FLUSH_REQUESTS))]
    book.close()


def test_few_requests_are_written_once_the_second_is_over(book, log, monkeypatch):
    monkeypatch.setattr(traffic_book, "FLUSH_SECONDS", 0.05)
    book.start()
    book.count(USERS, 3, ONE)

    assert log.wait_for(lambda: log.judged)
    assert log.written == [(USERS, 3, ONE)]
    book.close()


def test_nothing_is_lost_when_it_is_closed(book, log, monkeypatch):
    monkeypatch.setattr(traffic_book, "FLUSH_SECONDS", 10 * SECONDS)
    book.start()
    book.count(USERS, 3, ONE)
    book.close()

    assert log.written == [(USERS, 3, ONE)]


def test_it_goes_on_once_the_control_plane_is_back(book, log, monkeypatch):
    monkeypatch.setattr(traffic_book, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(traffic_book, "RETRY_SECONDS", 0.01)
    log.is_away = True
    book.start()
    for _ in range(50):
        book.count(USERS, 3, ONE)
    log.is_away = False

    assert log.wait_for(lambda: log.requests() == 50)
    book.close()
    assert log.requests() == 50
