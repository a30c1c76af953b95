"""A small dbt project as dbt compiles it, run as a program for records and, the independent way, table by table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.core.arrow import arrow_schema
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.sql import sql_type, table
from lockgate.core.types import ColumnType
from lockgate.transform.online import OnlineModel, OnlineProgram

ORDERS, COUNTRIES = Relation("raw", "orders"), Relation("raw", "countries")
ORDER_COLUMNS = {"id": "bigint", "code": "text", "amount": "numeric(12,2)", "seen": "timestamp", "tags": "json"}
COUNTRY_COLUMNS = {"code": "text", "name": "text"}
COUNTRY_ROWS = {"code": ["DE", "FR", "ÖS"], "name": ["Germany", "France", "Österreich"]}


def columns(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, ColumnType.parse(written)) for name, written in types.items())


def node(name: str, sql: str, **more) -> CompiledNode:
    kind = more.pop("kind", CompiledKind.MODEL)
    return CompiledNode(f"model.shop.{name}", kind, Relation("build", name), sql, file=f"models/{name}.sql", **more)


def model(*nodes: CompiledNode, contract: Mapping[str, str], key: Sequence[str] = ("id",), **more) -> OnlineModel:
    """The last node over orders and countries."""
    dialect, known = more.get("dialect", "duckdb"), more.get("columns", {})
    graph = CompiledGraph(nodes[-1].name, {one.name: one for one in nodes}, dialect)
    read = {ORDERS: columns(ORDER_COLUMNS), COUNTRIES: columns(COUNTRY_COLUMNS), **known}
    return OnlineModel(graph, ORDERS, read, Contract(columns(contract), tuple(key)))


def program(made: OnlineModel, context: Mapping[Relation, pa.Table] | None = None) -> OnlineProgram:
    countries = pa.table(COUNTRY_ROWS, schema=arrow_schema(columns(COUNTRY_COLUMNS)))
    return OnlineProgram(made, DuckDBMemory(threads=1), context=context or {COUNTRIES: countries})


def told(outcomes: pa.Table) -> list[tuple]:
    """Status, reason and output of each record."""
    rows = outcomes.drop_columns(["_row"]).to_pylist()
    return [(row.pop("_outcome"), row.pop("_reason"), *row.values()) for row in rows]


def outputs(*tables: pa.Table) -> list[tuple]:
    """The rows of records that are ok, in order."""
    names = [name for name in tables[0].column_names if not name.startswith("_")] if tables else []
    found = [
        tuple(row[name] for name in names) for rows in tables for row in rows.to_pylist() if row["_outcome"] == "ok"
    ]
    return sorted(found, key=repr)


def built(made: OnlineModel, rows: Sequence[Mapping[str, object]]) -> list[tuple]:
    """What DuckDB has in the last model's table, cast to the contract, after each model is made a table of its own."""
    with closing(duckdb.connect()) as connection:
        connection.execute(
            "SET TimeZone = 'UTC'; ATTACH ':memory:' AS db; USE db; CREATE SCHEMA raw; CREATE SCHEMA build"
        )
        _fill(connection, COUNTRIES, columns(COUNTRY_COLUMNS), pa.table(COUNTRY_ROWS).to_pylist())
        _fill(connection, ORDERS, made.columns[ORDERS], rows)
        for one in made.graph.nodes.values():
            connection.execute(f"CREATE TABLE {table(one.relation).sql('duckdb')} AS {one.sql}")
        values = ", ".join(f'CAST("{c.name}" AS {sql_type(c.type).sql("duckdb")})' for c in made.contract.columns)
        last = table(made.node.relation).sql("duckdb")
        return sorted(connection.sql(f"SELECT {values} FROM {last}").fetchall(), key=repr)


def _fill(connection, relation: Relation, typed: Sequence[Column], rows: Sequence[Mapping[str, object]]) -> None:
    written = ", ".join(f'"{c.name}" {sql_type(c.type).sql("duckdb")}' for c in typed)
    name = table(relation).sql("duckdb")
    connection.execute(f"CREATE TABLE {name} ({written})")
    if rows:
        marks = ", ".join("?" for _ in typed)
        values = [[row.get(c.name) for c in typed] for row in rows]
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", values)


@pytest.fixture(scope="session")
def shop() -> SimpleNamespace:
    """How graphs, programs and tables are made."""
    return SimpleNamespace(
        node=node, model=model, program=program, told=told, outputs=outputs, built=built, columns=columns,
        orders=ORDERS, countries=COUNTRIES,
    )  # fmt: skip
