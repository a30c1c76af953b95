"""Records answered by a real PostgreSQL equal a batch of it: random tables, each model made a table after the other."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.adapters.warehouses.postgres.catalog import column_sql
from lockgate.core.arrow import arrow_schema
from lockgate.core.sql import sql_type
from lockgate.errors import NotOnline
from lockgate.transform.online import OnlineProgram, refusals

DATABASE = "answers"
CONTRACT = {"id": "bigint", "name": "text", "price": "numeric(14,2)", "seen": "timestamptz"}
COUNTRIES = {"code": ["DE", "FR", "ÖS"], "name": ["Germany", "France", "Österreich"]}
STAGED = (
    "stg",
    (
        "with orders as (select id, code, amount, seen, tags, lower(code) as low from raw.orders),"
        " found as (select * from raw.countries) select orders.id, orders.code, amount, seen, tags, low,"
        ' found.name as land from orders left join found on found.code = orders."code"'
        " where amount is not null and amount not in (7)"
    ),
)
STARRED = (
    "stg",
    (
        "with orders as (select *, lower(code) as low from raw.orders), found as (select * from raw.countries)"
        ' select orders.*, found.name as land from orders left join found on found.code = orders."code"'
        " where amount is not null and amount not in (7)"
    ),
)
ALONE = {
    "all columns of the records": [
        STARRED,
        ("top", "select id, land as name, amount / 3 as price, seen from build.stg where low is not null"),
    ],
    "a chain": [
        STAGED,
        ("top", "select id, land as name, amount / 3 as price, seen from build.stg where low is not null"),
    ],
    "a union": [
        STAGED,
        (
            "top",
            (
                "select id, low as name, amount as price, seen from build.stg where amount > 0 union all"
                " select id, code, -amount, seen + interval '1 day' from build.stg where amount <= 0"
            ),
        ),
    ],
    "a correlated subquery": [
        (
            "top",
            (
                "select id, (select max(name) from raw.countries c where c.code <= o.code) as name,"
                " (select count(*) from raw.countries c where c.code > o.code) as price, seen from raw.orders o"
                " where exists (select * from raw.countries c where c.code = o.code)"
            ),
        ),
    ],
    "aggregates of what is looked up": [
        ("counts", "select left(code, 1) as letter, count(*) as n, max(name) as name from raw.countries group by 1"),
        (
            "top",
            (
                "select o.id, coalesce(c.name, '-') as name, c.n as price, o.seen from build.counts c"
                " join raw.orders o on left(o.code, 1) = c.letter"
            ),
        ),
    ],
    "one record's list": [
        (
            "top",
            (
                "select id, t.tag as name, amount as price, seen from raw.orders o"
                " cross join lateral jsonb_array_elements_text(o.tags) as t(tag) where t.tag = 'x'"
            ),
        ),
    ],
    "a contract with other types": [
        (
            "stg",
            "select id, code, amount, seen from raw.orders",
            {"id": "int", "code": "varchar(2)", "amount": "float8", "seen": "timestamp"},
        ),
        ("top", "select id, code || '' as name, amount / 3 as price, null::timestamp as seen from build.stg"),
    ],
}  # fmt: skip
TOGETHER = {
    "the newest of each": [
        STAGED,
        (
            "top",
            (
                "select id, land as name, amount as price, seen from (select *, row_number() over (partition by id"
                " order by amount desc, seen, code, tags::text) as n from build.stg) as numbered where n = 1"
            ),
        ),
    ],
    "distinct on": [
        (
            "top",
            (
                "select distinct on (id) id, code as name, amount as price, seen from raw.orders"
                " order by id, amount desc nulls last, seen, code"
            ),
        ),
    ],
    "distinct rows": [STAGED, ("top", "select distinct id, land as name, amount as price, seen from build.stg")],
    "sums": [
        (
            "top",
            "select id, max(code) as name, sum(amount) as price, min(seen) as seen from raw.orders group by id",
        )
    ],
    "an aggregate that PostgreSQL alone knows": [
        (
            "top",
            (
                "select id, json_agg(code order by code)::text as name, sum(amount) as price, max(seen) as seen"
                " from raw.orders group by id having every(amount > 0)"
            ),
        ),
    ],
    "a right join": [
        (
            "top",
            (
                "select o.id, max(c.name) as name, max(o.amount) as price, max(o.seen) as seen"
                " from raw.countries c right join raw.orders o using (code) group by o.id"
            ),
        ),
    ],
}
SEEN = st.integers(0, 4_102_444_800).map(lambda at: datetime.fromtimestamp(at, UTC).replace(tzinfo=None))
RECORDS = st.fixed_dictionaries(
    {
        "id": st.one_of(st.none(), st.integers(1, 4)),
        "code": st.sampled_from([None, "DE", "FR", "ÖS", "zz", ""]),
        "amount": st.one_of(st.none(), st.sampled_from(["7", "0.05", "-3.10", "9.99"])),
        "seen": st.one_of(st.none(), SEEN),
        "tags": st.sampled_from([None, ["x"], ["x", "y"], []]),
    }
)
SETTINGS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def url(postgres_server):
    """A database of its own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))
        yield f"{postgres_server.rpartition('/')[0]}/{DATABASE}"
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(DATABASE)))
        for (role,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'lockgate_guest_%'"):
            connection.execute(SQL("DROP ROLE {}").format(Identifier(role)))


@pytest.fixture(scope="module")
def warehouse(url):
    warehouse = open_postgres("main", url, clock=lambda: datetime.now(UTC))
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def made(shop, warehouse):
    """A model and its program, by the SQL of the models."""

    @cache
    def made(name):
        parts = {**ALONE, **TOGETHER}[name]
        nodes = [shop.node(*part[:2], columns=part[2] if len(part) > 2 else None) for part in parts]
        model = shop.model(*nodes, contract=CONTRACT, dialect="postgres")
        countries = pa.table(COUNTRIES, schema=arrow_schema(model.columns[shop.countries]))
        return model, OnlineProgram(model, warehouse.memory(), context={shop.countries: countries})

    return made


@pytest.fixture(scope="module")
def built(shop, url):
    """What PostgreSQL has in the last model's table, cast to the contract, after each model is made a table."""

    def built(model, records):
        with _schemas(url) as connection:
            for relation, rows in ((shop.countries, _rows(COUNTRIES)), (shop.orders, records)):
                _fill(connection, relation, model.columns[relation], rows)
            for one in model.graph.nodes.values():
                values = "*" if one.columns is None else ", ".join(f"{n}::{t} AS {n}" for n, t in one.columns.items())
                connection.execute(
                    f"CREATE TABLE build.{one.relation.name} AS SELECT {values} FROM ({one.sql}) AS made"
                )
            values = ", ".join(f'"{c.name}"::{sql_type(c.type).sql("postgres")}' for c in model.contract.columns)
            last = f"SELECT {values} FROM build.{model.node.relation.name}"
            return sorted(connection.execute(last).fetchall(), key=repr)

    return built


@contextmanager
def _schemas(url):
    with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA build")
        yield connection
        connection.rollback()


def _rows(table):
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def _fill(connection, relation, columns, rows):
    typed = ", ".join(f'"{one.name}" {column_sql(one.type)}' for one in columns)
    connection.execute(f"CREATE TABLE {relation} ({typed})")
    marks = ", ".join("%s" for _ in columns)
    for row in rows:
        values = [
            psycopg.types.json.Jsonb(v) if isinstance(v, list) else v for v in map(row.get, (c.name for c in columns))
        ]
        connection.execute(f"INSERT INTO {relation} VALUES ({marks})", values)


def outputs(*answers):
    """The rows of records that are ok, in order, as psycopg has them."""
    rows = (row for answer in answers for row in answer.to_pylist() if row["_outcome"] == "ok")
    return sorted((tuple(row[name] for name in CONTRACT) for row in rows), key=repr)


@pytest.mark.parametrize("name", ALONE)
@given(records=st.lists(RECORDS, max_size=8), cuts=st.lists(st.integers(0, 8), max_size=3))
@SETTINGS
def test_records_answered_in_any_requests_equal_the_table(made, built, name, records, cuts):
    model, program = made(name)
    ends = sorted(min(cut, len(records)) for cut in cuts)
    requests = [records[a:b] for a, b in zip([0, *ends], [*ends, len(records)], strict=True)]

    answers = program.outcomes(requests)

    assert (program.is_apart, program.is_alone) == (True, True)
    assert [len(answer) for answer in answers] == [len(request) for request in requests]
    assert normal(outputs(*answers)) == normal(row for row in built(model, records) if row[0] is not None)


@pytest.mark.parametrize("name", TOGETHER)
@given(requests=st.lists(st.lists(RECORDS, max_size=8), max_size=3))
@SETTINGS
def test_a_request_answered_as_a_whole_equals_the_table_whoever_asks_with_it(made, built, name, requests):
    model, program = made(name)

    answers = program.outcomes(requests)

    assert (program.is_apart, program.is_alone) == (name != "a right join", False)
    for answer, records in zip(answers, requests, strict=True):
        assert len(answer) == len(records)
        rows = built(model, records)
        keys = [row[0] for row in rows]
        assert normal(outputs(answer)) == normal(row for row in rows if row[0] is not None and keys.count(row[0]) == 1)


def normal(rows):
    """Rows in an order of their values; moments in UTC are equal whatever the zone is called."""
    return sorted(
        [tuple(value.isoformat() if isinstance(value, datetime) else value for value in row) for row in rows], key=repr
    )


REFUSED = {
    "select id, random()::text as name from raw.orders": "random() gives something else at another call",
    "select id, now()::text as name from raw.orders": "now() gives something else at another call",
    "select id, current_date::text as name from raw.orders": "current_date is something else at another call",
    "select id, date_part('hour', seen)::text as name from raw.orders": (
        "its SQL does not mean the same once it is written again: date_part, extract"
    ),
    "select id, nowhere as name from raw.orders": (
        'the query does not run over the columns of what it reads: column "nowhere" does not exist'
    ),
    "select id, code as name from raw.unknown": "nothing is known of raw.unknown, which it reads",
    "select id, rolname::text as name from raw.orders, pg_catalog.pg_roles": (
        "nothing is known of pg_catalog.pg_roles, which it reads"
    ),
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_answer_is_refused_with_the_reason(shop, warehouse, sql):
    model = shop.model(shop.node("top", sql), contract={"id": "bigint", "name": "text"}, dialect="postgres")

    (found,) = refusals(model, warehouse.memory())

    assert (found.message, found.fields["model"]) == (f"top: {REFUSED[sql]}", "model.shop.top")
    with pytest.raises(NotOnline):
        OnlineProgram(model, warehouse.memory(), context={})


def test_names_longer_than_postgresql_keeps_are_answered(shop, warehouse):
    long = "a_model_whose_name_is_as_long_as_postgresql_lets_it_be_or_nearly"[:60]
    parts = "with a as (select * from raw.countries), b as (select * from a) select code, name from b"
    nodes = [shop.node(long + one, parts) for one in "xy"]
    sql = f"select o.id, x.name || y.name as name from raw.orders o join build.{long}x x using (code)"
    top = shop.node("top", f"{sql} join build.{long}y y using (code)")
    model = shop.model(*nodes, top, contract={"id": "bigint", "name": "text"}, dialect="postgres")
    countries = pa.table(COUNTRIES)

    program = OnlineProgram(model, warehouse.memory(), context={shop.countries: countries})

    (answer,) = program.outcomes([[{"id": 1, "code": "DE"}]])
    assert answer.to_pylist()[0]["name"] == "GermanyGermany"
