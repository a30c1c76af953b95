"""Which graphs do not answer records, and why; each with the model that has the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.core.compiled import CompiledGraph, CompiledKind
from lockgate.core.relation import Relation
from lockgate.errors import NotOnline
from lockgate.transform.online import inputs_of, refusals

PLAIN = {"id": "bigint", "name": "text"}


@pytest.fixture(scope="module")
def memory():
    memory = DuckDBMemory(threads=1)
    yield memory
    memory.close()


def sql_refusals(shop, memory, sql, **more):
    return refusals(shop.model(shop.node("top", sql), contract=PLAIN, **more), memory)


def test_a_graph_that_answers_has_no_refusal(shop, memory):
    assert sql_refusals(shop, memory, "select id, code as name from raw.orders") == ()


def test_every_node_that_stands_in_the_way_is_told_with_its_file(shop, memory):
    made = shop.model(
        shop.node("seen", "", kind=CompiledKind.SNAPSHOT),
        shop.node("counted", "", language="python"),
        shop.node("granted", "select 1 as a", has_hooks=True, invocation=("invocation_id", "run_started_at")),
        shop.node("made", "select 1 as a", materialized="of our own"),
        shop.node("top", "select id, code as name from raw.orders"),
        contract=PLAIN,
    )

    found = refusals(made, memory)

    assert [(one.message, one.fields["model"], one.fields["file"]) for one in found] == [
        ("seen: it is a snapshot, whose rows are what was there at earlier runs", "model.shop.seen", "models/seen.sql"),
        ("counted: it is written in python, not in SQL", "model.shop.counted", "models/counted.sql"),
        ("granted: statements of its own run before or after it (hooks)", "model.shop.granted", "models/granted.sql"),
        (
            "granted: its SQL has invocation_id in it, which is another at every invocation",
            "model.shop.granted",
            "models/granted.sql",
        ),
        (
            "granted: its SQL has run_started_at in it, which is another at every invocation",
            "model.shop.granted",
            "models/granted.sql",
        ),
        ("made: what its materialization 'of our own' does is not known", "model.shop.made", "models/made.sql"),
    ]
    assert all(one.remedy for one in found)
    with pytest.raises(NotOnline, match="seen: it is a snapshot"):
        shop.program(made)


def test_sql_of_another_dialect_is_not_run_in_memory(shop, memory):
    made = shop.model(shop.node("top", "select id, code as name from raw.orders"), contract=PLAIN)
    other = replace(made, graph=replace(made.graph, dialect="postgres"))

    assert [one.message for one in refusals(other, memory)] == [
        "top: its SQL is written for postgres, and records are asked of duckdb"
    ]


def test_an_incremental_model_that_reads_itself_is_refused(shop, memory):
    sql = "select id, code as name from raw.orders union all select * from build.top"
    made = shop.model(shop.node("top", sql, materialized="incremental"), contract=PLAIN)

    (found,) = refusals(made, memory)

    assert found.message == "top: it reads what it was itself at an earlier run"
    assert found.fields["model"] == "model.shop.top"


MOVING = {
    "select id, now()::varchar as name from raw.orders": "now() gives",
    "select id, current_date::varchar as name from raw.orders": "current_date is",
    "select id, code as name from raw.orders where seen < CURRENT_TIMESTAMP": "current_timestamp is",
    "select id, localtimestamp::varchar as name from raw.orders": "localtimestamp is",
    "select id, today()::varchar as name from raw.orders": "today() gives",
    "select id, random()::varchar as name from raw.orders": "random() gives",
    "select id, uuid()::varchar as name from raw.orders": "uuid() gives",
    "select id, list_transform([1], lambda x: x + random())::varchar as name from raw.orders": "random() gives",
    "select id, nextval('s')::varchar as name from raw.orders": "nextval() gives",
    "select id, age(seen)::varchar as name from raw.orders": "age() gives",
    "select id, ago(interval 1 day)::varchar as name from raw.orders": "ago() gives",
    "select id, getvariable('x') as name from raw.orders": "getvariable() gives",
    "select id, current_setting('threads') as name from raw.orders": "current_setting() gives",
    "select id, version() as name from raw.orders": "version() gives",
    "select id, code as name from raw.orders using sample 10%": "a sample is",
    "select id, code as name from raw.orders tablesample 10%": "a sample is",
    "select id, r.content as name from raw.orders, read_text('/etc/hostname') r": "read_text() reads",
    "select id, g.file as name from raw.orders, glob('*') g": "glob() reads",
    "select id, s.name from raw.orders, duckdb_settings() s": "duckdb_settings() reads",
    "select id, (select max(rowid) from raw.countries)::varchar as name from raw.orders": "rowid is",
}


@pytest.mark.parametrize("sql", MOVING)
def test_what_gives_something_else_at_another_call_is_refused(shop, memory, sql):
    (found,) = sql_refusals(shop, memory, sql)

    assert found.message.startswith(f"top: {MOVING[sql]}")
    assert found.fields["model"] == "model.shop.top"


@pytest.mark.parametrize(
    "sql",
    [
        "select id, age(seen, timestamp '2020-01-01')::varchar as name from raw.orders",
        "select id, split_part(code, '@', 2) as name from raw.orders",
        "select id, r.x::varchar as name from raw.orders, range(1) r(x)",
        "select id, code as name from raw.orders where 'current_date' <> code -- now()",
    ],
)
def test_what_gives_the_same_at_every_call_is_not(shop, memory, sql):
    assert sql_refusals(shop, memory, sql) == ()


UNTOLD = {
    "select code as id, count(*)::varchar as name from raw.countries group by code": "it does not read raw.orders",
    "select max(id) as id, min(code) as name from raw.orders": "its key is computed",
    "select row_number() over (order by id) as id, code as name from raw.orders": "its key is computed",
    "select len(c.code) as id, o.code as name from raw.countries c left join raw.orders o using (code)": "its key is",
    "select o.id, c.name from raw.countries c left join raw.orders o using (code)": "a join gives rows without",
    "select o.id, c.name from raw.orders o right join raw.countries c using (code)": "a join gives rows without a",
    "select o.id, c.name from raw.orders o full join raw.countries c using (code)": "a join gives rows",
    "select id, code as name from raw.orders union select 1, name from raw.countries": "its key does not come from one",
    "select id, code as name from raw.orders union all select len(name), code from raw.countries": "its key is",
    "select id, code as name from raw.orders union select -id, code from raw.orders": "parts of a union take its key",
    "select a.id + b.id as id, a.code as name from raw.orders a join raw.orders b on a.id < b.id": "its key does not",
    "select unnest([id, -id]) as id, code as name from raw.orders": "its key is computed",
    "select u.n as id, code as name from raw.orders, unnest([id, -id]) as u(n)": "its key comes from a function",
    "select id, code as name from raw.orders group by rollup (id, code)": "it groups its rows in several ways",
    "select distinct product(id) as id, 'x' as name from raw.orders": "its key is computed",
    "with recursive r as (select id, code from raw.orders union select id - 1, code from r where id > 0)"
    " select id, code as name from r": "",
    "select distinct columns('id'), code as name from raw.orders": "it is not plain where",
}


@pytest.mark.parametrize("sql", UNTOLD)
def test_rows_that_cannot_be_told_to_be_a_records_are_refused(shop, memory, sql):
    (found,) = sql_refusals(shop, memory, sql)

    assert found.fields["model"] == "model.shop.top"
    assert UNTOLD[sql] in found.message
    assert found.remedy


WRONG = {
    "select id from raw.orders": "top: it has no column 'name'",
    "select id, seen as name, nothing from raw.orders": "top: the query does not run over the columns",
    "select id, code as name from raw.unknown": "top: nothing is known of raw.unknown",
    "select [id] as id, code as name from raw.orders": "top: column 'id' is json where the contract says bigint",
    "select id, code as name from orders": "top: it reads 'orders' without saying of which schema",
    "select id, code as name from 'orders.csv'": "top: it reads 'orders.csv' without saying of which schema",
}


@pytest.mark.parametrize("sql", WRONG)
def test_what_does_not_fit_the_columns_is_refused(shop, memory, sql):
    (found,) = sql_refusals(shop, memory, sql)

    assert found.message.startswith(WRONG[sql])


def test_a_key_that_gets_another_type_on_its_way_is_refused(shop, memory):
    sql = "select id, code as name from raw.orders except select name, code from raw.countries"

    (found,) = sql_refusals(shop, memory, sql)

    assert found.message.startswith("top: its key does not become the contract's")


def test_the_inputs_of_a_graph_are_what_no_model_builds(shop):
    nodes = [
        shop.node("codes", "", kind=CompiledKind.SEED),
        shop.node("stg", 'select * from "db"."RAW"."orders"'),
        shop.node("top", "select s.id from build.stg s join Build.Codes using (code) join raw.countries using (code)"),
    ]
    source = replace(shop.node("orders", "", kind=CompiledKind.SOURCE), relation=shop.orders)
    graph = CompiledGraph("model.shop.top", {one.name: one for one in (*nodes, source)}, "duckdb")

    assert set(inputs_of(graph)) == {shop.orders, shop.countries, Relation("build", "codes")}
