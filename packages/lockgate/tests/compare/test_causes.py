"""What differences have in common."""

from __future__ import annotations

from lockgate.core.comparison import Status

LEFT = """
select i as id, case when i % 4 = 0 then 'JPY' else 'EUR' end as currency, (i % 97)::decimal(12,2) + 1 as amount,
    ' n' || i as name, timestamp '2026-01-01' + to_minutes(i) as moment
from range(1000) as t(i)
"""


def test_a_factor_in_the_rows_of_one_value_is_found(compared):
    right = f"select * replace (case currency when 'JPY' then amount * 100 else amount end as amount) from ({LEFT})"

    (cause,) = compared(LEFT, right).causes

    assert (cause.column, cause.transform, cause.where) == ("amount", "left * 100", "\"currency\" = 'JPY'")
    assert (cause.rows, cause.of, cause.share) == (250, 250, 1.0)
    assert cause.sentence == (
        "100 % of the 250 changed values of amount are left * 100 = right where \"currency\" = 'JPY' "
        "(100 % of the rows there)"
    )


def test_noise_beside_a_cause_does_not_hide_it(compared):
    right = f"""
    select * replace (case when id in (3, 5, 7, 9, 11) then amount + 1 when currency = 'JPY' then amount * 100
        else amount end as amount) from ({LEFT})
    """

    first = compared(LEFT, right).causes[0]

    assert (first.transform, first.where, first.rows, first.of) == ("left * 100", "\"currency\" = 'JPY'", 250, 255)
    assert first.sentence.startswith("98 % of the 255 changed values of amount are left * 100 = right where")


def test_text_that_was_trimmed_is_told_without_a_predicate(compared):
    (cause,) = compared(LEFT, f"select * replace (trim(name) as name) from ({LEFT})").causes

    assert (cause.column, cause.transform, cause.where, cause.rows) == ("name", "trim(left)", None, 1000)


def test_a_shift_in_time_is_told_in_hours(compared):
    (cause,) = compared(LEFT, f"select * replace (moment + to_hours(2) as moment) from ({LEFT})").causes

    assert cause.transform == "left +2 hours"


def test_rows_of_one_value_that_are_missing_are_told(compared):
    (cause,) = compared(LEFT, f"select * from ({LEFT}) where currency <> 'JPY'").causes

    assert (cause.status, cause.column, cause.where, cause.rows) == (Status.MISSING, None, "\"currency\" = 'JPY'", 250)


def test_two_causes_of_one_column_are_both_told(compared):
    right = f"""
    select * replace (case when currency = 'JPY' then amount * 100 when id % 4 = 1 then amount * -1 else amount end
        as amount) from ({LEFT})
    """

    assert [cause.transform for cause in compared(LEFT, right).causes] == ["left * 100", "left * -1"]


def test_a_few_differences_have_no_cause(compared):
    assert (
        compared(LEFT, f"select * replace (case id when 1 then 5 else amount end as amount) from ({LEFT})").causes == ()
    )


def test_no_value_is_told_that_was_not_asked_for(compared):
    right = f"select * replace (case currency when 'JPY' then amount * 100 else amount end as amount) from ({LEFT})"

    (cause,) = compared(LEFT, right, show_values=False).causes

    assert cause.where == '"currency" = ***'
    assert "JPY" not in cause.sentence


def test_columns_that_change_together_each_have_their_own_cause(compared):
    left = f"select *, 'N' || id as code, id * 3 as many, moment + to_days(400) as later from ({LEFT})"
    right = f"""
    select * replace (amount * 10 as amount, trim(name) as name, lower(code) as code, many * -1 as many,
        moment - to_hours(3) as moment, later + to_hours(5) as later) from ({left})
    """

    found = [(cause.column, cause.transform, cause.rows) for cause in compared(left, right).causes]

    assert found == [
        ("amount", "left * 10", 1000),
        ("name", "trim(left)", 1000),
        ("moment", "left -3 hours", 1000),
        ("code", "lower(left)", 1000),
        ("many", "left * -1", 999),
        ("later", "left +5 hours", 1000),
    ]


def test_a_value_of_extra_rows_is_looked_for_on_the_right(compared):
    right = f"{LEFT} union all select 1000 + i, 'CHF', 7, 'm' || i, timestamp '2026-02-01' from range(40) as t(i)"

    (cause,) = compared(LEFT, right).causes

    assert (cause.status, cause.where, cause.rows, cause.share) == (Status.EXTRA, "\"currency\" = 'CHF'", 40, 1.0)


def test_what_a_transform_leaves_over_is_looked_at_again(compared):
    right = f"""
    select * replace (case when id % 4 = 0 then upper(name) when id % 4 = 1 then name || '!' when id % 4 = 2 then '?'
        end as name) from ({LEFT})
    """

    found = [(cause.transform, cause.where, cause.rows) for cause in compared(LEFT, right).causes]

    assert found == [
        ("NULL", "\"currency\" = 'EUR'", 250),
        ("upper(left)", "\"currency\" = 'JPY'", 250),
        ("left with an ending after it", "\"currency\" = 'EUR'", 250),
    ]
