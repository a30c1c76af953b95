"""The ledger of expected differences."""

from __future__ import annotations

from datetime import date

import pytest

from lockgate.adapters.relations.files import file_side
from lockgate.compare import compare
from lockgate.compare.expected import explained
from lockgate.compare.forms import paired
from lockgate.compare.scope import Scope
from lockgate.core.comparison import (
    ComparedColumn,
    ComparisonRequest,
    ExpectedDifference,
    Explained,
    RowCounts,
    SchemaDifference,
    Status,
    UnexplainedIn,
    Verdict,
)
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ComparisonInvalid

LEFT = """
select i as id, case when i < 3 then 'JPY' else 'EUR' end as currency, i * 1.5 as amount, i as n from range(10) as t(i)
"""
CENTS = f"select * replace (case currency when 'JPY' then amount * 100 else amount end as amount) from ({LEFT})"
AGREED = {
    "name": "cents",
    "owner": "ada@example.com",
    "reason": "amounts were kept in minor units",
    "expires": date(2026, 12, 31),
    "most_rows": 2,
    "columns": ("amount",),
    "where": "currency = 'JPY'",
    "right": "amount * 100",
}


def agreed(**said) -> ExpectedDifference:
    return ExpectedDifference(**(AGREED | said))


def test_what_was_agreed_on_is_explained(compared):
    found = compared(LEFT, CENTS, expected=(agreed(),))

    assert found.rows.changed == 2  # the amount of id 0 is 0 either way
    assert found.explained == (Explained("cents", 2, 2),)
    assert (found.unexplained, found.verdict) == (0, Verdict.PASS)
    assert "every difference is explained" in found.reasons


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"expires": date(2026, 11, 20)}, "expired on 2026-11-20"),
        ({"most_rows": 1}, "2 rows are more than the 1 agreed on"),
    ],
)
def test_it_explains_nothing_once_it_has_expired_or_over_its_budget(compared, said, refused):
    found = compared(LEFT, CENTS, expected=(agreed(**said),))

    assert found.explained[0].refused == refused
    assert (found.unexplained, found.verdict) == (2, Verdict.FAIL)


def test_it_counts_to_the_end_of_its_last_day(compared):
    assert compared(LEFT, CENTS, expected=(agreed(expires=date(2026, 11, 21)),)).unexplained == 0


@pytest.mark.parametrize("said", [{"right": "amount * 10"}, {"where": "currency = 'EUR'"}, {"columns": ("n",)}])
def test_values_that_are_not_as_agreed_stay_unexplained(compared, said):
    assert compared(LEFT, CENTS, expected=(agreed(**said),)).unexplained == 2


def test_a_row_is_explained_only_with_all_of_its_values(compared):
    also = f"select * replace (case id when 1 then -1 else n end as n) from ({CENTS})"

    assert compared(LEFT, also, expected=(agreed(),)).unexplained == 1


@pytest.mark.parametrize(
    ("left", "right", "agreed_right", "unexplained"),
    [
        ("12345678901234567.88::decimal(30,2)", "12345678901234567.89::decimal(30,2)", "amount", 1),
        ("0.0000000001::decimal(20,10)", "0.0000000002::decimal(20,10)", "amount", 1),
        ("9007199254740992", "9007199254740994", "amount + 1", 1),
        ("9007199254740992", "9007199254740993", "amount + 1", 0),
        ("10.50::decimal(9,2)", "0.1050::decimal(9,4)", "amount / 100", 0),
        ("'1.1'", "'110'", "cast(amount as numeric(9,1)) * 100", 0),
        ("1.1::double", "3.3::double", "amount * 3", 0),
        ("1.1::double", "3.3001::double", "amount * 3", 1),
        ("1e-10::double", "2e-10::double", "amount", 1),
        ("1.0::double", "'inf'::double", "amount * 3", 1),
        ("true", "false", "amount = false", 0),
    ],
)
def test_exact_numbers_are_as_agreed_on_in_every_digit(compared, left, right, agreed_right, unexplained):
    expected = agreed(where=None, right=agreed_right)

    found = compared(f"select 1 as id, {left} as amount", f"select 1 as id, {right} as amount", expected=(expected,))

    assert (found.rows.changed, found.unexplained) == (1, unexplained)


