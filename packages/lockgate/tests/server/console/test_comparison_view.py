"""What was asked of a comparison is told in words, where it differs from comparing everything as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from lockgate.app.archive import KeptComparison
from lockgate.core.comparison import (
    ColumnDifference,
    ColumnRule,
    Comparison,
    ComparisonRecord,
    ComparisonRequest,
    Method,
    RowCounts,
    SchemaDifference,
    Tolerance,
    Transform,
    Verdict,
)
from lockgate.core.route import Edition
from lockgate.server.console.comparison_view import ComparisonLine, line_of, view_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EDITIONS = (Edition("users", 1, "rules", 9, NOON),), (Edition("users", 2, "dbt", 9, NOON),)
FOUND = Comparison(
    left="users@rules",
    right="users@dbt",
    key=("id",),
    verdict=Verdict.FAIL,
    reasons=(),
    rows=RowCounts(9, 9, 6, 1, 1, 2),
    columns=(ColumnDifference("a", 1, "text", "text"), ColumnDifference("b", 2, "int", "int")),
    schema=SchemaDifference(),
    samples=(),
    causes=(),
    groups=(),
    explained=(),
    unexplained=4,
    method=Method.JOIN,
    why_method="both sides are in one engine",
    rows_moved=0,
    seconds=0.5,
    editions=EDITIONS,
)
RECORD = ComparisonRecord(
    7, "users", Verdict.FAIL, 4, NOON, {"left": "a", "right": "b", "rows": {"matched": 6, "missing": 1, "changed": 2}}
)


def kept(found: Comparison = FOUND, **asked) -> KeptComparison:
    return KeptComparison(RECORD, ComparisonRequest(("id",), **asked), found)


def test_a_line_counts_rows_that_differ_and_rows_in_all():
    assert line_of(RECORD) == ComparisonLine(7, "users", "a", "b", Verdict.FAIL, 4, 3, 9, NOON)


def test_columns_stand_by_how_much_they_changed():
    columns = (*FOUND.columns, *(ColumnDifference(f"c{number}", 1, "int", "int") for number in range(50)))

    view = view_of(kept(replace(FOUND, columns=columns)))

    assert [column.name for column in view.columns[:2]] == ["b", "a"]
    assert (len(view.columns), view.columns_left_out, view.columns_compared) == (40, 12, 52)


def test_nothing_is_told_where_everything_was_compared_as_it_is():
    assert view_of(kept()).asked == ()


def test_what_was_asked_is_told():
    rules = {
        "price": ColumnRule(Tolerance(relative=Decimal("0.01")), (Transform.TRIM,)),
        "name": ColumnRule(transforms=(Transform.LOWER,)),
        "id": ColumnRule(),
    }
    asked = {"tolerance": Tolerance(absolute=Decimal("0.5")), "excluded": frozenset({"b", "a"}), "where": "id > 1"}

    assert view_of(kept(rules=rules, sample_rows=100, fewest_rows=5, noisy=frozenset({"at"}), **asked)).asked == (
        ("Numbers and times may differ by", "0.5"),
        ("Columns left out", "a, b"),
        ("Columns that differ by themselves", "at"),
        ("Only rows where", "id > 1"),
        ("A sample of", "about 100 rows"),
        ("Fewer rows prove nothing", "5"),
        ("Column price", "may differ by 1.00%; trim"),
        ("Column name", "lower"),
        ("Column id", "as it is"),
    )


def test_rows_may_be_looked_for_where_two_editions_differ():
    equal = replace(FOUND, rows=RowCounts(9, 9, 9, 0, 0, 0))
    several = replace(FOUND, editions=(EDITIONS[0] * 2, EDITIONS[1]))

    assert [view_of(kept(found)).has_rows for found in (FOUND, equal, several)] == [True, False, False]
