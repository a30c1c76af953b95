"""What is asked while others are being answered is answered together."""

from __future__ import annotations

import threading

import pytest

from lockgate.core.deadline import within
from lockgate.errors import ControlPlaneUnavailable, QueueFull, StatementFailed, WaitedTooLong
from lockgate.transform import gathering as module
from lockgate.transform.gathering import Gathering, Limits

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


@pytest.fixture
def limited(waits):
    """Makes a gathering with limits, the first thread of which is at work on 0."""
    made = []

    def limited(**named) -> Gathering:
        found = Gathering("test", waits, most=3, limits=Limits(**named))
        made.append((found, found.ask(0)))
        assert waits.begun.wait(SECONDS)
        return found

    yield limited
    waits.may.set()
    for found, _ in made:
        found.close()


def test_what_finds_the_queue_full_is_refused_and_not_begun(limited, waits):
    gathering = limited(waiting=2)
    taken = [gathering.ask(2), gathering.ask(4)]

    with pytest.raises(QueueFull) as caught:
        gathering.ask(6)
    waits.may.set()

    assert caught.value.fields == {"retry_seconds": 1}
    assert [each.result(SECONDS) for each in taken] == [20, 40]
    assert waits.groups == [[0], [2, 4]]


def test_one_that_is_heavier_than_the_queue_is_taken_where_nothing_waits(limited, waits):
    gathering = limited(waiting=10)
    heavy = gathering.ask(2, weight=50)

    with pytest.raises(QueueFull):
        gathering.ask(4)
    waits.may.set()

    assert heavy.result(SECONDS) == 20


def test_what_was_given_up_makes_room(limited, waits):
    gathering = limited(waiting=2)
    for number in (2, 4):
        gathering.ask(number).cancel()
    taken = [gathering.ask(6), gathering.ask(8)]
    waits.may.set()

    assert [each.result(SECONDS) for each in taken] == [60, 80]
    assert waits.groups == [[0], [6, 8]]


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = SetClock()
    monkeypatch.setattr(module, "monotonic", found)
    return found


def test_whoever_is_refused_hears_how_long_what_waits_will_take_by_the_last_turns(waits, clock):
    def slowly(group):
        clock.now += 2.0 * len(group)
        return waits(group)

    waits.may.set()
    gathering = Gathering("test", slowly, most=3, limits=Limits(threads=1, waiting=7))
    for number in (2, 4):
        gathering.ask(number).result(SECONDS)
    waits.may.clear()
    waits.begun.clear()
    held = gathering.ask(0)
    assert waits.begun.wait(SECONDS)
    gathering.ask(6, weight=7)

    with pytest.raises(QueueFull) as caught:
        gathering.ask(8)

    assert caught.value.fields == {"retry_seconds": 14}  # a weight of 7, at two seconds for each
    waits.may.set()
    assert held.result(SECONDS) == 0
    gathering.close()


def test_what_has_waited_for_too_long_is_told_so_and_not_begun(limited, waits, clock):
    gathering = limited(seconds=5)
    late = gathering.ask(2)
    clock.now += 4
    early = gathering.ask(4)
    clock.now += 2
    waits.may.set()

    with pytest.raises(WaitedTooLong):
        late.result(SECONDS)
    assert early.result(SECONDS) == 40
    assert waits.groups == [[0], [4]]


def test_the_deadline_of_whoever_asks_counts_where_it_comes_sooner(limited, waits):
    gathering = limited(seconds=500)
    with within(0):
        late = gathering.ask(2)
    waits.may.set()

    with pytest.raises(WaitedTooLong):
        late.result(SECONDS)
    assert waits.groups == [[0]]


def test_nothing_is_too_late_where_no_time_is_set(limited, waits):
    gathering = limited()
    with within(0):
        asked = gathering.ask(2)
    waits.may.set()

    assert asked.result(SECONDS) == 20


class Meets:
    """Answers nothing before so many threads are inside; remembers the groups."""

    def __init__(self, threads: int) -> None:
        self.groups: list[list[int]] = []
        self.barrier = threading.Barrier(threads)

    def __call__(self, group):
        self.groups.append(list(group))
        self.barrier.wait(SECONDS)
        return group


def test_several_threads_answer_what_is_of_different_kinds_at_once():
    gathering = Gathering("test", Meets(2), most=1, limits=Limits(threads=2), kind=lambda number: number)

    assert [each.result(SECONDS) for each in [gathering.ask(1), gathering.ask(2)]] == [1, 2]
    gathering.close()


