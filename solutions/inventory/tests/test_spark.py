"""Users and applications on Spark: the rules and the dbt project give exactly the expected result, mess and all."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from solutions.inventory.tests.test_dbt_results import APPLICATIONS, USERS

from inventory import schema
from inventory.expected import expected
from inventory.generate import generate
from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType
from lockgate.testing.spark import SMALL
from lockgate.transform.rules import Catalog, outcomes_query

pytestmark = pytest.mark.slow

SOLUTION = Path(__file__).parent.parent
STAMP = "2026-01-01T00:00:00.000Z"
STREAMS = {"users": schema.USERS, "applications": schema.APPLICATIONS}


def messy(strategy, columns: pa.Schema, *breaks: dict[str, str]) -> pa.Table:
    """Random rows, the same ones every time, each of an id of its own where it has one."""
    rows = []

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(row=strategy)
    def gather(row):
        rows.append({**row, "id": None if row["id"] is None else 10_000 + len(rows)})

    gather()
    # Java takes \u2028 for the end of a line.
    rows += [{**rows[-1], "id": 20_000, "updated_at": STAMP, **broken} for broken in breaks]
    return pa.Table.from_pylist(rows, columns)


@pytest.fixture(scope="module")
def delivered() -> dict[str, pa.Table]:
    made = generate(400, 300, seed=11)
    return {
        "users": pa.concat_tables([made.users.rows, messy(USERS, schema.USERS, {"hired_on": "2024-02-29\u2028"})]),
        "applications": pa.concat_tables(
            [made.applications.rows, messy(APPLICATIONS, schema.APPLICATIONS, {"monthly_cost": "-5\u2028"})]
        ),
    }


@pytest.fixture(scope="module")
def right(delivered):
    return expected(delivered["users"], delivered["applications"])


@pytest.fixture(scope="module")
def raw(delivered, spark_session, tmp_path_factory) -> dict[str, Path]:
    """The delivered rows as tables of Spark, and the folders of their files."""
    folder = tmp_path_factory.mktemp("raw")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark_session.sql("CREATE SCHEMA IF NOT EXISTS raw")
        for name, rows in delivered.items():
            spark_session.createDataFrame(rows).write.parquet(str(folder / name))
            spark_session.sql(f"DROP TABLE IF EXISTS raw.{name}")
            spark_session.sql(f"CREATE TABLE raw.{name} AS SELECT * FROM parquet.`{folder / name}`")
    return {name: folder / name for name in delivered}


def read(session, sql: str, like: pa.Schema) -> list[dict]:
    """The rows of a query in the order of their ids, with the types of what is expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return session.sql(sql).toArrow().select(like.names).cast(like).sort_by(like.names[0]).to_pylist()


def column_type(type_: pa.DataType) -> ColumnType:
    return ColumnType.parse("bigint" if pa.types.is_integer(type_) else "text")


def test_rules_give_the_expected_rows(right, raw, spark_session):
    sets = {name: parse_rule_set((SOLUTION / "rules" / f"{name}.yml").read_text(), file=f"{name}.yml") for name in raw}
    columns = (
        (Relation("raw", name), tuple(Column(field.name, column_type(field.type)) for field in STREAMS[name]))
        for name in raw
    )
    catalog = Catalog(tuple(columns), tuple(sets.values()))
    built = {name: outcomes_query(rules, catalog, "spark").sql("spark", comments=False) for name, rules in sets.items()}

    found = {name: f"SELECT * FROM ({sql}) WHERE _outcome = 'ok'" for name, sql in built.items()}

    assert read(spark_session, found["users"], right.users.schema) == right.users.to_pylist()
    assert read(spark_session, found["applications"], right.applications.schema) == right.applications.to_pylist()


def test_dbt_gives_the_expected_rows(right, raw, spark_session, dbt, tmp_path):
    project, warehouse = tmp_path / "project", tmp_path / "warehouse"
    shutil.copytree(SOLUTION / "dbt", project, ignore=shutil.ignore_patterns("target", "logs"))
    hooks = [f"CREATE TABLE raw.{name} AS SELECT * FROM parquet.`{folder}`" for name, folder in raw.items()]
    declared = yaml.safe_load((project / "dbt_project.yml").read_text())
    declared["on-run-start"] = ["CREATE SCHEMA raw", *hooks]
    (project / "dbt_project.yml").write_text(yaml.safe_dump(declared))
    profiles = yaml.safe_load((project / "profiles.yml").read_text())
    profiles["inventory"]["outputs"] = {"spark": profiles["inventory"]["outputs"]["spark"]}
    profiles["inventory"]["outputs"]["spark"]["server_side_parameters"] = {
        **SMALL,
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    (project / "profiles.yml").write_text(yaml.safe_dump(profiles))

    run = dbt(DBT_PROFILES_DIR=str(project), DBT_TARGET_PATH=str(tmp_path / "target"))
    done = run("build", "--quiet", "--target", "spark", "--project-dir", str(project), check=False)

    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    assert [result["unique_id"] for result in results if result["status"] not in {"success", "pass", "warn"}] == []
    assert done.returncode == 0, done.stdout
    found = {name: f"SELECT * FROM parquet.`{warehouse / 'analytics.db' / f'fct_{name}'}`" for name in raw}
    assert read(spark_session, found["users"], right.users.schema) == right.users.to_pylist()
    assert read(spark_session, found["applications"], right.applications.schema) == right.applications.to_pylist()
