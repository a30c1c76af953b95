"""Every record as a request of its own: the rows of one query equal those of a query for each record."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from lockgate.core.relation import Relation
from lockgate.transform.online.parting import parted

RECORDS = Relation("raw", "orders")
ROWS = [(1, "DE", 5), (1, "DE", 7), (2, "FR", 5), (3, None, 5), (2, "FR", 5)]


def loaded(rows):
    connection = duckdb.connect()
    connection.execute(
        "create schema raw; create table raw.orders (id int, code text, amount int, _lockgate_request int)"
    )
    connection.execute("create table raw.countries as select * from (values ('DE', 'Germany')) c(code, name)")
    connection.executemany("insert into raw.orders values (?, ?, ?, ?)", rows)
    return connection


@pytest.mark.parametrize(
    "sql",
    [
        "select distinct id, code from raw.orders",
        "select distinct on (code) id, code from raw.orders order by code, amount",
        "select id, row_number() over (partition by code order by amount) as n, sum(id) over () as s from raw.orders",
        "select id from raw.orders qualify rank() over (order by amount desc) = 1",
        "select code, count(*) as n, max(id) as id from raw.orders group by code having count(*) < 2",
        "select code, sum(amount) as s from raw.orders group by all",
        "select id from raw.orders union select amount from raw.orders",
        "select id from raw.orders except select id from raw.orders where amount > 5",
        "select a.id, b.amount from raw.orders a join raw.orders b on a.id = b.id",
        "select a.id, b.amount from raw.orders a left join raw.orders b on a.id = b.id and b.amount > 5",
        "select a.id from raw.orders a, raw.orders b where a.code = b.code",
        "select a.id from raw.orders a anti join raw.orders b on a.amount < b.amount",
        (
            "with t as (select *, lag(id) over (order by id) as before from raw.orders)"
            " select t.*, c.name from t left join raw.countries c using (code)"
        ),
    ],
)
def test_one_query_gives_what_each_record_gives_alone(sql):
    found = parted(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS)

    with loaded([(*row, number) for number, row in enumerate(ROWS)]) as together:
        got = sorted((row[-1], row[:-1]) for row in together.sql(found.sql("duckdb")).fetchall())
    wanted = []
    for number, row in enumerate(ROWS):
        with loaded([(*row, number)]) as alone:
            alone.execute("alter table raw.orders drop _lockgate_request")
            wanted += [(number, one) for one in alone.sql(sql).fetchall()]
    assert sorted(got, key=repr) == sorted(wanted, key=repr)


@pytest.mark.parametrize(
    "sql",
    [
        "select max(id) as id from raw.orders",
        "select id from raw.orders limit 1",
        "select id from raw.orders where amount = (select max(amount) from raw.orders)",
        "select o.id from raw.countries c left join raw.orders o using (code)",
        "select o.id from raw.orders o right join raw.countries c using (code)",
        "select code, count(*) from raw.orders group by rollup (code)",
        "select id from raw.orders natural left join (select distinct id from raw.orders) x",
        "select sum(amount) over w from raw.orders window w as (order by id)",
    ],
)
def test_what_is_not_known_to_be_parted_is_not(sql):
    assert parted(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS) is None
