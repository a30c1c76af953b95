"""Comparisons are kept as evidence, without the values of rows; noise is kept by implementation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lockgate.core.comparison import (
    ColumnDifference,
    Comparison,
    ComparisonRequest,
    Method,
    Noise,
    RowCounts,
    Sample,
    SchemaDifference,
    Status,
    Verdict,
)
from lockgate.errors import UnknownName
from lockgate.testing.jobs import NOON

FOUND = Comparison(
    left="users@rules",
    right="users@dbt",
    key=("user_id",),
    verdict=Verdict.FAIL,
    reasons=("missing on the right: 1 row",),
    rows=RowCounts(2, 1, 1, 1, 0, 0),
    columns=(ColumnDifference("user_id", 0, "bigint", "int8"),),
    schema=SchemaDifference(),
    samples=(Sample(Status.MISSING, {"user_id": 7}),),
    causes=(),
    groups=(),
    explained=(),
    unexplained=1,
    method=Method.JOIN,
    why_method="both sides are in one engine",
    rows_moved=0,
    seconds=0.5,
)
ASKED = ComparisonRequest(key=("user_id",), where="user_id > 1")
NOISE = Noise("users", "dbt", "abc", ("built_at",), NOON)


def test_a_comparison_is_kept_without_its_samples(store):
    number = store.comparisons.add_comparison("users", ASKED, FOUND, NOON)

    kept = store.comparisons.comparison(number)

    assert (kept.entity, kept.verdict, kept.unexplained, kept.compared_at) == ("users", Verdict.FAIL, 1, NOON)
    assert kept.found["rows"] == {"left": 2, "right": 1, "matched": 1, "missing": 1, "extra": 0, "changed": 0}
    assert kept.found["columns"] == {
        "user_id": {"changed": 0, "type_left": "bigint", "type_right": "int8", "largest": None, "noisy": False}
    }
    assert kept.found["schema"] == {"added": [], "removed": [], "type_changed": {}, "reordered": False}
    assert kept.found["request"]["where"] == "user_id > 1"
    assert "samples" not in kept.found
    assert "7" not in str(kept.found)


def test_the_newest_comparison_of_an_entity_comes_first(store):
    for entity in ("users", "orders", "users"):
        store.comparisons.add_comparison(entity, ASKED, FOUND, NOON)

    numbers = [each.comparison_id for each in store.comparisons.comparisons("users")]

    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 2
    assert len(store.comparisons.comparisons()) == 3
    assert len(store.comparisons.comparisons(limit=1)) == 1


def test_comparisons_are_read_on_behind_one_and_by_verdict(store):
    first, second, third = (
        store.comparisons.add_comparison("users", ASKED, replace(FOUND, verdict=verdict), NOON)
        for verdict in (Verdict.FAIL, Verdict.PASS, Verdict.FAIL)
    )

    behind = store.comparisons.comparisons(before=third)
    failed = store.comparisons.comparisons("users", verdict=Verdict.FAIL)

    assert [each.comparison_id for each in behind] == [second, first]
    assert [each.comparison_id for each in failed] == [third, first]
    assert store.comparisons.comparisons(before=first) == ()


def test_other_scopes_do_not_see_it(opened):
    number = opened().comparisons.add_comparison("users", ASKED, FOUND, NOON)

    with pytest.raises(UnknownName):
        opened(project="sales").comparisons.comparison(number)
    assert opened(target="postgres").comparisons.comparisons() == ()


def test_noise_is_what_was_learnt_last(store):
    later = replace(NOISE, revision="def", columns=(), learnt_at=NOON + timedelta(days=1))
    store.comparisons.set_noise(NOISE)
    store.comparisons.set_noise(replace(NOISE, implementation="rules"))
    store.comparisons.set_noise(later)

    assert store.comparisons.noise("users") == (later, replace(NOISE, implementation="rules"))
    assert store.comparisons.noise("orders") == ()
