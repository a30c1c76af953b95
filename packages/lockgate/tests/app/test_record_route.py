"""Records go by the route that is in force when they are answered: to one side, to both, or back."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.application import App
from lockgate.app.pairs import pair_of
from lockgate.app.record_desk import RecordDesk, RecordsAnswer
from lockgate.app.shadowing import Compared
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.bucket import bucket_of
from lockgate.core.gate import Pair, Traffic
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Stage
from lockgate.core.run import Bounds
from lockgate.errors import StatementFailed, WarehouseUnavailable
from lockgate.flow import Unwatched
from lockgate.transform.cycle import ensure_route, move_pins

SECONDS = 60
PROJECT = """
project: shop
sources:
  files:
    kind: csv
    streams:
      orders: {path: orders.csv, columns: {id: bigint, item: text}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, item: text}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}}
    route: {incumbent: old, candidate: new}
"""
OLD = """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
output: [id, item]
"""
# Wrong for item `b`.
NEW = OLD.replace("output:", "  - derive: {item: case when item = 'b' then 'x' else item end}\noutput:").replace(
    "no id", "nameless"
)
HALF = 5_000
# MD5 over '1:1' to '1:5' and over '1:8', first 32 bits, modulo 10,000: 9533, 2595, 9604, 7068, 9131 and 3449.
BELOW, ABOVE = (2, 8), (1, 3)


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    files = {"lockgate.yml": PROJECT, "old.yml": OLD, "new.yml": NEW, "orders.csv": "id,item\n1,y\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    opened = open_wiring(tmp_path, None)
    App(opened).load((), Bounds(), Unwatched())
    move_pins(opened.warehouse, opened.project.relations())
    yield opened
    opened.close()


class Seeing:
    """A desk, and what it has told."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.traffic: list[tuple[Pair, int, Traffic]] = []
        self.compared: list[Compared] = []
        self.desk = RecordDesk(wiring, seen=lambda *seen: self.traffic.append(seen))
        self.desk.listen(self.compared.append)

    def ask(self, *records: dict) -> RecordsAnswer:
        return self.desk.ask(self.wiring.project.entities["orders"], records).result(SECONDS)

    def move(self, stage: Stage, share: int = 0) -> int:
        """Moves the route, as any process may: its token."""
        route = ensure_route(self.wiring.project.entities["orders"], self.wiring.warehouse)
        return self.wiring.warehouse.set_route(replace(route, stage=stage, share=share)).token

    def pair(self) -> Pair:
        """Both sides as their files are now."""
        return pair_of(self.wiring, self.wiring.project.entities["orders"], "old", "new")

    def told(self) -> list[Compared]:
        """What was told, once nothing waits any more."""
        self.desk.shadow.close()
        return self.compared


@pytest.fixture
def seeing(wiring) -> Iterator[Seeing]:
    opened = Seeing(wiring)
    yield opened
    opened.desk.close()


def engines(answer: RecordsAnswer) -> list[object]:
    return [each["engine"] for each in answer.outcomes]


@pytest.fixture
def failing(monkeypatch) -> dict[str, Exception]:
    """Errors by a word of the query that meets them: `nameless` stands in the candidate's, `no id` in the other's."""
    errors: dict[str, Exception] = {}
    query = DuckDBMemory.query

    def may_fail(self, sql, tables):
        for word, error in errors.items():
            if word in sql:
                raise error
        return query(self, sql, tables)

    monkeypatch.setattr(DuckDBMemory, "query", may_fail)
    return errors


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.RETIRED])
def test_out_of_a_cutover_the_incumbent_answers_and_nothing_is_compared(seeing, stage):
    seeing.move(stage)

    answer = seeing.ask({"id": 1, "item": "b"})

    assert (answer.engine, answer.engines, answer.scope) == ("old", {"old": 1}, "row")
    assert answer.outcomes[0]["output"] == {"id": 1, "item": "b"}
    assert (seeing.told(), seeing.traffic) == ([], [])


