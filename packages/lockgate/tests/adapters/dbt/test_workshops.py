"""The service, the warm executor and real workshops together: two entities, one invocation, on each warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.execution import Execution, FailedExecution
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.types import ColumnType
from lockgate.errors import DbtFailed, DbtTestFailed
from lockgate.testing.executors import PROJECT, SOURCES
from lockgate.testing.warehouses.given import land, staged
from lockgate.transform.cycle import Piece, batches_of
from lockgate.transform.dbt import DbtExecutionService

CONTRACT = Contract((Column("user_id", ColumnType.parse("bigint")),), ("user_id",))
TABLE = "{{ config(materialized='table') }} "
FILES = {
    "dbt_project.yml": PROJECT,
    "models/sources.yml": SOURCES,
    "models/stg_users.sql": "{{ config(materialized='view') }} select id as user_id from {{ source('raw', 'users') }}",
    "models/fct_users.sql": TABLE + "select user_id from {{ ref('stg_users') }}",
    "models/fct_teams.sql": TABLE + "select min(user_id) as user_id from {{ ref('fct_users') }}",
    "models/facts.yml": "models: [{name: fct_users, columns: [{name: user_id, data_tests: [unique, not_null]}]}]",
}

pytestmark = pytest.mark.slow


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request, tmp_path) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        opened = open_duckdb("main", path=str(tmp_path / "warehouse"), clock=clock)
    else:
        opened = open_postgres("main", url=request.getfixturevalue("postgres_url"), clock=clock)
    opened.prepare()
    land(opened, staged(tmp_path, 1, [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]))
    yield opened
    opened.close()


@pytest.fixture
def project(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def run(warehouse, executor, project):
    """Both entities by one invocation."""

    def run():
        entities = [entity("users", "fct_users", project), entity("teams", "fct_teams", project)]
        (batch,) = batches_of([Piece(each, each.implementations["dbt"]) for each in entities])
        found = DbtExecutionService(executor, warehouse).execute_batch(batch)
        return tuple(each.error if isinstance(each, FailedExecution) else each for each in found)

    return run


def entity(name: str, model: str, project: Path) -> Entity:
    dbt = Implementation("dbt", Engine.DBT, project, model=model)
    return Entity(name, CONTRACT, "main", "analytics", {"dbt": dbt}, RouteDeclaration("dbt"))


def test_every_entity_has_its_rows_and_a_second_run_the_same(run):
    for _ in range(2):
        users, teams = run()

        assert isinstance(users, Execution), users
        assert isinstance(teams, Execution), teams
        assert (users.built, users.rows) == (Relation("analytics__dbt", "fct_users"), 2)
        assert (teams.built, teams.rows) == (Relation("analytics__dbt", "fct_teams"), 1)
        assert len(users.nodes) == 4


def test_a_failing_model_is_named_with_its_file_and_the_databases_words_and_the_other_entity_is_good(run, project):
    (project / "models/fct_teams.sql").write_text(
        TABLE + "select nowhere as user_id from {{ ref('fct_users') }}", encoding="utf-8"
    )

    users, teams = run()

    assert isinstance(users, Execution)
    assert isinstance(teams, DbtFailed)
    assert "model.small.fct_teams" in teams.message
    assert "nowhere" in teams.message
    assert teams.fields["file"] == str(project / "models/fct_teams.sql")


def test_a_failing_test_stops_what_stands_on_it(run, project):
    (project / "models/fct_users.sql").write_text(
        TABLE + "select 1 as user_id from {{ ref('stg_users') }}", encoding="utf-8"
    )

    users, teams = run()

    assert isinstance(users, DbtTestFailed)
    assert "Got 1 result" in users.message
    assert isinstance(teams, DbtTestFailed)


def test_what_was_built_is_tested_without_building_it(run, warehouse, executor, project):
    run()
    (project / "models/fct_users.sql").write_text("select nowhere", encoding="utf-8")
    entities = [entity("users", "fct_users", project), entity("teams", "fct_teams", project)]
    (batch,) = batches_of([Piece(each, each.implementations["dbt"]) for each in entities])

    found = DbtExecutionService(executor, warehouse).test_batch(batch)

    assert [(str(one), one.error, len(one.trials)) for one in found] == [("users@dbt", None, 2), ("teams@dbt", None, 2)]
