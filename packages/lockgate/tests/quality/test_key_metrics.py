"""A key metric is one aggregating expression over the contract's columns; anything else is refused."""

from __future__ import annotations

import duckdb
import pytest

from lockgate.quality.key_metrics import NotAMetric, key_metric_of

COLUMNS = ("id", "cost", "team", "order")
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
    ],
)
def test_what_is_no_such_expression_is_refused_with_the_reason(written, why):
    with pytest.raises(NotAMetric) as refused:
        key_metric_of(written, COLUMNS)

    assert why in str(refused.value)
