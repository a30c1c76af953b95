"""A dbt graph as one query: it gives what its models give when each of them is built."""

from __future__ import annotations

import duckdb
import pytest

from lockgate.core.compiled import CompiledKind, CompiledNode
from lockgate.core.relation import Relation
from lockgate.errors import NotOnline
from lockgate.transform.online import joined


def model(name: str, sql: str, **more) -> CompiledNode:
    return CompiledNode(f"model.shop.{name}", CompiledKind.MODEL, Relation("build", name), sql, **more)


ORDERS = model("stg_orders", 'select id, amount / 100.0 as amount, country from "db"."raw"."orders"')
PAID = model("paid", 'with kept as (select * from "db"."build"."stg_orders" where amount > 0) select * from kept')
MARTS = model(
    "marts",
    'select paid.id, "db"."build"."stg_orders"."amount", c.name from "db"."build"."paid" '
    'join "db"."build"."stg_orders" on stg_orders.id = paid.id '
    'left join "db"."raw"."countries" as c on c.code = paid.country',
)


def test_the_query_gives_what_built_models_give():
    found = joined([MARTS, ORDERS, PAID], "model.shop.marts", "duckdb")

    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as db; use db; create schema raw; create schema build")
        connection.execute(
            "create table raw.orders as"
            " select * from (values (1, 250, 'DE'), (2, 0, 'FR'), (3, 99, 'IT')) o(id, amount, country)"
        )
        connection.execute("create table raw.countries as select * from (values ('DE', 'Germany')) c(code, name)")
        alone = connection.sql(found.query.sql("duckdb")).fetchall()
        for one in (ORDERS, PAID, MARTS):
            connection.execute(f"create table build.{one.relation.name} as {one.sql}")
        built = connection.sql("from build.marts").fetchall()

    assert sorted(alone) == sorted(built) == [(1, 2.5, "Germany"), (3, 0.99, None)]
    assert set(found.leaves) == {Relation("raw", "orders"), Relation("raw", "countries")}


def test_a_models_own_part_may_be_called_as_another_model_is():
    above = model(
        "above",
        "with stg_orders as (select 7 as id)"
        ' select id from stg_orders union all select id from "db"."build"."stg_orders"',
    )

    query = joined([above, model("stg_orders", "select 1 as id")], "model.shop.above", "duckdb").query

    assert sorted(duckdb.sql(query.sql("duckdb")).fetchall()) == [(1,), (7,)]


def test_an_enforced_contract_casts_what_its_model_gives():
    narrow = model("narrow", "select 1.26 as price, 'x' as name", columns={"price": "decimal(3,1)", "name": "varchar"})

    query = joined([narrow], "model.shop.narrow", "duckdb").query

    assert duckdb.sql(f"select price::varchar, name from ({query.sql('duckdb')})").fetchall() == [("1.3", "x")]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select from where", "its SQL cannot be read"),
        ("select 1; select 2", "it is more than one query"),
        ("select id from orders", "it reads 'orders' without saying of which schema"),
        ('select id from "db"."build"."round"', "it reads what it was itself at an earlier run"),
        ('select id from "db"."build"."other"', "the models read each other in a circle"),
    ],
)
def test_what_is_no_query_over_known_relations_is_refused(sql, reason):
    with pytest.raises(NotOnline, match=reason):
        joined(
            [model("round", sql), model("other", 'select id from "db"."build"."round"')], "model.shop.round", "duckdb"
        )
