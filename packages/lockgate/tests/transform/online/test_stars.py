"""Stars written out for engines that cannot leave a column out of one, and those that stay."""

from __future__ import annotations

import pytest
import sqlglot

from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType
from lockgate.transform.online.stars import without_stars

COLUMNS = {
    Relation("raw", name): tuple(Column(one, ColumnType.parse("text")) for one in columns)
    for name, columns in {"orders": ("id", "Code"), "countries": ("Code", "name")}.items()
}
WRITTEN = {
    "select * from raw.orders": 'select "orders"."id", "orders"."Code" from raw.orders',
    "select o.*, 1 as n from raw.orders o": 'select "o"."id", "o"."Code", 1 as n from raw.orders o',
    "select * from raw.orders o, raw.countries c": (
        'select "o"."id", "o"."Code", "c"."Code", "c"."name" from raw.orders o, raw.countries c'
    ),
    "select o.* from raw.orders o left join raw.countries using (code)": (
        'select "o"."id", "o"."Code" from raw.orders o left join raw.countries using (code)'
    ),
    "with a as (select *, 1 as Two from raw.orders), b as (select * from a) select b.* from b": (
        'with a as (select "orders"."id", "orders"."Code", 1 as Two from raw.orders),'
        ' b as (select "a"."id", "a"."Code", "a"."two" from a) select "b"."id", "b"."Code", "b"."two" from b'
    ),
    "select * from (select id from raw.orders union all select name from raw.countries) as u": (
        'select "u"."id" from (select id from raw.orders union all select name from raw.countries) as u'
    ),
    "select count(*) as n, (select max(x.id) from (select * from raw.orders) x) as m from raw.countries": (
        'select count(*) as n, (select max(x.id) from (select "orders"."id", "orders"."Code" from raw.orders) x) as m'
        " from raw.countries"
    ),
}
STAYS = [
    "select * from raw.unknown",
    "select * from raw.orders join raw.countries using (code)",
    "select * from raw.orders natural join raw.countries",
    "select * from raw.orders as o(a, b)",
    "select * from (select id, upper(code) from raw.orders) as unnamed",
    "select * from raw.orders, generate_series(1, 3) as g",
    "with recursive r as (select 1 as n union all select * from r) select r.n from r",
]


def same(sql: str) -> str:
    return sqlglot.parse_one(sql, dialect="postgres").sql("postgres")


@pytest.mark.parametrize("sql", WRITTEN)
def test_a_star_is_written_out_where_all_is_known(sql):
    query = sqlglot.parse_one(sql, dialect="postgres")

    assert without_stars(query, COLUMNS, "postgres").sql("postgres") == same(WRITTEN[sql])
    assert query.sql("postgres") == same(sql)


@pytest.mark.parametrize("sql", STAYS)
def test_a_star_stays_where_something_is_not_known(sql):
    assert without_stars(sqlglot.parse_one(sql, dialect="postgres"), COLUMNS, "postgres").sql("postgres") == same(sql)


def test_an_engine_that_leaves_columns_out_of_a_star_keeps_it():
    query = sqlglot.parse_one("select * from raw.orders", dialect="duckdb")

    assert without_stars(query, COLUMNS, "duckdb").sql("duckdb") == "SELECT * FROM raw.orders"