def test_a_row_in_which_no_change_is_seen_is_not_explained(bench):
    columns = tuple(ComparedColumn(name, ColumnType(Kind.BIGINT), "BIGINT") for name in ("id", "amount"))
    scope = Scope(tuple(paired(one, one) for one in columns), 1, SchemaDifference())
    bench.run("create temp table differences as select 'changed' as status, 1 as l0, 1 as r0, 5 as l1, 5 as r1")
    request = ComparisonRequest(("id",), expected=(agreed(where=None, right=None),), noisy=frozenset({"amount"}))

    told, unexplained = explained(bench, scope, request, RowCounts(1, 1, 0, 0, 0, 1), date(2026, 11, 21))

    assert (told[0].rows, unexplained) == (0, 1)


def test_missing_and_extra_rows_can_be_agreed_on(compared):
    right = f"select * from ({LEFT}) where id <> 9 union all select 100, 'EUR', 1, 1"
    both = (
        agreed(name="gone", status=Status.MISSING, where="id = 9", columns=(), right=None),
        agreed(name="new", status=Status.EXTRA, where="n = 1", columns=(), right=None),
    )

    found = compared(LEFT, right, expected=both)

    assert ([each.rows for each in found.explained], found.unexplained) == ([1, 1], 0)


def test_columns_that_differ_by_themselves_need_no_explanation(compared):
    found = compared(LEFT, CENTS, noisy=frozenset({"amount"}))

    assert (found.rows.changed, found.unexplained, found.verdict) == (2, 0, Verdict.PASS)
    assert [column.name for column in found.columns if column.is_noisy] == ["amount"]


def test_a_column_that_is_not_compared_cannot_be_agreed_on(compared):
    with pytest.raises(ComparisonInvalid, match="names 'amount', which is not compared"):
        compared(LEFT, LEFT, expected=(agreed(),), excluded=frozenset({"amount"}))


def test_files_are_explained_by_what_their_values_are(tmp_path, bench):
    (tmp_path / "left.csv").write_text("id,amount\n1,9\n2,12345678901234567.89\n", encoding="utf-8")
    (tmp_path / "right.csv").write_text("id,amount\n1,9\n2,1234567890123456789\n", encoding="utf-8")
    left, right = (file_side(bench, name, tmp_path / f"{name}.csv") for name in ("left", "right"))
    expected = agreed(where="amount > 9.5 and id < 10", right="amount * 100")
    request = ComparisonRequest(key=("id",), expected=(expected,))

    found = compare(left, right, bench, request, today=date(2026, 11, 21), progress=lambda *_: None)

    assert (found.rows.changed, found.unexplained, found.explained) == (1, 0, (Explained("cents", 1, 2),))


def test_where_differences_are_that_nothing_explains_is_told_by_column(compared):
    right = f"select id, currency, amount * 100 as amount, n + (id = 1)::int as n from ({LEFT}) where id <> 9"
    everything = compared(LEFT, right)
    agreed_on = compared(LEFT, right, expected=(agreed(where=None, right=None, most_rows=100),))
    gone = agreed(name="gone", status=Status.MISSING, where="id = 9", columns=(), right=None)
    rows_agreed_on = compared(LEFT, right, expected=(gone,), noisy=frozenset({"n"}))

    assert everything.unexplained_in == UnexplainedIn({"amount": 8, "n": 1}, missing=1)
    assert agreed_on.unexplained_in == UnexplainedIn({"n": 1}, missing=1)
    assert rows_agreed_on.unexplained_in == UnexplainedIn({"amount": 8})
    assert compared(LEFT, LEFT).unexplained_in == UnexplainedIn()


def test_a_difference_that_is_no_longer_agreed_on_is_told(compared):
    found = compared(LEFT, CENTS, expected=(agreed(most_rows=1),))

    assert found.unexplained_in == UnexplainedIn({"amount": 2})
