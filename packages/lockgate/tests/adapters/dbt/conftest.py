"""A workshop of each kind, built by hand, and one executor for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.adapters.warehouses.spark import open_spark
from lockgate.core.execution import WorkshopAccess
from lockgate.testing.spark import MASTER, SMALL
from lockgate.testing.warehouses.given import ID, land, staged

WORKSHOP = "analytics__dbt"
PASSWORD = "{{ 1 + 1 }} '\"\\ %s: ünï # 0"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="module")
def executor(cache) -> Iterator[LocalDbtExecutor]:
    executor = LocalDbtExecutor(DbtConfig(cache, grace_seconds=2.0))
    executor.warm()
    yield executor
    executor.close()


@pytest.fixture
def duckdb_access(tmp_path) -> WorkshopAccess:
    path = tmp_path / "workshops" / f"{WORKSHOP}.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema raw; create schema {WORKSHOP}.{WORKSHOP}")
        connection.execute("create table raw.users as select * from (values (1), (2)) as t(id)")
    setup = (f"SET allowed_directories = ['{path.parent}/']", "SET enable_external_access = false")
    return WorkshopAccess("duckdb", WORKSHOP, {"path": str(path), "setup": setup})


@pytest.fixture
def postgres_access(postgres_url) -> WorkshopAccess:
    place = urlsplit(postgres_url)
    role = psycopg.sql.Identifier(f"builder_{place.path[-12:]}")
    words = {"role": role, "schema": psycopg.sql.Identifier(WORKSHOP), "password": psycopg.sql.Literal(PASSWORD)}
    statements = (
        "create schema raw",
        "create table raw.users as select * from (values (1), (2)) as t(id)",
        "create role {role} login password {password}",
        "create schema {schema} authorization {role}",
        "grant usage on schema raw to {role}",
        "grant select on all tables in schema raw to {role}",
    )
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(psycopg.sql.SQL(statement).format(**words))
    where = {"host": place.hostname, "port": place.port, "user": role.as_string().strip('"'), "dbname": place.path[1:]}
    return WorkshopAccess("postgres", WORKSHOP, where, {"password": PASSWORD})


@pytest.fixture
def spark_access(tmp_path) -> Iterator[WorkshopAccess]:
    warehouse = open_spark("main", tmp_path / "warehouse", clock=lambda: datetime.now(UTC), master=MASTER, conf=SMALL)
    warehouse.prepare()
    land(warehouse, staged(tmp_path, 1, [{"id": 1}, {"id": 2}], columns=(ID,)))
    with warehouse.workshop(WORKSHOP) as workshop:
        yield workshop.access()
