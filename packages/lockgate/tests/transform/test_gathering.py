"""What is asked while others are being answered is answered together."""

from __future__ import annotations

import threading

import pytest

from lockgate.errors import ControlPlaneUnavailable, StatementFailed
from lockgate.transform.gathering import Gathering

SECONDS = 20


class Waits:
    """Answers ten times what was asked, once it may; remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.may = threading.Event(), threading.Event()

    def __call__(self, group):
        self.groups.append(list(group))
        self.begun.set()
        assert self.may.wait(SECONDS)
        return [StatementFailed("odd") if number % 2 else number * 10 for number in group]


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def gathering(waits):
    opened = Gathering("test", waits, most=3)
    yield opened
    waits.may.set()
    opened.close()


def test_what_comes_meanwhile_is_answered_together_up_to_the_most(gathering, waits):
    futures = [gathering.ask(0)]
    assert waits.begun.wait(SECONDS)
    futures += [gathering.ask(number) for number in (2, 4, 6, 8)]
    waits.may.set()

    assert [future.result(SECONDS) for future in futures] == [0, 20, 40, 60, 80]
    assert waits.groups == [[0], [2, 4, 6], [8]]


def test_an_error_is_told_to_whoever_asked_alone(gathering, waits):
    waits.may.set()

    with pytest.raises(StatementFailed, match="odd"):
        gathering.ask(1).result(SECONDS)
    assert gathering.ask(2).result(SECONDS) == 20


def test_an_unforeseen_error_is_told_to_all_and_ends_nothing():
    def broken(group):
        raise ZeroDivisionError

    gathering = Gathering("test", broken, most=2)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            gathering.ask(1).result(SECONDS)
    gathering.close()


def test_what_nobody_waits_for_any_more_is_not_asked(gathering, waits):
    first = gathering.ask(0)
    assert waits.begun.wait(SECONDS)
    gathering.ask(2).cancel()
    last = gathering.ask(4)
    waits.may.set()

    assert [first.result(SECONDS), last.result(SECONDS)] == [0, 40]
    assert waits.groups == [[0], [4]]


def test_once_closed_it_takes_nothing_more(waits):
    gathering = Gathering("test", waits, most=3)
    waits.may.set()
    asked = gathering.ask(2)
    gathering.close()

    assert asked.result(0) == 20
    with pytest.raises(ControlPlaneUnavailable):
        gathering.ask(4)