def test_no_more_threads_begin_than_are_allowed(waits):
    gathering = Gathering("test", waits, most=1, limits=Limits(threads=2), kind=lambda _: None)
    asked = [gathering.ask(number) for number in (0, 2, 4, 6)]
    assert waits.begun.wait(SECONDS)

    assert len(gathering._threads) <= 2
    waits.may.set()
    assert [each.result(SECONDS) for each in asked] == [0, 20, 40, 60]
    gathering.close()


def test_only_what_is_of_one_kind_is_answered_together(waits):
    gathering = Gathering("test", waits, most=3, kind=lambda number: number % 10)
    asked = [gathering.ask(0)]
    assert waits.begun.wait(SECONDS)
    asked += [gathering.ask(number) for number in (2, 4, 12, 14, 22, 32)]
    waits.may.set()

    assert [each.result(SECONDS) for each in asked] == [0, 20, 40, 120, 140, 220, 320]
    assert waits.groups == [[0], [2, 12, 22], [4, 14], [32]]
    gathering.close()


def test_what_is_of_a_kind_that_is_being_answered_waits_and_goes_together_while_others_go_on(waits):
    gathering = Gathering("test", waits, most=3, limits=Limits(threads=2), kind=lambda number: number % 10)
    asked = [gathering.ask(0)]
    assert waits.begun.wait(SECONDS)
    waits.begun.clear()
    asked += [gathering.ask(number) for number in (10, 20, 4)]
    assert waits.begun.wait(SECONDS)
    asked.append(gathering.ask(14))

    assert waits.groups == [[0], [4]]
    waits.may.set()
    assert [each.result(SECONDS) for each in asked] == [0, 100, 200, 40, 140]
    assert sorted(waits.groups) == [[0], [4], [10, 20], [14]]
    gathering.close()


def test_whoever_is_refused_hears_of_one_turn_at_a_time_where_all_is_of_one_kind(waits, clock):
    def slowly(group):
        clock.now += 3.0
        return waits(group)

    waits.may.set()
    gathering = Gathering("test", slowly, most=1, limits=Limits(threads=2, waiting=4))
    gathering.ask(2).result(SECONDS)
    waits.may.clear()
    waits.begun.clear()
    asked = [gathering.ask(0)]
    assert waits.begun.wait(SECONDS)
    asked += [gathering.ask(number, weight=2) for number in (4, 6)]

    with pytest.raises(QueueFull) as caught:
        gathering.ask(8)

    assert caught.value.fields == {"retry_seconds": 12}  # a weight of 4, at three seconds for each
    waits.may.set()
    assert [each.result(SECONDS) for each in asked] == [0, 40, 60]
    gathering.close()


def test_whatever_waits_for_its_kind_is_answered_when_it_is_closed(waits):
    gathering = Gathering("test", waits, most=1, limits=Limits(threads=3), kind=lambda number: number % 10)
    asked = [gathering.ask(0)]
    assert waits.begun.wait(SECONDS)
    asked += [gathering.ask(number) for number in (10, 20, 30)]
    closing = threading.Thread(target=gathering.close)
    closing.start()
    waits.may.set()
    closing.join(SECONDS)

    assert not closing.is_alive()
    assert [each.result(0) for each in asked] == [0, 100, 200, 300]


def test_what_has_no_kind_is_answered_alone_by_different_threads():
    meets = Meets(2)
    gathering = Gathering("test", meets, most=3, limits=Limits(threads=2), kind=lambda _: None)

    assert [each.result(SECONDS) for each in [gathering.ask(number) for number in (1, 2, 3, 4)]] == [1, 2, 3, 4]
    assert sorted(meets.groups) == [[1], [2], [3], [4]]
    gathering.close()


def test_whatever_waits_when_it_is_closed_is_answered_or_told_that_it_is_too_late(limited, waits, clock):
    gathering = limited(threads=1, seconds=5)
    late = gathering.ask(2)
    clock.now += 6
    asked = gathering.ask(4)
    closing = threading.Thread(target=gathering.close)
    closing.start()
    waits.may.set()
    closing.join(SECONDS)

    assert isinstance(late.exception(0), WaitedTooLong)
    assert asked.result(0) == 40
