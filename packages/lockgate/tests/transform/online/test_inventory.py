"""The inventory solution's models as dbt compiles them for DuckDB (`inventory/*.sql`), answering records."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.core.arrow import arrow_schema
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Contract, Relation
from lockgate.transform.online import OnlineModel, OnlineProgram, inputs_of

FOLDER = Path(__file__).parent / "inventory"
USERS, APPLICATIONS = Relation("raw", "users"), Relation("raw", "applications")
USER_TEXTS = ("email", "full_name", "department_code", "status", "hired_on", "created_at", "updated_at")
APPLICATION_COLUMNS = dict.fromkeys(("id", "name", "category", "criticality", "monthly_cost"), "text")
APPLICATION_COLUMNS |= {"id": "bigint", "owner_id": "bigint", "launched_on": "text", "updated_at": "text"}
USER_CONTRACT = dict.fromkeys(("user_id", "email", "email_domain", "full_name", "department", "status"), "text")
USER_CONTRACT |= {"user_id": "bigint", "is_active": "boolean", "hired_on": "date", "updated_at": "timestamptz"}
APPLICATION_CONTRACT = dict.fromkeys(("application_id", "name", "category", "criticality"), "text")
APPLICATION_CONTRACT |= {"application_id": "bigint", "monthly_cost": "numeric(12,2)", "annual_cost": "numeric(14,2)"}
APPLICATION_CONTRACT |= {"owner_user_id": "bigint", "owner_name": "text", "owner_department": "text"}
APPLICATION_CONTRACT |= {"has_owner": "boolean", "launched_on": "date", "updated_at": "timestamptz"}
BUILT = ("stg_users_checked", "stg_users", "users_resolved", "fct_users", "stg_applications_checked")
BUILT += ("stg_applications", "fct_applications")


def user(number, email, at="2026-01-01T10:00:00Z", **more):
    return {"id": number, "email": email, "updated_at": at, **more}


PEOPLE = [
    user(1, " ADA@x.org ", full_name="Ada", department_code="ENG", status="Active", hired_on="29/02/2024"),
    user(1, "ada@x.org", "2026-01-02T10:00:00.5Z", full_name="Ada L.", department_code="eng", status="active"),
    user(1, "ada@x.org", "2026-01-02T10:00:00.5Z", full_name="Ada L.", department_code="eng", status="active"),
    user(2, "ada@x.org", full_name="Twin", department_code="fin"),
    user(3, "no address"),
    user(None, "b@x.org"),
    user(4, None, full_name="Österreicher", department_code="?"),
]
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def graph():
    def graph(model: str) -> CompiledGraph:
        nodes = [
            CompiledNode(name, CompiledKind.MODEL, Relation("analytics", name), (FOLDER / f"{name}.sql").read_text())
            for name in BUILT
        ]
        return CompiledGraph(model, {node.name: node for node in nodes}, "duckdb")

    return graph


@pytest.fixture(scope="module")
def columns(shop):
    users = {"id": "bigint", **dict.fromkeys(USER_TEXTS, "text")}
    return {USERS: shop.columns(users), APPLICATIONS: shop.columns(APPLICATION_COLUMNS)}


def rows_of(columns, records):
    return pa.Table.from_pylist([{c.name: r.get(c.name) for c in columns} for r in records], arrow_schema(columns))


def built(graph, columns, users, applications):
    """What DuckDB has in the last model's table, one model after the other."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'; ATTACH ':memory:' AS inventory; USE inventory")
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA analytics")
        for relation, records in ((USERS, users), (APPLICATIONS, applications)):
            connection.register("brought", rows_of(columns[relation], records))
            connection.execute(f"CREATE TABLE raw.{relation.name} AS FROM brought")
        for name in BUILT:
            connection.execute(f"CREATE TABLE analytics.{name} AS {graph.nodes[name].sql}")
        return sorted(connection.sql(f"FROM analytics.{graph.model}").fetchall())


def test_users_are_answered_as_the_table_has_them(shop, graph, columns):
    contract = Contract(shop.columns(USER_CONTRACT), ("user_id",))
    model = OnlineModel(graph("fct_users"), USERS, columns, contract)
    program = OnlineProgram(model, DuckDBMemory(threads=1), context={})

    (answer,) = program.outcomes([PEOPLE])

    ada = (
        1,
        "ada@x.org",
        "x.org",
        "Ada L.",
        "Engineering",
        "active",
        True,
        None,
        AT.replace(day=2, microsecond=500_000),
    )
    four = (4, None, None, "Österreicher", "Unknown", "unknown", False, None, AT)
    no_row = "the model gives no row for this record"
    assert program.is_alone is False
    assert [(row[:2], row[2:]) for row in shop.told(answer) if row[0] == "ok"] == [
        (("ok", None), ada),
        (("ok", None), four),
    ]
    assert [row[:2] for row in shop.told(answer)] == [
        ("duplicate", "another record of the request has its key"),
        ("ok", None),
        ("duplicate", "another record of the request has its key"),
        ("duplicate", "other records of the request take its place"),
        ("rejected", no_row),
        ("rejected", "the key is NULL, or none that the contract holds"),
        ("ok", None),
    ]
    assert built(graph("fct_users"), columns, PEOPLE, []) == [ada, four]


def test_applications_are_answered_with_owners_that_are_looked_up(shop, graph, columns):
    contract = Contract(shop.columns(APPLICATION_CONTRACT), ("application_id",))
    model = OnlineModel(graph("fct_applications"), APPLICATIONS, columns, contract)
    program = OnlineProgram(model, DuckDBMemory(threads=1), context={USERS: rows_of(columns[USERS], PEOPLE)})
    ledger = {"id": 7, "name": " Ledger ", "criticality": "HIGH", "monthly_cost": "10.005", "owner_id": 2}
    records = [{**ledger, "updated_at": "2026-01-01T10:00:00Z"}] * 2

    (answer,) = program.outcomes([records])

    row = (7, "Ledger", None, "high", Decimal("10.01"), Decimal("120.12"), 1, "Ada L.", "Engineering", True, None, AT)
    assert shop.told(answer)[0] == ("ok", None, *row)
    assert shop.told(answer)[1][:2] == ("duplicate", "another record of the request has its key")
    assert built(graph("fct_applications"), columns, PEOPLE, records) == [row]
    assert set(inputs_of(model.graph)) == {USERS, APPLICATIONS}
    assert "raw.users" not in program.sql


def test_a_day_is_read_in_both_ways(shop, graph, columns):
    contract = Contract(shop.columns(USER_CONTRACT), ("user_id",))
    model = OnlineModel(graph("fct_users"), USERS, columns, contract)
    program = OnlineProgram(model, DuckDBMemory(threads=1), context={})

    answers = program.outcomes(
        [[PEOPLE[0]], [{**PEOPLE[0], "hired_on": "2024-02-29"}], [{**PEOPLE[0], "hired_on": "?"}]]
    )

    assert [answer["hired_on"].to_pylist() for answer in answers] == [[date(2024, 2, 29)], [date(2024, 2, 29)], [None]]
    assert [answer["_outcome"].to_pylist() for answer in answers] == [["ok"], ["ok"], ["rejected"]]
