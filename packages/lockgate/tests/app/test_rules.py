"""Records through rules: what is looked up is read in part, what must be seen together is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.app.application import App
from lockgate.app.rules import looked_up, outcomes, stand_alone
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Column, Relation
from lockgate.core.run import Bounds
from lockgate.core.types import ColumnType
from lockgate.flow import Unwatched
from lockgate.transform.cycle import move_pins
from lockgate.transform.rules import Catalog

ORDERS, ITEMS = Relation("raw", "orders"), Relation("raw", "items")
COLUMNS = tuple(Column(name, ColumnType.parse("text")) for name in ("id", "item", "code", "title", "note", "_row"))
PLAIN = """
entity: orders
from: raw.orders
rules:
  - validate: {that: id is not null, reason: no id}
output: [id]
"""
LOOKUP = """
entity: orders
from: raw.orders
rules:
  - lookup: {in: raw.items, on: {item: code}, take: {title: title}}
output: [id, title]
"""
UNIQUE_ITEMS = """
entity: items
from: raw.items
rules:
  - deduplicate: {key: [code], order: [note]}
output: [code, title]
"""


def catalog(*others: str) -> Catalog:
    rule_sets = tuple(parse_rule_set(text, file="rules.yml") for text in others)
    return Catalog(((ORDERS, COLUMNS), (ITEMS, COLUMNS)), rule_sets)


def test_nothing_is_read_beside_the_records_where_nothing_is_looked_up() -> None:
    assert looked_up(parse_rule_set(PLAIN, file="r.yml"), catalog()) == {}


def test_of_what_is_looked_up_only_the_columns_that_count_are_read() -> None:
    assert looked_up(parse_rule_set(LOOKUP, file="r.yml"), catalog()) == {ITEMS: ("code", "title")}


def test_columns_that_another_entitys_rules_read_count_too() -> None:
    through = parse_rule_set(LOOKUP.replace("in: raw.items", "in: entity:items"), file="r.yml")

    assert looked_up(through, catalog(UNIQUE_ITEMS)) == {ITEMS: ("code", "note", "title")}


@pytest.mark.parametrize(
    ("text", "others", "alone"),
    [
        (PLAIN, (), True),
        (LOOKUP, (), True),
        (LOOKUP.replace("raw.items", "entity:items"), (UNIQUE_ITEMS,), True),
        (PLAIN.replace("output", "  - deduplicate: {key: [id], order: [code]}\noutput"), (), False),
        (LOOKUP.replace("in: raw.items", "in: raw.orders"), (), False),
        (LOOKUP.replace("raw.items", "entity:items"), (UNIQUE_ITEMS.replace("raw.items", "raw.orders"),), False),
    ],
)
def test_records_stand_alone_unless_one_can_change_what_becomes_of_another(text, others, alone) -> None:
    assert stand_alone(parse_rule_set(text, file="r.yml"), catalog(*others)) is alone


@pytest.fixture
def wiring(shop: Path) -> Iterator[Wiring]:
    (shop / "orders.yml").write_text(LOOKUP, encoding="utf-8")
    (shop / "items.csv").write_text("code,title,note\na,Anchor,secret\nb,Boat,secret\n", encoding="utf-8")
    opened = open_wiring(shop, None)
    App(opened).load((), Bounds(), Unwatched())
    yield opened
    opened.close()


def test_a_looked_up_relation_is_asked_for_once_and_in_part(wiring, monkeypatch) -> None:
    monkeypatch.setattr("lockgate.app.rules.TOGETHER", 1)
    move_pins(wiring.warehouse, wiring.project.relations())
    asked: list[str] = []
    query = wiring.warehouse.query
    monkeypatch.setattr(wiring.warehouse, "query", lambda read: asked.append(read.sql("duckdb")) or query(read))
    records = ({"id": str(number), "item": "ab"[number % 2]} for number in range(3))

    found = list(outcomes(wiring, wiring.project.entities["orders"], records, None))

    assert [row["output"] for row in found] == [
        {"id": "0", "title": "Anchor"},
        {"id": "1", "title": "Boat"},
        {"id": "2", "title": "Anchor"},
    ]
    assert asked == ['SELECT "code", "title" FROM "raw"."items"']


def test_no_more_records_are_taken_than_are_seen_together(wiring, monkeypatch) -> None:
    monkeypatch.setattr("lockgate.app.rules.TOGETHER", 2)
    taken: list[int] = []

    def records():
        for number in range(6):
            taken.append(number)
            yield {"id": str(number), "item": "a"}

    next(outcomes(wiring, wiring.project.entities["orders"], records(), None))

    assert taken == [0, 1]
