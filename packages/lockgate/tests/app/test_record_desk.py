"""Answers about records: the same whether asked alone or at once, and never from what rules or tables said before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.app.application import App
from lockgate.app.record_desk import RecordDesk
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.run import Bounds
from lockgate.errors import RuleSetInvalid, StatementFailed
from lockgate.flow import Unwatched
from lockgate.transform.cycle import move_pins
from lockgate.transform.rules import RecordProgram

SECONDS = 60
RULES = """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
  - deduplicate: {key: [id], order: [item]}
  - lookup: {in: raw.items, on: {item: code}, take: {title: title}}
output: [id, title]
"""
UNPINNED = """
entity: orders
from: raw.orders
rules:
  - derive: {title: item}
output: [id, title]
"""


@pytest.fixture
def wiring(shop: Path) -> Iterator[Wiring]:
    (shop / "orders.yml").write_text(RULES, encoding="utf-8")
    (shop / "items.csv").write_text("code,title\na,Anchor\nb,Boat\n", encoding="utf-8")
    opened = open_wiring(shop, None)
    load(opened)
    yield opened
    opened.close()


def load(wiring: Wiring) -> None:
    App(wiring).load((), Bounds(), Unwatched())
    move_pins(wiring.warehouse, wiring.project.relations())


@pytest.fixture
def desk(wiring) -> Iterator[RecordDesk]:
    opened = RecordDesk(wiring)
    yield opened
    opened.close()


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """A number for each program that was made."""
    numbers: list[int] = []
    init = RecordProgram.__init__

    def counted(self, *given, **named) -> None:
        numbers.append(len(numbers) + 1)
        init(self, *given, **named)

    monkeypatch.setattr(RecordProgram, "__init__", counted)
    return numbers


def asked(desk: RecordDesk, wiring: Wiring, *requests: list[dict]) -> list[list[tuple]]:
    """Status, reason and output of each record of each request, all asked before the first is answered."""
    futures = [desk.ask(wiring.project.entities["orders"], records) for records in requests]
    answers = [future.result(SECONDS) for future in futures]
    return [[(each["status"], each["reason"], each["output"]) for each in answer.outcomes] for answer in answers]


def ok(id_: str, title: str | None) -> tuple:
    return "ok", None, {"id": id_, "title": title}


def test_the_records_own_table_need_not_be_pinned_for_a_program_to_be_kept(shop, made):
    (shop / "orders.yml").write_text(UNPINNED, encoding="utf-8")
    (shop / "items.csv").write_text("code,title\n", encoding="utf-8")
    opened = open_wiring(shop, None)
    App(opened).load((), Bounds(), Unwatched())
    desk = RecordDesk(opened)

    found = [asked(desk, opened, [{"id": "1"}]) for _ in range(3)]

    desk.close()
    opened.close()
    assert found == [[[ok("1", None)]]] * 3
    assert made == [1]


def test_rules_that_look_up_what_no_load_fills_are_compiled_once_a_turn(desk, wiring, made, monkeypatch):
    monkeypatch.setattr(type(wiring.warehouse), "pins", lambda self: ())

    found = [asked(desk, wiring, [{"id": "1", "item": "a"}]) for _ in range(2)]

    assert found == [[[ok("1", "Anchor")]]] * 2
    assert made == [1, 2]


def test_requests_at_once_do_not_meet_each_other(desk, wiring):
    one = [{"id": "1", "item": "b"}, {"id": "1", "item": "a"}]
    requests = [one, [{"id": "1", "item": "b"}], [], [{"item": "a"}], [{"id": "2"}], one]

    expected = [
        [("duplicate", "deduplicate_2", None), ok("1", "Anchor")],
        [ok("1", "Boat")],
        [],
        [("rejected", "no id", None)],
        [ok("2", None)],
        [("duplicate", "deduplicate_2", None), ok("1", "Anchor")],
    ]
    assert asked(desk, wiring, *requests) == expected
    assert [asked(desk, wiring, request)[0] for request in requests] == expected


def test_an_answer_says_who_gave_it_and_where_each_record_stood(desk, wiring):
    answer = desk.ask(wiring.project.entities["orders"], [{"id": "1"}, {"id": 5}]).result(SECONDS)

    assert (answer.entity, answer.engine, answer.engines, answer.scope) == ("orders", "rules", {"rules": 2}, "request")
    assert [each["index"] for each in answer.outcomes] == [0, 1]


def test_rules_are_compiled_once_for_many_requests(desk, wiring, made):
    for _ in range(3):
        assert asked(desk, wiring, [{"id": "1", "item": "a"}]) == [[ok("1", "Anchor")]]

    assert made == [1]


def test_a_rule_file_that_changes_is_in_force_at_once(desk, wiring, made):
    asked(desk, wiring, [{"id": "1", "item": "a"}])
    file = wiring.project.folder / "orders.yml"
    file.write_text(RULES.replace("no id", "nameless"), encoding="utf-8")

    assert asked(desk, wiring, [{}]) == [[("rejected", "nameless", None)]]
    assert made == [1, 2]


def test_pins_that_move_are_in_force_at_once(desk, wiring, made):
    asked(desk, wiring, [{"id": "1", "item": "a"}])
    (wiring.project.folder / "items.csv").write_text("code,title\na,Apple\n", encoding="utf-8")
    load(wiring)

    assert asked(desk, wiring, [{"id": "1", "item": "a"}]) == [[ok("1", "Apple")]]
    assert made == [1, 2]


def test_a_rule_file_that_breaks_is_told_and_mended(desk, wiring):
    file = wiring.project.folder / "orders.yml"
    file.write_text(RULES.replace("item: code", "nothing: code"), encoding="utf-8")
    with pytest.raises(RuleSetInvalid, match="nothing"):
        asked(desk, wiring, [{"id": "1"}])
    file.write_text(RULES, encoding="utf-8")

    assert asked(desk, wiring, [{"id": "1", "item": "b"}]) == [[ok("1", "Boat")]]


def test_one_request_that_the_engine_fails_on_takes_no_other_along(desk, wiring, monkeypatch):
    query = DuckDBMemory.query

    def fails(self, sql, tables):
        if "bad" in tables["raw.orders"]["id"].to_pylist():
            raise StatementFailed("the query over records failed")
        return query(self, sql, tables)

    monkeypatch.setattr(DuckDBMemory, "query", fails)
    futures = [desk.ask(wiring.project.entities["orders"], [{"id": name}]) for name in ("1", "bad", "2")]

    assert futures[0].result(SECONDS).outcomes[0]["output"] == {"id": "1", "title": None}
    assert isinstance(futures[1].exception(SECONDS), StatementFailed)
    assert futures[2].result(SECONDS).outcomes[0]["output"] == {"id": "2", "title": None}


def test_records_that_are_looked_up_among_themselves_are_answered_request_by_request(desk, wiring):
    text = RULES.replace(
        "in: raw.items, on: {item: code}, take: {title: title}", "in: raw.orders, on: {item: id}, take: {title: item}"
    )
    (wiring.project.folder / "orders.yml").write_text(text, encoding="utf-8")

    found = asked(desk, wiring, [{"id": "1", "item": "2"}, {"id": "2", "item": "x"}], [{"id": "1", "item": "2"}])

    assert found == [[ok("1", "x"), ok("2", None)], [ok("1", None)]]