def test_the_shadow_changes_no_answer_and_is_compared_after_it(seeing):
    token = seeing.move(Stage.SHADOW)

    answer = seeing.ask({"id": 1, "item": "a"}, {"id": 2, "item": "b"}, {"item": "c"})

    assert engines(answer) == ["old", "old", "old"]
    assert [each["reason"] for each in answer.outcomes] == [None, None, "no id"]
    assert seeing.told() == [Compared("orders", equal=2, wrong=1)]
    ((pair, under, seen),) = seeing.traffic
    assert (pair, under) == (seeing.pair(), token)
    assert (seen.requests, seen.records, seen.wrong, seen.unbucketed, seen.slower_count) == (1, 3, 1, 1, 1)


def test_traffic_is_told_of_the_files_that_answered(seeing):
    seeing.move(Stage.SHADOW)
    seeing.desk.shadow.compare_later = seeing.desk.shadow.compare_now
    before = seeing.pair()
    seeing.ask({"id": 1, "item": "b"})
    (seeing.wiring.project.folder / "new.yml").write_text(OLD, encoding="utf-8")
    seeing.ask({"id": 1, "item": "b"})
    (seeing.wiring.project.folder / "new.yml").write_text("rules: [", encoding="utf-8")
    seeing.ask({"id": 1, "item": "b"})

    found = {pair.candidate_revision: seen for pair, _, seen in seeing.traffic}
    assert [(seen.wrong, seen.errors) for seen in found.values()] == [(1, 0), (0, 0), (0, 1)]
    assert next(iter(found)) == before.candidate_revision != seeing.pair().candidate_revision
    assert [*found][2] == seeing.pair().candidate_revision


def test_a_shadow_that_fails_is_counted_and_felt_by_nobody(seeing, failing):
    seeing.move(Stage.SHADOW)
    failing["nameless"] = StatementFailed("no")

    assert seeing.ask({"id": 1, "item": "a"}).engine == "old"

    assert seeing.told() == [Compared("orders", errors=1)]
    assert [(seen.requests, seen.errors) for _, _, seen in seeing.traffic] == [(1, 1)]


def test_in_the_shadow_nothing_answers_in_the_incumbents_place(seeing, failing):
    seeing.move(Stage.SHADOW)
    failing["no id"] = StatementFailed("no")

    with pytest.raises(StatementFailed):
        seeing.ask({"id": 1, "item": "a"})

    assert seeing.told() == [Compared("orders")]
    assert [(seen.requests, seen.errors, seen.shared_errors) for _, _, seen in seeing.traffic] == [(1, 0, 0)]


def test_a_database_that_does_not_answer_says_nothing_of_the_candidate(seeing, failing):
    seeing.move(Stage.SHADOW)
    failing["nameless"] = WarehouseUnavailable("no")

    seeing.ask({"id": 1, "item": "a"}, {"id": 2, "item": "a"})

    assert seeing.told() == [Compared("orders", dropped=2)]
    assert seeing.traffic == []


def test_what_finds_no_room_is_dropped_and_counted(seeing, failing, monkeypatch):
    monkeypatch.setattr("lockgate.app.shadowing.MOST_WAITING", 3)
    begun, may = threading.Event(), threading.Event()
    compare = seeing.desk.shadow.compare_now

    def held(later):
        begun.set()
        assert may.wait(SECONDS)
        return compare(later)

    monkeypatch.setattr(seeing.desk.shadow, "compare_now", held)
    seeing.move(Stage.SHADOW)

    seeing.ask({"id": 1, "item": "a"}, {"id": 2, "item": "a"})
    assert begun.wait(SECONDS)
    assert engines(seeing.ask({"id": 3, "item": "a"}, {"id": 4, "item": "a"})) == ["old", "old"]
    assert seeing.compared == [Compared("orders", dropped=2)]
    may.set()

    assert seeing.told() == [Compared("orders", dropped=2), Compared("orders", equal=2)]


