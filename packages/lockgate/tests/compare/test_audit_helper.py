"""An outside check: what the integration tests of dbt-audit-helper define, answered by our comparison.

Their definitions (https://github.com/dbt-labs/dbt-audit-helper, integration_tests/, as of January 2026) are read, not
run: the rows here are our own, and differ in the places in which theirs differ, so their expected results hold.
`in a` is our left side; their missing from a is our extra, their missing from b our missing.
"""

from __future__ import annotations

import pytest

from lockgate.core.comparison import RowCounts, Status, Verdict
from lockgate.errors import ComparisonInvalid

# data_compare_all_columns: 1, 3, 4, 5 alike; 2 another value; 6 NULL in b; 7 NULL in a; 8 in a alone; 9, 10 in b alone.
A = """select * from (values (1, 'oak', 'green'), (2, 'oak', 'bare'), (3, 'oak', 'dry'), (4, 'elm', 'green'),
    (5, 'elm', 'elm'), (6, 'elm', 'dry'), (7, 'elm', null), (8, 'fir', 'soft')) as t(id, tree, state)"""
B = """select * from (values (1, 'oak', 'green'), (2, 'oak', 'dry'), (3, 'oak', 'dry'), (4, 'elm', 'green'),
    (5, 'elm', 'elm'), (6, null, 'dry'), (7, 'elm', 'elm'), (9, 'fir', 'soft'), (10, 'fir', null))
    as t(id, tree, state)"""
A_2, B_2 = (f"select 'tree' as kind, * from ({side}) union all select 'bush', 1, 'box', 'old'" for side in (A, B))


def by_column(found) -> dict[str, dict[str, int]]:
    """The summary of `compare_all_columns`; a NULL is counted where the two values are in conflict by it."""
    both = found.rows.matched + found.rows.changed
    conflicts = [sample for sample in found.samples if sample.status is Status.CHANGED]
    return {
        column.name: {
            "perfect_match": both - column.changed,
            "null_in_a": sum(one.column == column.name and one.left is None for one in conflicts),
            "null_in_b": sum(one.column == column.name and one.right is None for one in conflicts),
            "missing_from_a": found.rows.extra,
            "missing_from_b": found.rows.missing,
            "conflicting_values": column.changed,
        }
        for column in found.columns
    }


def summary(*counts: int) -> dict[str, int]:
    names = ("perfect_match", "null_in_a", "null_in_b", "missing_from_a", "missing_from_b", "conflicting_values")
    return dict(zip(names, counts, strict=True))


def test_compare_all_columns_with_summary(compared) -> None:
    # Theirs counts one more NULL in b: that of row 10, which is not in a at all.
    assert by_column(compared(A, B)) == {
        "tree": summary(6, 0, 1, 2, 1, 1),
        "id": summary(7, 0, 0, 2, 1, 0),
        "state": summary(5, 1, 0, 2, 1, 2),
    }


def test_compare_all_columns_with_summary_and_exclude(compared) -> None:
    assert by_column(compared(A, B, excluded=frozenset({"state"}))) == {
        "tree": summary(6, 0, 1, 2, 1, 1),
        "id": summary(7, 0, 0, 2, 1, 0),
    }


def test_compare_all_columns_concat_pk_with_summary(compared) -> None:
    assert by_column(compared(A_2, B_2, key="kind,id")) == {
        "id": summary(8, 0, 0, 2, 1, 0),
        "tree": summary(7, 0, 1, 2, 1, 1),
        "kind": summary(8, 0, 0, 2, 1, 0),
        "state": summary(6, 1, 0, 2, 1, 2),
    }


def test_compare_all_columns_where_clause(compared) -> None:
    found = {(one.key["id"], one.status.value, one.column) for one in compared(A, B).samples}

    assert found == {
        (2, "changed", "state"),
        (6, "changed", "tree"),
        (7, "changed", "state"),
        (8, "missing", None),
        (9, "extra", None),
        (10, "extra", None),
    }


PAIR_A, PAIR_B = "select 1 as x, 'a' as y union all select 2, 'b'", "select 1 as x, 'a' as y union all select 2, 'c'"


def test_compare_relations_with_exclude(compared) -> None:
    found = compared(PAIR_A, PAIR_B, key="x", excluded=frozenset({"y"}))

    assert found.rows == RowCounts(2, 2, matched=2, missing=0, extra=0, changed=0)


def test_compare_queries_counts_whole_rows(compared) -> None:
    """Without a key theirs counts whole rows: one in both, one in each alone. Ours does with the key of all columns."""
    found = compared(PAIR_A, PAIR_B, key="x,y")

    assert found.rows == RowCounts(2, 2, matched=1, missing=1, extra=1, changed=0)
    assert {(one.status.value, one.key["x"], one.key["y"]) for one in found.samples} == {
        ("missing", 2, "b"),
        ("extra", 2, "c"),
    }


def test_compare_row_counts(compared) -> None:
    rows = compared(PAIR_A, PAIR_B, key="x").rows

    assert (rows.left, rows.right) == (2, 2)


