"""Which queries keep the records of a request apart: each example is right by what its SQL means."""

from __future__ import annotations

import pytest
import sqlglot

from lockgate.core.relation import Relation
from lockgate.transform.online import Reach, reach_of

RECORDS = Relation("raw", "orders")


@pytest.mark.parametrize(
    "sql",
    [
        "select id, upper(name) as name from raw.orders where amount > 0",
        "with o as (select * from raw.orders) select * from o",
        "select o.id, c.name from raw.orders o left join raw.countries c on c.code = o.country",
        "select o.id, c.name from raw.countries c join raw.orders o on c.code = o.country",
        (
            "select o.id, t.total from raw.orders o join (select country, sum(n) as total from raw.counts group by 1) t"
            " on t.country = o.country"
        ),
        "select id from raw.orders where country in (select code from raw.countries)",
        "select id, (select max(name) from raw.countries c where c.code = o.country) as name from raw.orders o",
        "select id from raw.orders union all select id + 1 from raw.orders",
        "select id, u.tag from raw.orders o, unnest(o.tags) as u(tag)",
        "select o.id, l.n from raw.orders o, lateral (select count(*) as n from raw.counts b where b.id < o.id) l",
        "select id, case when amount > 0 then greatest(amount, 1) end as amount from raw.orders",
    ],
)
def test_a_record_stands_for_itself(sql):
    assert reach_of(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS) is Reach.ROW


@pytest.mark.parametrize(
    "sql",
    [
        "select country, count(*) as n from raw.orders group by country",
        "select max(id) as id from raw.orders",
        "select id, row_number() over (partition by country order by id) as n from raw.orders",
        "select id from raw.orders qualify row_number() over (order by id) = 1",
        "select distinct country from raw.orders",
        "select id from raw.orders order by id limit 1",
        "select a.id from raw.orders a join raw.orders b on a.id = b.other",
        "select c.code, o.id from raw.countries c left join raw.orders o on o.country = c.code",
        "select o.id from raw.countries c full join raw.orders o on o.country = c.code",
        "select o.id from raw.orders o right join raw.countries c on o.country = c.code",
        "select id from raw.orders union select id from raw.orders",
        "select id from raw.orders except select id from raw.returned",
        "select id from raw.orders union all select id from raw.returned",
        "select id from raw.orders where id = (select max(id) from raw.orders)",
        "select code from raw.countries where code in (select country from raw.orders)",
        "with o as (select *, lag(id) over (order by id) as before from raw.orders) select id from o",
        "select * from (select id from raw.orders union all select id from raw.orders limit 3)",
        "select id, sum(amount) over () as total from raw.orders",
        "select o.id, u.other from raw.orders o, unnest((select list(id) from raw.orders)) as u(other)",
        "select o.id, l.n from raw.orders o, lateral (select count(*) as n from raw.orders b where b.id < o.id) l",
        "select o.id from raw.orders o asof join raw.rates r on o.at >= r.at",
        "select * from raw.orders pivot (sum(amount) for country in ('DE', 'FR'))",
    ],
)
def test_records_of_a_request_meet(sql):
    assert reach_of(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS) is Reach.REQUEST


def test_a_query_over_other_relations_rests_on_no_record():
    query = sqlglot.parse_one("select country, count(*) from raw.counts group by 1", dialect="duckdb")

    assert reach_of(query, RECORDS) is Reach.REFERENCE
