"""A record's number on its rows: each example runs, and gives the rows that it gave before."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from lockgate.core.relation import Relation
from lockgate.transform.online.marking import MARK, marked

RECORDS = Relation("raw", "orders")
ROWS = "(values (1, 'DE', 10), (2, 'FR', 20), (3, 'DE', 30)) o(id, code, _lockgate_record)"


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute(f"create schema raw; create table raw.orders as select * from {ROWS}")
        connection.execute("create table raw.countries as select * from (values ('DE', 'Germany')) c(code, name)")
        yield connection


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select id from raw.orders", [(1, 10), (2, 20), (3, 30)]),
        ("select * from raw.orders", [(1, "DE", 10), (2, "FR", 20), (3, "DE", 30)]),
        ("select * exclude (code) replace (-id as id) from raw.orders", [(-3, 30), (-2, 20), (-1, 10)]),
        ("select c.*, o.* from raw.countries c join raw.orders o using (code)", None),
        ("select o.*, c.name from raw.orders o left join raw.countries c using (code) where o.id = 2", None),
        ("with t(a) as (select * from raw.orders) select a from t where code = 'FR'", [(2, 20)]),
        ("select id from raw.orders union all select -id from raw.orders where id = 1", None),
        ("select * from (select code, id from raw.orders) as t where id = 3", [("DE", 3, 30)]),
        ("(select id from raw.orders where id = 1) union all (select x.id from raw.orders x where x.id = 2)", None),
    ],
)
def test_rows_have_their_records_number_last(connection, sql, rows):
    found = marked(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS)

    relation = connection.sql(found.sql("duckdb"))
    assert relation.columns[-1] == MARK
    got = sorted(relation.fetchall())
    assert rows is None or got == rows
    plain = (
        connection.sql(sql.replace("raw.orders", "(select id, code from raw.orders)")) if "x.id" not in sql else None
    )
    if plain is not None and " o " not in sql:
        assert sorted(row[:-1] for row in got) == sorted(plain.fetchall())


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from raw.orders",
        "select columns(*) from raw.orders",
        "select #1 from raw.orders",
        "select o from raw.orders o",
        "select to_json(Orders) from raw.orders as orders",
        "select struct_pack(o.*) from raw.orders o",
        "select code from raw.countries",
        "select * from (select code, id from raw.orders)",
    ],
)
def test_what_would_see_the_number_gets_none(sql):
    assert marked(sqlglot.parse_one(sql, dialect="duckdb"), RECORDS) is None
