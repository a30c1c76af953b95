"""The dbt project as tests use it: run as a command, or compiled once and its SQL executed on either engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
import pyarrow as pa
import pytest

from inventory.generate.sinks import write_into

PROJECT = Path(__file__).parent.parent / "dbt"
DATABASE = "inventory_test"


@dataclass(frozen=True, slots=True)
class Dbt:
    """dbt's command line in one project folder, with its output and its databases elsewhere."""

    project: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, cwd=self.project, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


@dataclass(frozen=True, slots=True)
class Model:
    """One model's SQL for one engine."""

    relation: str
    kind: str
    sql: str


@pytest.fixture(scope="session")
def inventory_database(postgres_server) -> Iterator[str]:
    """The URL of the database that the project's profile names."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
        yield urlsplit(postgres_server)._replace(path=f"/{DATABASE}").geturl()
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_environment(inventory_database) -> dict[str, str]:
    parts = urlsplit(inventory_database)
    return {
        "INVENTORY_POSTGRES_HOST": parts.hostname or "",
        "INVENTORY_POSTGRES_PORT": str(parts.port),
        "INVENTORY_POSTGRES_USER": parts.username or "",
        "INVENTORY_POSTGRES_PASSWORD": parts.password or "",
    }


@pytest.fixture(scope="session")
def dbt(tmp_path_factory) -> Callable[..., Dbt]:
    """Makes a dbt of the project that leaves nothing in its folder."""

    def make(**environment: str) -> Dbt:
        scratch = tmp_path_factory.mktemp("dbt")
        places = {
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_TARGET_PATH": str(scratch / "target"),
            "DBT_LOG_PATH": str(scratch / "logs"),
            "INVENTORY_DUCKDB": str(scratch / "inventory.duckdb"),
        }
        return Dbt(PROJECT, {**places, **environment})

    return make


@pytest.fixture(scope="session")
def duckdb_models(dbt) -> list[Model]:
    """The models in the order they build, for a DuckDB catalog named inventory."""
    return _compiled(dbt())


@pytest.fixture(scope="session")
def postgres_models(dbt, postgres_environment) -> list[Model]:
    """The models in the order they build, for the PostgreSQL database of the profile."""
    return _compiled(dbt(DBT_TARGET="postgres", **postgres_environment))


@pytest.fixture(scope="session")
def on_duckdb(duckdb_models) -> Callable[..., dict[str, pa.Table]]:
    """Builds every model over raw tables; answers them by name."""

    def build(users: pa.Table, applications: pa.Table) -> dict[str, pa.Table]:
        with duckdb.connect() as connection:
            connection.execute("ATTACH ':memory:' AS inventory; USE inventory; SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA raw; CREATE SCHEMA analytics")
            for name, rows in (("users", users), ("applications", applications)):
                connection.from_arrow(rows).create(f"raw.{name}")
            for model in duckdb_models:
                connection.execute(f"CREATE {model.kind} {model.relation} AS {model.sql}")
            return {name_of(model): connection.table(model.relation).to_arrow_table() for model in duckdb_models}

    return build


@pytest.fixture(scope="session")
def on_postgres(postgres_models, inventory_database) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Builds every model over raw tables; answers their rows by name."""

    def build(users: pa.Table, applications: pa.Table) -> dict[str, list[dict[str, Any]]]:
        with psycopg.connect(inventory_database, row_factory=psycopg.rows.dict_row) as connection:
            connection.execute("DROP SCHEMA IF EXISTS analytics CASCADE; CREATE SCHEMA analytics; SET TimeZone = 'UTC'")
            connection.commit()
            write_into({"users": users, "applications": applications}, inventory_database)
            for model in postgres_models:
                connection.execute(f"CREATE {model.kind} {model.relation} AS {model.sql}")
            return {
                name_of(model): connection.execute(f"SELECT * FROM {model.relation}").fetchall()
                for model in postgres_models
            }

    return build


def name_of(model: Model) -> str:
    return model.relation.rpartition(".")[2].strip('"')


def _compiled(dbt: Dbt) -> list[Model]:
    dbt("compile", "--quiet")
    manifest = json.loads((Path(dbt.environment["DBT_TARGET_PATH"]) / "manifest.json").read_text())
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter({key: node["depends_on"]["nodes"] for key, node in nodes.items()}).static_order()
    return [
        Model(nodes[key]["relation_name"], nodes[key]["config"]["materialized"], nodes[key]["compiled_code"])
        for key in order
        if key in nodes
    ]
