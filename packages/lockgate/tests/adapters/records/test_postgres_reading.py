"""What PostgreSQL itself says of a query: what moves at another call, and what was only spelled otherwise."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pyarrow as pa
import pytest
import sqlglot

from lockgate.adapters.records.postgres_reading import over_stand_ins
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.core.compiled import CompiledQuery
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType
from lockgate.errors import StatementFailed

ORDERS, COUNTRIES, TOP = Relation("raw", "orders"), Relation("raw", "countries"), Relation("build", "top")
TYPES = {
    ORDERS: {
        "id": "bigint",
        "code": "text",
        "amount": "numeric(12,2)",
        "seen": "timestamp",
        "at": "timestamptz",
        "tags": "json",
    },
    COUNTRIES: {"code": "text", "name": "text"},
}
COLUMNS = {
    relation: tuple(Column(name, ColumnType.parse(written)) for name, written in types.items())
    for relation, types in TYPES.items()
}


@pytest.fixture(scope="module")
def url(postgres_server):
    """The database `readings`, with functions of its own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE readings")
        yield f"{postgres_server.rpartition('/')[0]}/readings"
        connection.execute("DROP DATABASE readings WITH (FORCE)")
        for (role,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'lockgate_guest_%'"):
            connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))


@pytest.fixture(scope="module")
def memory(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION chance() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'")
        connection.execute("CREATE FUNCTION twice(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT x * 2'")
        connection.execute("CREATE FUNCTION lower(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT x - 1'")
        connection.execute("CREATE SEQUENCE numbers; CREATE TABLE rows_of_others (a int)")
    warehouse = open_postgres("main", url, clock=lambda: datetime.now(UTC))
    yield warehouse.memory()
    warehouse.close()


def compiled(relation: Relation, sql: str, written: str | None = None, columns=None) -> CompiledQuery:
    return CompiledQuery(relation, sql, written or sqlglot.parse_one(sql, dialect="postgres").sql("postgres"), columns)


def reasons(memory, sql: str, written: str | None = None) -> list[str]:
    return [one.reason for one in memory.obstacles([compiled(TOP, sql, written)], COLUMNS).get(TOP, ())]


GIVES = "() gives something else at another call"
MOVING = {
    "random()": [f"random{GIVES}"],
    "clock_timestamp()": [f"clock_timestamp{GIVES}"],
    "now()": [f"now{GIVES}"],
    "statement_timestamp()": [f"statement_timestamp{GIVES}"],
    "gen_random_uuid()": [f"gen_random_uuid{GIVES}"],
    "nextval('public.numbers'::regclass)": [
        f"nextval{GIVES}",
        "it looks names up in the database's catalog",
    ],
    "current_date - 1": ["current_date is something else at another call"],
    "seen < CURRENT_TIMESTAMP": ["current_timestamp is something else at another call"],
    "localtime(0)": ["localtime is something else at another call"],
    "current_user": ["current_user is something else at another call"],
    "age(seen)": [f"age{GIVES}"],
    "version()": [f"version{GIVES}"],
    "current_setting('work_mem')": [f"current_setting{GIVES}"],
    "pg_backend_pid()": [f"pg_backend_pid{GIVES}"],
    "has_table_privilege('rows_of_others', 'SELECT')": [f"has_table_privilege{GIVES}"],
    "query_to_xml('select 1', true, true, '')": [f"query_to_xml{GIVES}"],
    "(select max(random()) from raw.countries)": [f"random{GIVES}"],
    "seen > 'today'": ["'today' is something else at another call"],
    "date 'Yesterday'": ["'Yesterday' is something else at another call"],
    "'now'::text::timestamptz": ["'now' is something else at another call"],
    "chance()": [f"chance{GIVES}"],
    "public.chance()": [f"chance{GIVES}"],
    "twice(id)": ["twice() is not PostgreSQL's own"],
    "lower(id)": ["lower() is not PostgreSQL's own"],
    "code::regclass::text": ["it looks names up in the database's catalog"],
    "'pg_catalog.pg_class'::regclass::oid": ["it looks names up in the database's catalog"],
    "row_to_json(orders)": ["it takes a row for one value, with columns that a record does not have"],
    "unnest(array[id, -id])": ["a function in its select list makes several rows of one"],
}


@pytest.mark.parametrize("written", MOVING)
def test_what_gives_something_else_at_another_call_is_told(memory, written):
    assert reasons(memory, f"select id, {written} as x from raw.orders") == MOVING[written]


SAME = [
    "age(seen, timestamp '2020-01-01')",
    "code = 'today'",
    "lower(code) || to_char(seen, 'YYYY') || concat(code, id)",
    "date_trunc('day', seen); date_trunc('Month', at); extract(year from seen)",
    "at at time zone 'UTC'; seen + interval '1 month 2 days'; at::date; to_timestamp(id)",
    "substr(code, 2); strpos(code, 'a'); char_length(code); mod(id, 2); id ^ 2; code ^@ 'a'; trim(both 'x' from code)",
    "code is not null; amount not in (1, 2); code not like 'a%'; code !~* 'b'; code not ilike 'c'",
    "amount not between 1 and 2; not (amount > 1 and code is null); (amount > 1) is not true; code is distinct from ''",
    "id in (select 1); exists (select 1 from raw.countries c where c.code = orders.code); id = any (array[1, 2])",
    "tags->'a'; tags->>'a'; tags #>> '{a,b}'; tags ? 'a'; tags @> '{\"a\": 1}'; jsonb_build_object('a', id)",
    "amount::numeric(5, 1); seen::timestamp(3); code::varchar(3); id / 2; round(amount, 1); E'a\\n'; 'it''s -- ß'",
    "row_number() over (partition by code order by seen desc nulls last rows between 1 preceding and current row)",
    "case when code is null then 1 when code ~ '^a' then 2 else 3 end; coalesce(code, ''); nullif(code, '')",
    "pg_typeof(id)::text; json_build_object()",
]


@pytest.mark.parametrize("written", SAME)
def test_what_is_only_spelled_otherwise_is_the_same(memory, written):
    for one in written.split("; "):
        assert reasons(memory, f"select {one} as x from raw.orders") == [], one


@pytest.mark.parametrize(
    "sql",
    [
        'select o.id, "orders"."code" as "Key" from "any"."raw"."orders" join raw.countries using (code), raw.orders o',
        "select raw.orders.id, c.* from raw.orders left join raw.countries c on c.code = orders.code where name <> 'x'",
        (
            "with recursive r as (select 1 as n union all select n + 1 from r where n < 5), orders as materialized"
            " (select * from raw.orders) select o.id, r.n from orders o cross join r, lateral (select o.id + 1) l(m)"
            " order by 1 limit 5 offset 2"
        ),
        "select id, code from raw.orders union select 1, name from raw.countries except all select 2, 'a' order by 1",
        "select distinct on (id) id, sum(amount) over w as s from raw.orders window w as (order by id) order by id, at",
        (
            "select code, count(distinct id) filter (where amount > 0), string_agg(code, ',' order by id), mode()"
            " within group (order by id) from raw.orders group by grouping sets ((code), ()) having count(*) > 1"
        ),
        "select id, t.x, g from raw.orders, jsonb_array_elements_text(tags) as t(x), generate_series(1, 3) as g",
        "select id from raw.orders -- now()\n;",
    ],
)
def test_whole_queries_are_read_as_they_are(memory, sql):
    assert reasons(memory, sql) == []


def test_what_was_written_to_mean_something_else_is_told(memory):
    said = "its SQL does not mean the same once it is written again"

    for sql, written, told in [
        ("select date_part('hour', seen) as x from raw.orders", None, f"{said}: date_part, extract"),
        ("select interval '3' day as x", None, said),
        ("select id from raw.orders limit 3", "select id from raw.orders limit 4", said),
        ("select id from raw.orders where id > 1 and id < 3", "select id from raw.orders where id > 1 or id < 3", said),
        ("select not (id > 1) as x from raw.orders", "select id < 1 as x from raw.orders", f"{said}: int84gt, int84lt"),
        (
            "select sum(id) over (order by id rows 1 preceding) as x from raw.orders",
            "select sum(id) over (order by id rows 2 preceding) as x from raw.orders",
            said,
        ),
        ("select id as a from raw.orders", "select id as b from raw.orders", said),
    ]:
        assert reasons(memory, sql, written) == [told], sql


def test_a_model_reads_what_others_give_in_the_types_of_their_contracts(memory):
    middle = Relation("build", "middle")
    sql = "select id as amount, code from raw.orders"
    last = "select amount || '' as x, 1 + amount as y from build.middle"

    plain = memory.obstacles([compiled(middle, sql), compiled(TOP, last)], COLUMNS)
    texts = {"amount": "text", "code": "varchar(3)"}
    cast = memory.obstacles([compiled(middle, sql, columns=texts), compiled(TOP, last)], COLUMNS)

    assert plain == {middle: (), TOP: ()}
    (found,) = cast[TOP]
    assert found.reason.startswith("the query does not run over the columns of what it reads: operator does not exist")


def test_two_relations_of_one_name_are_read_by_two_models(memory):
    other = Relation("build", "orders")
    queries = [compiled(other, "select id from raw.orders"), compiled(TOP, "select o.id from build.orders o")]
    both = compiled(TOP, "select a.id from raw.orders a join build.orders b using (id)")

    assert memory.obstacles(queries, COLUMNS) == {other: (), TOP: ()}
    (found,) = memory.obstacles([queries[0], both], COLUMNS)[TOP]
    assert found.reason == "it reads two relations of one name"


def test_a_query_that_does_not_run_says_why_and_leaves_nothing(memory, url):
    told = "the query does not run over the columns of what it reads: "

    assert reasons(memory, "select nowhere from raw.orders") == [f'{told}column "nowhere" does not exist']
    assert reasons(memory, "select ctid from raw.orders") == [f'{told}column "ctid" does not exist']
    assert reasons(memory, "select 1; drop table public.rows_of_others", "select 1") == [
        f"{told}cannot insert multiple commands into a prepared statement"
    ]
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE '_lockgate%'").fetchall()
    assert left == []


def test_a_session_goes_on_whatever_was_asked_of_it(memory):
    given = {"t": pa.table({"a": [1]})}

    for number in range(4):
        assert reasons(memory, "select id from raw.orders") == []
        memory.keep(f"kept {number}", "SELECT a FROM t", given)
        with pytest.raises(StatementFailed, match="nowhere"):
            memory.query("SELECT nowhere FROM t", given)
        assert memory.columns("SELECT a FROM t", given) == (Column("a", ColumnType.parse("bigint")),)


def test_columns_are_told_as_a_table_of_the_target_has_them(memory):
    sql = (
        "SELECT a, 1.5 AS n, CAST(1.5 AS numeric(5, 1)) AS m, ARRAY[a] AS l, CAST(NULL AS jsonb) AS j,"
        " CAST(NULL AS uuid) AS u, CAST('ab' AS char(4)) AS c, TIMESTAMPTZ '2024-01-01' AS t FROM t"
    )

    found = memory.columns(sql, {"t": pa.table({"a": [1]})})

    assert [(one.name, str(one.type)) for one in found] == [
        ("a", "bigint"), ("n", "numeric"), ("m", "numeric(5,1)"), ("l", "json"), ("j", "json"), ("u", "uuid"),
        ("c", "text"), ("t", "timestamptz"),
    ]  # fmt: skip


def test_names_of_relations_alone_are_put_in_the_place_of_others():
    sql = """select 'raw.orders', "raw.orders", orders.id -- raw.orders
        from "Any" . RAW."orders" o, "RAW".orders, x.raw.orders.id, raw.ORDERS"""

    found, read = over_stand_ins(sql, {ORDERS: "s"})

    assert read == {ORDERS}
    assert (
        found
        == """select 'raw.orders', "raw.orders", orders.id -- raw.orders
        from pg_temp."orders" o, "RAW".orders, pg_temp."orders".id, pg_temp."orders\""""
    )
