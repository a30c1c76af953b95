"""The HTML report of a comparison: in words and pictures, self-contained, with every value escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from lockgate.adapters.reports import render_comparison
from lockgate.adapters.reports.comparison import BAR_WIDTH, THINNEST, parts_of
from lockgate.core.comparison import (
    Cause,
    ColumnDifference,
    Comparison,
    Explained,
    Group,
    Method,
    RowCounts,
    Sample,
    SchemaDifference,
    Status,
    Verdict,
)
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

MADE = datetime(2026, 1, 31, 5, 30, tzinfo=UTC)
PIN = Pin(Relation("raw", "people"), 1, 3)
EVIL = "<script>alert(1)</script>\x1b[2J\u202e"
VOID = {"meta", "rect", "br", "link", "img"}


def page(**changes) -> str:
    facts = {
        "left": "people@rules", "right": "people@dbt", "key": ("id",), "verdict": Verdict.FAIL,
        "reasons": ("missing on the right: 1 row",), "rows": RowCounts(1000, 999, 990, 1, 0, 9),
        "columns": (ColumnDifference("note", 9, "text", "varchar"), ColumnDifference("id", 0, "bigint", "bigint")),
        "schema": SchemaDifference(), "samples": (), "causes": (), "groups": (), "explained": (), "unexplained": 10,
        "method": Method.JOIN, "why_method": "both sides are in one engine", "rows_moved": 0, "seconds": 0.5,
    }  # fmt: skip
    return render_comparison(Comparison(**{**facts, **changes}), MADE)


class Reader(HTMLParser):
    """Collects a page's text, its tags with their attributes, and tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if data.strip():
            self.text.append(" ".join(data.split()))


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize(
    ("verdict", "rows", "words"),
    [
        (Verdict.PASS, RowCounts(3, 3, 3, 0, 0, 0), "The two sides are equal."),
        (Verdict.PASS, RowCounts(3, 3, 2, 0, 0, 1), "Every difference between the two sides was agreed on."),
        (Verdict.FAIL, RowCounts(3, 3, 2, 0, 0, 1), "The two sides differ."),
        (Verdict.INCONCLUSIVE, RowCounts(0, 0, 0, 0, 0, 0), "Nothing is proven."),
    ],
)
def test_the_verdict_is_told_in_words(verdict, rows, words) -> None:
    found = read(page(verdict=verdict, rows=rows))

    assert found.text[found.text.index(verdict.value) + 1] == words
    assert "people@rules" in found.text
    assert any("2026-01-31 05:30:00 UTC" in text for text in found.text)


def test_rows_are_a_bar_in_which_nothing_is_too_thin_to_be_seen() -> None:
    parts = {part.name: part for part in parts_of(RowCounts(1_000_000, 1_000_001, 999_999, 0, 1, 1))}

    assert [part.rows for part in parts.values()] == [999_999, 1, 0, 1]
    assert sum(part.width for part in parts.values()) == pytest.approx(BAR_WIDTH)
    assert parts["missing"].width == 0
    assert parts["changed"].width == parts["extra"].width > THINNEST * 0.98
    assert parts["extra"].x == pytest.approx(parts["changed"].x + parts["changed"].width)


def test_rows_and_columns_are_drawn_in_proportion() -> None:
    found = read(page(rows=RowCounts(1000, 900, 500, 100, 0, 400)))

    bars = [attributes for tag, attributes in found.tags if tag == "rect"]
    assert [(bar["class"], bar["width"]) for bar in bars[:3]] == [
        ("matched", "320.0"), ("changed", "256.0"), ("missing", "64.0"),
    ]  # fmt: skip
    assert bars[3]["width"] == "420.0"
    assert "varchar" in found.text


def test_the_page_fetches_nothing_and_escapes_whatever_it_shows() -> None:
    html = page(
        left=EVIL, right=EVIL, key=(EVIL,), reasons=(EVIL,),
        columns=(ColumnDifference(EVIL, 1, EVIL, EVIL),),
        samples=(Sample(Status.CHANGED, {EVIL: EVIL}, EVIL, EVIL, EVIL), Sample(Status.MISSING, {EVIL: EVIL})),
        causes=(Cause(Status.CHANGED, EVIL, None, EVIL, 1, 1, 1.0, EVIL),),
        groups=(Group({EVIL: EVIL}, RowCounts(1, 1, 1, 0, 0, 0)),),
        explained=(Explained(EVIL, 1, 2, EVIL),),
        why_method=EVIL,
        editions=((Edition(EVIL, 1, EVIL, 1, MADE, (Pin(Relation(EVIL, EVIL), 1, 1),)),), ()),
    )  # fmt: skip
    found = read(html)

    assert {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "a"} == set()
    assert [attributes for _, attributes in found.tags if {"src", "href", "style", "onclick"} & set(attributes)] == []
    policy = next(each["content"] for tag, each in found.tags if tag == "meta" and "http-equiv" in each)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "url(" not in html


def test_hidden_values_are_said_to_be_hidden() -> None:
    hidden = page(samples=(Sample(Status.CHANGED, {"id": 7}, "note", "***", None),))
    shown = page(samples=(Sample(Status.CHANGED, {"id": 7}, "note", "a ", None),))

    assert "Values are hidden;" in read(hidden).text
    assert [text for text in read(hidden).text if text in {"id = 7", "***", "NULL"}] == ["id = 7", "***", "NULL"]
    assert "Values are hidden;" not in read(shown).text
    assert "'a '" in read(shown).text


def test_causes_groups_agreements_and_inputs_are_told() -> None:
    found = read(
        page(
            causes=(Cause(Status.CHANGED, "amount", "x", None, 9, 9, 1.0, "100 % of the 9 are left * 100 = right"),),
            groups=(Group({"team": None}, RowCounts(7, 6, 5, 1, 0, 1)),),
            explained=(Explained("loud", 3, 2, "3 rows are more than the 2 agreed on"),),
            editions=((Edition("people", 4, "rules", 9, MADE, (PIN,)),), ()),
        )
    )

    for text in (
        "100 % of the 9 are left * 100 = right",
        "3 rows are more than the 2 agreed on",
        "10 rows that differ are explained by none of them.",
        "raw.people, loads 1 to 3",
    ):
        assert text in found.text
    start = found.text.index("NULL")
    assert found.text[start : start + 7] == ["NULL", "7", "6", "5", "1", "1", "0"]