def test_a_share_of_the_keys_goes_to_the_candidate_and_stays_there(seeing):
    seeing.move(Stage.CANARY, HALF)
    records = [{"id": number, "item": "a"} for number in range(40)]

    first = seeing.ask(*records)

    assert engines(first) == ["new" if bucket_of([number]) < HALF else "old" for number in range(40)]
    assert (first.engine, first.scope) == ("mixed", "row")
    assert first.engines == {"new": engines(first).count("new"), "old": engines(first).count("old")}
    assert [engines(seeing.ask(record)) for record in records] == [[engine] for engine in engines(first)]


def test_in_canary_the_candidates_answer_is_given_where_it_answers(seeing):
    seeing.move(Stage.CANARY, HALF)

    answer = seeing.ask(*({"id": number, "item": "b"} for number in (*BELOW, *ABOVE)), {"item": "b"})

    assert [each["output"] and each["output"]["item"] for each in answer.outcomes] == ["x", "x", "b", "b", None]
    assert engines(answer) == ["new", "new", "old", "old", "old"]
    assert answer.outcomes[4]["reason"] == "no id"
    assert [(seen.records, seen.wrong, seen.unbucketed) for _, _, seen in seeing.traffic] == [(5, 4, 1)]


def test_in_canary_the_candidate_is_run_after_the_answer_where_it_gives_none(seeing, monkeypatch):
    now: list[int] = []
    compare = seeing.desk.shadow.compare_now
    monkeypatch.setattr(seeing.desk.shadow, "compare_later", lambda later: now.append(0))
    monkeypatch.setattr(seeing.desk.shadow, "compare_now", lambda later: (now.append(1), compare(later))[1])
    seeing.move(Stage.CANARY, HALF)

    for number in (*ABOVE, *BELOW):
        seeing.ask({"id": number, "item": "a"})

    assert now == [0, 0, 1, 1]


def test_a_candidate_that_fails_in_canary_is_counted_and_told(seeing, failing):
    seeing.move(Stage.CANARY, HALF)
    failing["nameless"] = StatementFailed("no")

    answer = seeing.ask({"id": BELOW[0], "item": "b"})

    assert engines(answer) == ["old"]
    assert (answer.instead_of, answer.fallen_back.code) == ("new", "LG401")
    assert [(seen.requests, seen.errors) for _, _, seen in seeing.traffic] == [(1, 1)]


def test_an_incumbent_that_fails_in_canary_is_answered_for_and_costs_the_candidate_nothing(seeing, failing):
    seeing.move(Stage.CANARY, HALF)
    failing["no id"] = StatementFailed("no")

    answer = seeing.ask({"id": ABOVE[0], "item": "a"})

    assert (engines(answer), answer.instead_of) == (["new"], "old")
    assert [(seen.errors, seen.shared_errors) for _, _, seen in seeing.traffic] == [(0, 0)]


def test_where_both_fail_the_callers_get_the_error_of_who_was_to_answer(seeing, failing):
    seeing.move(Stage.PROMOTED, 10_000)
    failing["no id"], failing["nameless"] = StatementFailed("incumbent"), StatementFailed("candidate")

    with pytest.raises(StatementFailed, match="candidate"):
        seeing.ask({"id": 1, "item": "a"})

    assert [(seen.errors, seen.shared_errors) for _, _, seen in seeing.traffic] == [(0, 1)]


def test_once_promoted_the_candidate_answers_and_the_incumbent_is_run_after_it(seeing):
    seeing.move(Stage.PROMOTED, 10_000)

    answer = seeing.ask({"id": 1, "item": "b"}, {"item": "a"})

    assert engines(answer) == ["new", "new"]
    assert [each["reason"] for each in answer.outcomes] == [None, "nameless"]
    assert seeing.told() == [Compared("orders", equal=1, wrong=1)]