def test_compare_relation_columns(compared) -> None:
    left = "select 'x' as a, date '2022-02-22' as z, 1 as b, 9.8765 as y, false as c, now() as left_only"
    right = "select date '2022-02-22' as m, 'text' as z, 1 as b, 9.8765 as y, true as c, now() as right_only, 'x' as a"

    schema = compared(left, right, key="b").schema

    assert (set(schema.added), set(schema.removed)) == ({"m", "right_only"}, {"left_only"})
    assert schema.type_changed == {"z": ("DATE", "VARCHAR")}
    assert schema.is_reordered


DIFFER_A = """select * from (values (1, 'pink', 22, 'a', 'k'), (2, 'blue', 33, null, 'k'), (3, 'red', 4, 'c', 'k'))
    as t(id, changes, becomes_null, becomes_not_null, stays)"""
DIFFER_B = """select * from (values (1, 'grey', 22, 'a', 'k'), (2, 'blue', null, 'b', 'k'), (3, 'red', 4, 'c', 'k'))
    as t(id, changes, becomes_null, becomes_not_null, stays)"""


def test_compare_which_columns_differ(compared) -> None:
    whole = compared(DIFFER_A, DIFFER_B)
    part = compared(DIFFER_A, DIFFER_B, excluded=frozenset({"becomes_null"}))

    expected = {"id": False, "changes": True, "becomes_null": True, "becomes_not_null": True, "stays": False}
    assert {one.name: one.changed > 0 for one in whole.columns} == expected
    del expected["becomes_null"]
    assert {one.name: one.changed > 0 for one in part.columns} == expected


def rows(*values: tuple[object, ...], names="id, v, w") -> str:
    written = ", ".join(
        "(" + ", ".join("null" if one is None else repr(one) for one in value) + ")" for value in values
    )
    return f"select * from (values {written}) as t({names})"


SAME = rows((1, "abc", "def"), (2, "hij", "klm"), (3, "nop", "qrs"))


@pytest.mark.parametrize(
    ("left", "right", "key", "counts"),
    [
        pytest.param(SAME, SAME, "id", RowCounts(3, 3, 3, 0, 0, 0), id="identical_tables"),
        pytest.param(
            SAME,
            rows((1, "abc", "def"), (2, "new", "words"), (4, "nop", "qrs")),
            "id",
            RowCounts(3, 3, matched=1, missing=1, extra=1, changed=1),
            id="all_statuses",
        ),
        pytest.param(
            rows((12, 3, "abc"), (1, 23, "hij"), (3, 4, "nop"), names="id, id_2, v"),
            rows((12, 3, "abc"), (1, 23, "hij"), (3, 4, "nop"), names="id, id_2, v"),
            "id,id_2",
            RowCounts(3, 3, 3, 0, 0, 0),
            id="multiple_pk_cols, which run together",
        ),
        pytest.param(
            rows((None, "abc", "def"), (2, "hij", "klm")),
            rows((None, "abc", "def"), (2, "hij", "klm")),
            "id",
            RowCounts(2, 2, 2, 0, 0, 0),
            id="single_null_pk",
        ),
    ],
)
def test_compare_classify(compared, left, right, key, counts) -> None:
    assert compared(left, right, key=key).rows == counts


def test_compare_classify_keys_that_are_not_unique_prove_nothing(compared) -> None:
    """Theirs calls such rows `nonunique_pk`; ours pairs them, and never passes where they differ."""
    two = rows((None, "abc", "def"), (None, "hij", "klm"), (3, "nop", "qrs"))
    three = rows((None, "abc", "def"), (None, "abc", "def"), (None, "abc", "def"), (3, "nop", "qrs"))

    assert compared(two, two).rows == RowCounts(3, 3, 3, 0, 0, 0)
    found = compared(rows((None, "abc", "def"), (None, "abc", "def"), (3, "nop", "qrs")), three)
    assert found.verdict is not Verdict.PASS
    assert (found.rows.left, found.rows.right, found.rows.extra) == (3, 4, 1)


def test_compare_classify_different_column_set(compared) -> None:
    other = rows((1, "abc"), (2, "ddd"), (4, "nop"), names="id, v")

    found = compared(SAME, other)

    assert found.rows == RowCounts(3, 3, matched=1, missing=1, extra=1, changed=1)
    assert found.schema.removed == ("w",)


def test_compare_classify_without_the_key_in_the_list(compared) -> None:
    with pytest.raises(ComparisonInvalid):  # theirs adds the key by itself; ours keeps it whatever is excluded
        compared(SAME, SAME, excluded=frozenset({"id"}))


def test_event_time_filter(compared) -> None:
    """Theirs takes the bounds of event time that both sides have; ours is told them."""
    days = [(1, "abc", "2024-01-01"), (2, "hij", "2024-01-02"), (3, "nop", "2024-01-03")]

    found = compared(rows(*days), rows(*days[1:]), where="w between '2024-01-02' and '2024-01-03'")

    assert (found.verdict, found.rows) == (Verdict.PASS, RowCounts(2, 2, 2, 0, 0, 0))


@pytest.mark.parametrize(
    ("right", "is_identical"),
    [(SAME, True), (rows((1, "abc", "def"), (2, "new", "words"), (4, "nop", "qrs")), False)],
)
def test_quick_are_queries_identical(compared, right, is_identical) -> None:
    assert (compared(SAME, right).verdict is Verdict.PASS) is is_identical
