"""What a request may ask of two relations, and how it is told where it does not fit them."""

from __future__ import annotations

import pytest

from lockgate.core.comparison import ColumnRule, Tolerance, Transform, Verdict
from lockgate.errors import ComparisonInvalid

LEFT = "select 1 as id, 'a' as name, 1.5 as amount, date '2026-01-31' as day"
RIGHT = "select 1 as id, 'a' as name, 1.5 as amount, date '2026-01-31' as day"
EXACT = Tolerance.parse("0.01")


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ({"key": "ID"}, "the left side has no column 'ID'; did you mean 'id'?", ""),
        ({"key": "amout"}, "has no column 'amout'; did you mean 'amount'?", ""),
        ({"key": "zzz"}, "has no column 'zzz'; there are id, name, amount, day", ""),
        ({"renamed": {"name": "nam"}}, "the right side has no column 'nam'; did you mean 'name'?", ""),
        ({"excluded": frozenset({"id"})}, "column 'id' is of the key and cannot be left out", "Compare it"),
        ({"rules": {"id": ColumnRule(EXACT)}}, "column 'id' is of the key, which is compared exactly", "another key"),
        ({"renamed": {"name": "day"}}, "'day' on the right would be compared twice", "--exclude day"),
        ({"rules": {"name": ColumnRule(EXACT)}}, "has no tolerance of 0.01", "Amounts and shares are for numbers"),
        (
            {"rules": {"name": ColumnRule(None, (Transform.WHOLE,))}},
            "is not a number, which whole is for",
            "for numbers",
        ),
        (
            {"rules": {"name": ColumnRule(None, (Transform.DATE,))}},
            "is not a date or time, which date",
            "date for times",
        ),
        ({"rules": {"amount": ColumnRule(None, (Transform.TRIM,))}}, "is not text, which trim is for", "are for text"),
        ({"where": "nam = 'a'"}, "the relation has no column 'nam'; did you mean 'name'?", ""),
        ({"group_by": ("zzz",)}, "the left side has no column 'zzz'", ""),
        ({"where": "id = 1; drop table left_side"}, "is no condition in SQL", "behind WHERE"),
        ({"where": "(select 1) = 1"}, "is more than a condition over columns", "behind WHERE"),
        ({"where": "id ="}, "'id =' is no condition in SQL", "behind WHERE"),
        ({"where": "count(*) > 1"}, "is more than a condition over columns", "behind WHERE"),
        ({"where": "row_number() over () = 1"}, "is more than a condition over columns", "behind WHERE"),
        ({"where": "id in (select 1)"}, "is more than a condition over columns", "behind WHERE"),
        ({"where": "id / 2 = 1"}, "'id / 2 = 1' divides, which engines do not do alike", "Multiply instead"),
        ({"where": "random() < 0.5"}, "'random() < 0.5' is true of other rows each time", "behind WHERE"),
        ({"where": "gen_random_uuid() is null"}, "is true of other rows each time", "behind WHERE"),
        ({"where": "clock_timestamp() > day"}, "is true of other rows each time", "behind WHERE"),
        ({"where": "other.id = 1"}, "names a table", "Name the column alone."),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(compared, said, message, hint) -> None:
    with pytest.raises(ComparisonInvalid) as refused:
        compared(LEFT, RIGHT, **said)

    assert message in refused.value.message
    assert hint in refused.value.remedy


def test_a_key_of_another_name_on_the_right_is_suggested(compared) -> None:
    with pytest.raises(ComparisonInvalid) as refused:
        compared("select 1 as id", 'select 1 as "ID", 2 as other')

    assert refused.value.remedy == "Where it has another name there, say so: --map id=ID"


def test_columns_may_change_places(compared) -> None:
    found = compared("select 1 as id, 2 as a, 3 as b", "select 1 as id, 3 as a, 2 as b", renamed={"a": "b", "b": "a"})

    assert (found.verdict, found.rows.matched) == (Verdict.PASS, 1)


def test_a_column_that_gives_its_name_away_may_be_left_out(compared) -> None:
    found = compared(
        "select 1 as id, 2 as a, 3 as b", "select 1 as id, 2 as b", renamed={"a": "b"}, excluded=frozenset({"b"})
    )

    assert (found.verdict, [column.name for column in found.columns]) == (Verdict.PASS, ["id", "a"])


@pytest.mark.parametrize(("left", "right", "side"), [("1 = 0", "true", "left"), ("true", "1 = 0", "right")])
def test_a_side_without_rows_is_told(compared, left, right, side) -> None:
    found = compared(f"{LEFT} where {left}", f"{RIGHT} where {right}")

    assert found.verdict is Verdict.FAIL
    assert found.reasons[0] == f"the {side} side is empty"


def test_a_filter_reads_a_column_that_has_another_name_and_is_left_out(compared) -> None:
    found = compared(
        "select * from (values (1, 5), (2, 6)) as t(id, a)",
        "select * from (values (1, 5), (2, 6)) as t(id, b)",
        renamed={"a": "b"},
        excluded=frozenset({"a"}),
        where="a > 5",
    )

    assert (found.verdict, found.rows.left, found.rows.matched) == (Verdict.PASS, 1, 1)
