"""A kept document tells the same comparison again, but for what shows values of rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.core.comparison import (
    Cause,
    ColumnDifference,
    Comparison,
    ComparisonRequest,
    Explained,
    Group,
    Method,
    RowCounts,
    Sample,
    SchemaDifference,
    Status,
    Verdict,
)
from lockgate.core.comparison_document import comparison_from, kept_document
from lockgate.core.load import Pin
from lockgate.core.plain import to_plain
from lockgate.core.relation import Relation
from lockgate.core.route import Edition

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
PINS = (Pin(Relation("raw", "users"), 3, 7),)
FOUND = Comparison(
    left="users@rules",
    right="users@dbt",
    key=("user_id",),
    verdict=Verdict.FAIL,
    reasons=("changed: 2 rows",),
    rows=RowCounts(5, 5, 3, 0, 0, 2),
    columns=(
        ColumnDifference("price", 2, "double precision", "float8", float("inf"), is_noisy=True),
        ColumnDifference("name", 0, "text", "text"),
    ),
    schema=SchemaDifference(("added",), ("removed",), {"price": ("numeric", "double")}, is_reordered=True),
    samples=(Sample(Status.CHANGED, {"user_id": 7}, "price", 1.0, 2.0),),
    causes=(Cause(Status.CHANGED, "price", "right = left + 1", None, 2, 2, 1.0, "price is one more"),),
    groups=(Group({"kind": "a"}, RowCounts(5, 5, 3, 0, 0, 2)),),
    explained=(Explained("cents", 1, 3),),
    unexplained=1,
    method=Method.JOIN,
    why_method="both sides are in one engine",
    rows_moved=0,
    seconds=0.5,
    pins=PINS,
    editions=((Edition("users", 4, "rules", 5, NOON, PINS, bytes=12, revision="ab"),), ()),
)


def kept(found: Comparison) -> dict:
    return json.loads(json.dumps(to_plain(kept_document(found, ComparisonRequest(("user_id",))))))


def test_a_comparison_comes_back_without_samples_and_groups():
    assert comparison_from(kept(FOUND)) == replace(FOUND, samples=(), groups=())


def test_what_a_later_version_tells_besides_is_passed_over():
    document = kept(FOUND)
    document["rows"]["doubtful"] = 1
    document["editions"]["left"][0]["colour"] = "red"

    assert comparison_from(document) == replace(FOUND, samples=(), groups=())


@pytest.mark.parametrize("part", ["pins", "editions"])
def test_what_an_earlier_version_did_not_tell_is_empty(part):
    document = kept(FOUND)
    del document[part]

    assert getattr(comparison_from(document), part) == {"pins": (), "editions": ((), ())}[part]
