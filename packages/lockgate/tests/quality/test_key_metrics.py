"""A key metric is one aggregating expression over the contract's columns; anything else is refused."""

from __future__ import annotations

import duckdb
import pytest

from lockgate.core.types import Kind
from lockgate.quality.key_metrics import NotAMetric, key_metric_of

COLUMNS = {
    "id": Kind.BIGINT, "cost": Kind.DOUBLE, "team": Kind.TEXT, "order": Kind.INTEGER, "paid": Kind.BOOLEAN,
    "day": Kind.DATE, "at": Kind.TIMESTAMPTZ, "facts": Kind.JSON, "token": Kind.UUID, "unknown": None,
}  # fmt: skip
ROWS = "(values (1, 10.5, 'e', 2), (2, 20, 's', 3), (3, null, 'e', 4)) as t(id, cost, team, \"order\")"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("sum(cost)", 30.5),
        ("count(*)", 3.0),
        ("count(distinct team)", 2.0),
        ("sum(cost) / count(cost)", 15.25),
        ("sum(id) / count(*) / 4", 0.5),
        ("count(*) / (count(*) - 3)", None),
        ("sum(id / 2)", 3.0),
        ("count(case when team = 'e' and cost is not null then 1 end)", 1.0),
        ("max(id) - min(id)", 2.0),
        ('sum("order")', 9.0),
        ("coalesce(sum(cost), 0) * -1", -30.5),
        ("count(case when team in ('e', 'x') then 1 end)", 2.0),
    ],
)
def test_the_value_is_what_the_expression_says_and_division_keeps_fractions(written, value):
    sql = key_metric_of(written, COLUMNS).sql(dialect="duckdb")

    with duckdb.connect() as connection:
        assert connection.execute(f"select {sql} from {ROWS}").fetchone() == (value,)


@pytest.mark.parametrize(
    "written",
    [
        "count(case when day between '2026-01-01' and '2026-12-31' then 1 end)",
        "count(case when at > day and token <> 'c0ffee00-1234-5678-9abc-def012345678' then 1 end)",
        "count(case when (paid or id = order) and paid is not true then null else facts end)",
        "sum(case team when 'e' then cost else 0 end) / nullif(count(distinct team), 0)",
        "sum(unknown) + max(abs(-cost)) + count(case when unknown = team or unknown = 1 then 1 end)",
    ],
)
def test_what_fits_by_its_types_is_a_metric(written):
    assert key_metric_of(written.replace("order", '"order"'), COLUMNS).sql(dialect="postgres").startswith("CAST(")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("cost", "nothing is aggregated"),
        ("sum(cost) + id", "'id' stands outside of"),
        ("sum(sum(cost))", "an aggregate stands in another one"),
        ("sum(costs)", "the contract has no column 'costs'. Did you mean 'cost'"),
        ("sum(t.cost)", "the contract has no column 't.cost'"),
        ("sum(cost) from secrets", "is not one expression"),
        ("sum(cost), count(*)", "is not one expression"),
        ("sum(cost); drop table users", "is not one expression"),
        ("sum((select 1))", "is not allowed in a key metric"),
        ("sum(cost) over ()", "is not allowed in a key metric"),
        ("max(pg_read_file('x'))", "is not allowed in a key metric"),
        ("max(random())", "is not allowed in a key metric"),
        ("sum(cost) /* hidden */", "is not allowed in a key metric"),
        ("sum(", "cannot be read as SQL"),
        ("", "is not one expression"),
        ("sum(team)", "'team' is text, where a number is needed"),
        ("max(day)", "'day' is a date or time, where a number is needed"),
        ("avg(paid)", "'paid' is a boolean, where a number is needed"),
        ("sum(coalesce(cost, 'x'))", "are not alike: a number and a quoted value"),
        ("sum(*)", "`*` stands in count(*) alone"),
        ("count(distinct *)", "`*` stands in count(*) alone"),
        ("count(distinct facts)", "'facts' is json, which is not compared on every target"),
        ("count(case when team = 1 then 1 end)", "'team' and '1' are not alike: text and a number"),
        ("count(case when id = '1' then 1 end)", "are not alike: a number and a quoted value"),
        ("count(case when team then 1 end)", "'team' is text, where a boolean is needed"),
        ("count(case team when 1 then 1 end)", "are not alike"),
        ("count(case when id in (1, paid) then 1 end)", "are not alike"),
        ("count(case when not cost then 1 end)", "'cost' is a number, where a boolean is needed"),
        ("sum(case when paid then 'a' end)", "is a quoted value, where a number is needed"),
        ("count(*) > 3", "is a boolean, where a number is needed"),
        ("sum(cost) + 1" + " " * 2000, "it has 2,013 characters; a key metric has 2,000 at most"),
        ("sum(" + "(" * 900 + "cost" + ")" * 900 + ")", "it is nested too deeply"),
    ],
)
def test_what_is_no_such_expression_is_refused_with_the_reason(written, why):
    with pytest.raises(NotAMetric) as refused:
        key_metric_of(written, COLUMNS)

    assert why in str(refused.value)
