"""Several threads answer requests about records: at once, alone where they must be, and no more than may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from lockgate.app.record_desk import SMALL, RecordDesk, RecordLimits
from lockgate.app.record_programs import Lent
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.deadline import within
from lockgate.core.relation import Relation
from lockgate.errors import QueueFull, StatementFailed, WaitedTooLong

PROJECT = """
project: shop
entities:
  orders:
    key: [id]
    contract: {id: bigint}
    implementations: {rules: {rules: rules.yml}}
    route: {incumbent: rules}
  parcels:
    key: [id]
    contract: {id: bigint}
    implementations: {rules: {rules: rules.yml}}
    route: {incumbent: rules}
"""
SECONDS = 60


class Meeting:
    """Stands where rules would: gives each record back once `threads` are inside, or once it `may`."""

    is_alone = True

    def __init__(self, *, is_apart: bool, threads: int = 1) -> None:
        self.is_apart = is_apart
        self.barrier = threading.Barrier(threads)
        self.groups: list[list[list[int]]] = []
        self.begun, self.may = threading.Semaphore(0), threading.Event()
        self.may.set()

    def outcomes(self, requests: Sequence[Sequence[dict]]) -> list[pa.Table]:
        ids = [[record["id"] for record in request] for request in requests]
        self.groups.append(ids)
        self.begun.release()
        self.barrier.wait(SECONDS)
        assert self.may.wait(SECONDS)
        if [666] in ids:
            raise StatementFailed("drawn")
        return [pa.table({"id": each, "_outcome": ["ok"] * len(each), "_reason": [""] * len(each)}) for each in ids]

    @contextmanager
    def lend(self, entity, implementation) -> Iterator[Lent]:
        yield Lent(self, "rows", "files", Relation("raw", "orders"))

    def refusal(self, entity, implementation) -> None:
        """It answers."""

    def wait(self, entity, implementation) -> None:
        """It is there."""

    def revision(self, implementation) -> str:
        return "files"

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "rules.yml").write_text("entity: orders\nfrom: raw.orders\noutput: [id]\n", encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    yield opened
    opened.close()


@pytest.fixture
def desk(wiring):
    """Makes a desk over programs, with limits."""
    made = []

    def desk(programs: Meeting, **limits) -> RecordDesk:
        found = RecordDesk(wiring, programs=programs, limits=RecordLimits(**limits))
        made.append((found, programs))
        return found

    yield desk
    for found, programs in made:
        programs.may.set()
        found.close()


def asked(desk: RecordDesk, wiring: Wiring, *ids: int, entity: str = "orders"):
    return desk.ask(wiring.project.entities[entity], [{"id": each} for each in ids])


def outputs(future) -> list[int]:
    return [each["output"]["id"] for each in future.result(SECONDS).outcomes]


def test_there_are_at_least_two_threads():
    assert RecordLimits().threads >= 2


def test_turns_of_two_entities_are_worked_on_at_once(desk, wiring):
    programs = Meeting(is_apart=True, threads=2)
    opened = desk(programs, threads=2)

    futures = [asked(opened, wiring, 1), asked(opened, wiring, 2, entity="parcels")]

    assert [outputs(each) for each in futures] == [[1], [2]]


def test_what_comes_during_a_turn_of_its_entity_goes_together_in_the_next(desk, wiring):
    programs = Meeting(is_apart=True)
    opened = desk(programs, threads=2)
    programs.may.clear()

    futures = [asked(opened, wiring, 1)]
    assert programs.begun.acquire(timeout=SECONDS)
    futures += [asked(opened, wiring, number) for number in (2, 3)]
    programs.may.set()

    assert [outputs(each) for each in futures] == [[1], [2], [3]]
    assert programs.groups == [[[1]], [[2], [3]]]


def test_large_requests_are_worked_on_at_once_too(desk, wiring):
    programs = Meeting(is_apart=True, threads=2)
    opened = desk(programs, threads=2)
    many = range(SMALL + 1)

    futures = [asked(opened, wiring, *many) for _ in range(2)]

    assert [outputs(each) for each in futures] == [list(many)] * 2


def test_requests_whose_records_meet_share_no_query_and_are_worked_on_at_once(desk, wiring):
    programs = Meeting(is_apart=False)
    opened = desk(programs, threads=2)
    assert outputs(asked(opened, wiring, 0)) == [0]  # from now on it is known that they do

    programs.barrier = threading.Barrier(2)
    futures = [asked(opened, wiring, number) for number in (1, 2, 3, 4)]

    assert [outputs(each) for each in futures] == [[1], [2], [3], [4]]
    assert sorted(programs.groups) == [[[0]], [[1]], [[2]], [[3]], [[4]]]


def test_a_request_that_fails_fails_no_other_of_its_turn(desk, wiring):
    programs = Meeting(is_apart=True)
    programs.may.clear()
    opened = desk(programs, threads=1)
    first = asked(opened, wiring, 0)
    assert programs.begun.acquire(timeout=SECONDS)
    futures = [asked(opened, wiring, number) for number in (1, 666, 2)]
    programs.may.set()

    assert outputs(first) == [0]
    assert [outputs(futures[0]), outputs(futures[2])] == [[1], [2]]
    assert isinstance(futures[1].exception(SECONDS), StatementFailed)
    assert programs.groups[1] == [[1], [666], [2]]


def test_small_and_large_requests_that_find_the_queue_full_are_refused_and_not_begun(desk, wiring):
    programs = Meeting(is_apart=True)
    programs.may.clear()
    opened = desk(programs, threads=1, few_waiting=1, many_waiting=250)
    large = range(1_000, 1_101)
    under_way = [asked(opened, wiring, 0), asked(opened, wiring, *large)]
    for _ in under_way:
        assert programs.begun.acquire(timeout=SECONDS)
    taken = [asked(opened, wiring, 1), asked(opened, wiring, *large), asked(opened, wiring, *large)]

    with pytest.raises(QueueFull):
        asked(opened, wiring, 2)
    with pytest.raises(QueueFull):
        asked(opened, wiring, *large)
    programs.may.set()

    assert [outputs(each) for each in (*under_way, *taken)] == [[0], [*large], [1], [*large], [*large]]
    assert sorted(programs.groups) == [[[0]], [[1]], [[*large]], [[*large]], [[*large]]]


def test_what_waited_for_longer_than_it_may_or_was_given_up_is_not_begun(desk, wiring):
    programs = Meeting(is_apart=True)
    programs.may.clear()
    opened = desk(programs, threads=1)
    first = asked(opened, wiring, 0)
    assert programs.begun.acquire(timeout=SECONDS)
    with within(0):
        late = asked(opened, wiring, 1)
    asked(opened, wiring, 2).cancel()
    programs.may.set()

    assert isinstance(late.exception(SECONDS), WaitedTooLong)
    assert outputs(first) == [0]
    assert programs.groups == [[[0]]]


def test_what_waits_when_the_desk_is_closed_is_answered(desk, wiring):
    programs = Meeting(is_apart=True)
    programs.may.clear()
    opened = desk(programs, threads=2)
    futures = [asked(opened, wiring, number) for number in range(6)]
    closing = threading.Thread(target=opened.close)
    closing.start()
    programs.may.set()
    closing.join(SECONDS)

    assert [outputs(each) for each in futures] == [[number] for number in range(6)]
