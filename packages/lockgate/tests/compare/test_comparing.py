"""What is asked of a comparison: tolerances, other names, filters, groups, samples."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from lockgate.adapters.relations.duckdb import columns
from lockgate.compare import compare
from lockgate.core.comparison import (
    ColumnRule,
    ComparisonRequest,
    Group,
    Method,
    RowCounts,
    Sample,
    SchemaDifference,
    Status,
    Tolerance,
    Transform,
    Verdict,
)
from lockgate.core.ports import Side
from lockgate.errors import ComparisonInvalid

ROWS = "select * from (values (1, 10.0, 'a'), (2, 20.0, 'b'), (3, 30.0, 'c')) as t(id, amount, name)"


def changed(query: str) -> str:
    return f"select * replace ({query}) from ({ROWS})"


def counts(found) -> dict[str, int]:
    return {column.name: column.changed for column in found.columns}


def test_equal_relations_pass_and_nothing_is_said(compared):
    found = compared(ROWS, ROWS)

    assert (found.verdict, found.reasons, found.samples, found.causes) == (Verdict.PASS, (), (), ())
    assert found.rows == RowCounts(3, 3, 3, 0, 0, 0)
    assert (found.method, found.unexplained) == (Method.JOIN, 0)


def test_rows_and_values_that_differ_are_counted_and_shown(compared):
    right = "select * from (values (2, 20.5, 'b'), (3, 30.0, null), (4, 40.0, 'd')) as t(id, amount, name)"

    found = compared(ROWS, right)

    assert found.rows == RowCounts(left=3, right=3, matched=0, missing=1, extra=1, changed=2)
    assert counts(found) == {"id": 0, "amount": 1, "name": 1}
    assert found.samples == (
        Sample(Status.MISSING, {"id": 1}),
        Sample(Status.EXTRA, {"id": 4}),
        Sample(Status.CHANGED, {"id": 2}, "amount", Decimal("20.0"), Decimal("20.5")),
        Sample(Status.CHANGED, {"id": 3}, "name", "c", None),
    )
    assert [column.largest for column in found.columns] == [None, 0.5, None]
    assert found.verdict is Verdict.FAIL


def test_values_stay_hidden_unless_they_are_asked_for(compared):
    found = compared(ROWS, changed("case id when 1 then null else 'x' end as name"), show_values=False)

    assert [(sample.key["id"], sample.left, sample.right) for sample in found.samples] == [
        (1, "***", None),
        (2, "***", "***"),
        (3, "***", "***"),
    ]


@pytest.mark.parametrize(
    ("written", "offset", "verdict"),
    [
        ("0.5", "0.5", Verdict.PASS),
        ("0.49", "0.5", Verdict.FAIL),
        ("5%", "0.5", Verdict.PASS),
        ("4.9%", "0.5", Verdict.FAIL),
    ],
)
def test_a_tolerance_counts_its_bound_as_equal(compared, written, offset, verdict):
    only_first = f"case id when 1 then amount + {offset} else amount end as amount"

    assert compared(ROWS, changed(only_first), tolerance=Tolerance.parse(written)).verdict is verdict


def test_a_tolerance_on_doubles_does_not_stumble_over_their_last_bits(compared):
    found = compared(
        "select 1 as id, 1.01::double as x", "select 1 as id, 1.0::double as x", tolerance=Tolerance.parse("0.01")
    )

    assert found.verdict is Verdict.PASS


def test_a_tolerance_never_takes_infinity_or_nan_for_near(compared):
    left = "select * from (values (1, 'inf'::double), (2, 'nan'::double), (3, 'inf'::double)) as t(id, x)"
    right = "select * from (values (1, 1.0::double), (2, 1.0::double), (3, 'inf'::double)) as t(id, x)"

    assert compared(left, right, tolerance=Tolerance.parse("1e300")).rows.changed == 2


def test_a_duration_is_the_tolerance_of_times(compared):
    left = "select 1 as id, timestamp '2026-01-01 00:00:00' as at, 5 as n"
    right = "select 1 as id, timestamp '2026-01-01 00:00:02' as at, 5 as n"

    assert compared(left, right, tolerance=Tolerance.parse("2s")).verdict is Verdict.PASS
    assert compared(left, right, tolerance=Tolerance.parse("1999ms")).verdict is Verdict.FAIL


def test_the_rule_of_a_column_goes_before_the_general_tolerance(compared):
    rules = {"amount": ColumnRule(Tolerance.parse("0.1"))}

    found = compared(ROWS, changed("amount + 0.5 as amount"), tolerance=Tolerance.parse("1"), rules=rules)

    assert counts(found)["amount"] == 3


def test_a_transform_is_done_to_both_sides(compared):
    right = changed("'  ' || upper(name) as name")

    assert compared(ROWS, right).rows.changed == 3
    rules = {"name": ColumnRule(transforms=(Transform.TRIM, Transform.LOWER))}
    assert compared(ROWS, right, rules=rules).verdict is Verdict.PASS


def test_columns_may_have_other_names_and_be_left_out(compared):
    right = "select id, amount as total, 'x' as name, now() as built_at from (" + ROWS + ")"

    found = compared(ROWS, right, renamed={"amount": "total"}, excluded=frozenset({"name", "built_at"}))

    assert found.verdict is Verdict.PASS
    assert counts(found) == {"id": 0, "amount": 0}


def test_columns_of_one_side_alone_fail(compared):
    found = compared(ROWS, f"select amount, id, 1 as added from ({ROWS})")

    assert found.schema == SchemaDifference(added=("added",), removed=("name",), is_reordered=True)
    assert found.verdict is Verdict.FAIL


def test_a_filter_holds_for_both_sides(compared):
    right = changed("case id when 3 then 31.0 else amount end as amount")

    found = compared(ROWS, right, where="name <> 'c' and amount >= 10")

    assert (found.rows, found.verdict) == (RowCounts(2, 2, 2, 0, 0, 0), Verdict.PASS)


def test_groups_add_up(compared):
    left = "select i as id, i % 2 as half, i as x from range(10) as t(i)"
    right = (
        "select id, half, case when id = 4 then 0 else x end as x from ("
        + left
        + ") where id <> 7 union all select 10, 0, 10"
    )

    found = compared(left, right, group_by=("half",))

    assert found.groups == (
        Group({"half": "0"}, RowCounts(left=5, right=6, matched=4, missing=0, extra=1, changed=1)),
        Group({"half": "1"}, RowCounts(left=5, right=4, matched=4, missing=1, extra=0, changed=0)),
    )


def test_a_sample_takes_the_same_keys_of_both_sides(compared):
    left = "select i as id, i as x from range(10000) as t(i)"

    found = compared(left, left, sample_rows=1000)

    assert found.rows.left == found.rows.right == found.rows.matched
    assert 850 < found.rows.left < 1150
    assert found.reasons == ("a sample of some 1,000 of 10,000 rows was compared",)


def test_too_few_rows_prove_nothing(compared):
    assert compared(ROWS, ROWS, fewest_rows=4).verdict is Verdict.INCONCLUSIVE


def test_both_sides_empty_prove_nothing_and_one_side_empty_fails(compared):
    empty = f"{ROWS} limit 0"

    nothing = compared(empty, empty)
    assert (nothing.verdict, nothing.reasons) == (Verdict.INCONCLUSIVE, ("both sides are empty",))
    assert compared(ROWS, empty).verdict is Verdict.FAIL
    assert compared(empty, ROWS).rows == RowCounts(0, 3, 0, 0, 3, 0)


@pytest.mark.parametrize("key", ["id", "name"])
def test_a_collation_of_duckdb_hides_nothing(bench, compared, key):
    bench.run("create temp table blind (id int, name varchar collate nocase)")
    bench.run("insert into blind values (1, 'Ada')")

    found = compared("select * from blind", "select 1 as id, 'ADA' as name", key)

    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("left", "right", "is_equal"),
    [
        ('{"a": 12345678901234567890.25, "b": 1.5}', '{"b": 1.50, "a": 12345678901234567890.250}', True),
        ('{"a": 12345678901234567890.25, "b": 12345678901234567890.75}',
         '{"b": 12345678901234567890.25, "a": 12345678901234567890.75}', False),
        ("[0.30000000000000001, 0.300000000000000011]", "[0.300000000000000011, 0.30000000000000001]", False),
        ("[1e16, -0.0, 0.1, 1e400]", "[10000000000000000, 0, 0.10000000000000000000, 10e399]", True),
        ("[1e400]", "[1e401]", False),
    ],
)  # fmt: skip
def test_json_is_compared_by_every_digit_in_its_place(compared, left, right, is_equal):
    found = compared(f"select 1 as id, json '{left}' as j", f"select 1 as id, json '{right}' as j")

    assert (found.verdict, found.rows.matched) == ((Verdict.PASS, 1) if is_equal else (Verdict.FAIL, 0))


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "is_near"),
    [
        ("12345678901234567.89::decimal(30,2)", "12345678901234567.88::decimal(30,2)", "0%", False),
        ("12345678901234567.89::decimal(30,2)", "12345678901234567.88::decimal(30,2)", "0.01", True),
        ("12345678901234567.89::decimal(30,2)", "12345678901234567.88::decimal(30,2)", "0.0099", False),
        ("9223372036854775807::bigint", "-9223372036854775807::bigint", "200%", True),
        ("9223372036854775807::bigint", "-9223372036854775807::bigint", "199.9999999999999999999%", False),
        ("1::decimal(38,30)", "1.5::decimal(38,1)", "50%", True),
        ("1::decimal(38,30)", "1.5::decimal(38,1)", "0.5", True),
        ("1::decimal(38,30)", "1.500000000000000000000000000001::decimal(38,30)", "0.5", False),
        ("1::bigint", "5::bigint", "1e308", True),
        ("1::double", "5::double", "1e308", True),
        ("1::double", "5::double", "1e500", True),
        ("1.5::decimal(3,1)", "2::decimal(9,4)", "1e308", True),
    ],
)
def test_a_tolerance_on_exact_numbers_rounds_nothing(compared, left, right, tolerance, is_near):
    found = compared(
        f"select 1 as id, {left} as x", f"select 1 as id, {right} as x", tolerance=Tolerance.parse(tolerance)
    )

    assert found.rows.matched == int(is_near)


@pytest.mark.parametrize("key", ["[i]", "to_json([i])"])
def test_a_sample_by_a_key_without_one_text_is_refused(compared, key):
    rows = f"select {key} as id from range(10) as t(i)"

    with pytest.raises(ComparisonInvalid, match="no sample can be taken by this key"):
        compared(rows, rows, sample_rows=5)


@pytest.mark.parametrize("nested", ["[name]", "{'n': name}", "map {'n': name}"])
def test_a_collation_hides_nothing_in_lists_and_records(bench, nested):
    bench.run("create temp table blind (id int, name varchar collate nocase)")
    bench.run("insert into blind values (1, 'Ada')")
    bench.run(f"create temp view one as select id, {nested} as x from blind")
    bench.run(f"create temp view other as select id, {nested} as x from (select id, upper(name) as name from blind)")
    sides = [Side(name, bench, name, columns(bench, name)) for name in ("one", "other")]

    found = compare(*sides, bench, ComparisonRequest(("id",)), today=date(2026, 11, 21), progress=lambda *_: None)

    assert (found.verdict, found.rows.changed) == (Verdict.FAIL, 1)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("cast(amount as integer) > 2", "rounds"),
        ("round(amount) = 2", "rounds"),
        ("name similar to 'a%'", "SIMILAR TO"),
        ("cast(amount as text) = '1.00'", "makes text of what is none"),
        ("rate = 0.3", "single precision"),
        ("amount / 2 = 1", "divides"),
    ],
)
def test_a_filter_that_engines_answer_differently_is_refused(compared, where, said):
    rows = "select 1 as id, 2.5::decimal(9, 2) as amount, 'a' as name, 0.3::float as rate"

    with pytest.raises(ComparisonInvalid, match=said):
        compared(rows, rows, where=where)


@pytest.mark.parametrize("where", ["cast(rate as double precision) < 0.4", "cast(name as text) = 'a'", "amount >= 2.5"])
def test_a_filter_that_they_answer_alike_is_taken(compared, where):
    rows = "select 1 as id, 2.5::decimal(9, 2) as amount, 'a' as name, 0.3::float as rate"

    assert compared(rows, rows, where=where).rows.left == 1


def test_a_tolerance_that_holds_for_no_column_is_refused(compared):
    rows = "select 1 as id, '1.0' as v"

    with pytest.raises(ComparisonInvalid, match=r"no column has a tolerance of 0\.1; there are id INTEGER, v VARCHAR"):
        compared(rows, rows, tolerance=Tolerance.parse("0.1"))