def test_once_promoted_the_incumbent_answers_where_the_candidate_fails(seeing, failing):
    seeing.move(Stage.PROMOTED, 10_000)
    failing["nameless"] = StatementFailed("no")

    answer = seeing.ask({"id": 1, "item": "b"})

    assert (engines(answer), answer.instead_of) == (["old"], "new")
    assert [(seen.requests, seen.errors) for _, _, seen in seeing.traffic] == [(1, 1)]


def test_a_route_that_another_process_moves_is_seen_by_the_next_turn(seeing):
    other = open_wiring(seeing.wiring.project.folder, None)
    found = []
    for stage, share in ((Stage.CANARY, 10_000), (Stage.SHADOW, 0), (Stage.PROMOTED, 10_000)):
        route = ensure_route(other.project.entities["orders"], other.warehouse)
        other.warehouse.set_route(replace(route, stage=stage, share=share))
        found.append(seeing.ask({"id": 1, "item": "a"}).engine)
    other.close()

    assert found == ["new", "old", "new"]


@pytest.mark.parametrize(
    ("items", "answered"), [(BELOW + ABOVE, "new"), (ABOVE + BELOW, "old"), ((None, *BELOW), "new"), ((None,), "old")]
)
def test_a_request_whose_records_depend_on_each_other_goes_one_way(seeing, items, answered):
    text = OLD.replace("output:", "  - deduplicate: {key: [id], order: [item]}\noutput:")
    (seeing.wiring.project.folder / "old.yml").write_text(text, encoding="utf-8")
    seeing.move(Stage.CANARY, HALF)

    answer = seeing.ask(*({"id": number, "item": "a"} for number in items))

    assert answer.scope == "request"
    assert engines(answer) == [answered] * len(items)


def test_time_that_a_side_waits_is_not_its_own(seeing, monkeypatch):
    query = DuckDBMemory.query

    def late(self, sql, tables):
        if "nameless" in sql:
            time.sleep(1.0)
        return query(self, sql, tables)

    monkeypatch.setattr(DuckDBMemory, "query", late)
    seeing.move(Stage.CANARY, 10_000)

    seeing.ask({"id": 1, "item": "a"})

    ((_, _, seen),) = seeing.traffic
    assert seen.slower_count == 1
    assert abs(seen.slower_sum) < math.log(8)


def test_rows_that_moved_between_both_sides_are_not_compared(seeing, monkeypatch):
    states = iter(range(100))
    warehouse = type(seeing.wiring.warehouse)
    monkeypatch.setattr(warehouse, "raw_state", lambda self: f"state {next(states)}")
    monkeypatch.setattr(warehouse, "pins", lambda self: (Pin(Relation("raw", "orders"), 1, next(states)),))
    seeing.move(Stage.SHADOW)

    seeing.ask({"id": 1, "item": "b"})

    assert seeing.told() == [Compared("orders", dropped=1)]
    assert seeing.traffic == []


@pytest.fixture
def memories(monkeypatch) -> list[str]:
    """What becomes of memories."""
    events: list[str] = []
    init, close = DuckDBMemory.__init__, DuckDBMemory.close

    def made(self, threads=None):
        events.append("made")
        init(self, threads)

    def closed(self):
        events.append("closed")
        close(self)

    monkeypatch.setattr(DuckDBMemory, "__init__", made)
    monkeypatch.setattr(DuckDBMemory, "close", closed)
    return events


def test_a_memory_is_closed_once_its_program_is_replaced(seeing, memories):
    for text in (OLD, OLD.replace("no id", "none"), OLD):
        (seeing.wiring.project.folder / "old.yml").write_text(text, encoding="utf-8")
        seeing.ask({"id": 1, "item": "a"})
    seeing.desk.close()

    assert memories == ["made", "made", "closed", "made", "closed", "closed"]
