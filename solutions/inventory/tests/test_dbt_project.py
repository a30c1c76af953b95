"""The dbt project works bare: every command a team would type, on both engines, without a warning."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pytest
import yaml

from inventory.expected import expected
from inventory.generate import generate
from inventory.generate.sinks import write_into

pytestmark = pytest.mark.slow

USER_TYPES = ["bigint", "text", "text", "text", "text", "text", "boolean", "date", "timestamp with time zone"]
APPLICATION_TYPES = [
    "bigint", "text", "text", "text", "numeric(12,2)", "numeric(14,2)", "bigint", "text", "text", "boolean", "date",
    "timestamp with time zone",
]  # fmt: skip


@pytest.fixture(scope="module")
def streams() -> dict[str, pa.Table]:
    made = generate()
    return {"users": made.users.rows, "applications": made.applications.rows}


@pytest.fixture(scope="module")
def built(dbt, streams):
    """A dbt whose DuckDB file holds the streams and everything built from them, with every test passed."""
    project = dbt()
    write_into(streams, f"duckdb:{project.environment['INVENTORY_DUCKDB']}")
    project("--warn-error", "build")
    return project


def artifact(dbt, name: str) -> dict:
    return json.loads((Path(dbt.environment["DBT_TARGET_PATH"]) / name).read_text())


def test_parses_without_a_warning(dbt):
    done = dbt()("--warn-error", "parse", "--no-partial-parse")

    assert "warning" not in done.stdout.lower()


def test_runs_tests_and_documents_bare_in_its_own_folder(tmp_path, dbt, streams):
    original = dbt().project
    project = shutil.copytree(original, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    write_into(streams, f"duckdb:{project / 'target' / 'inventory.duckdb'}")
    bare = type(dbt())(project, {})

    bare("run", "--profiles-dir", ".")
    bare("test", "--profiles-dir", ".")
    bare("docs", "generate", "--profiles-dir", ".")

    with duckdb.connect(str(project / "target" / "inventory.duckdb"), read_only=True) as connection:
        schemas = connection.execute("SELECT DISTINCT schema_name FROM duckdb_tables() ORDER BY 1").fetchall()
        rows = connection.table("analytics.fct_users").order("user_id").to_arrow_table()
    assert schemas == [("analytics",), ("raw",)]
    assert rows.num_rows == expected(**streams).users.num_rows
    assert_described(
        *(json.loads((project / "target" / name).read_text()) for name in ("manifest.json", "catalog.json"))
    )


def assert_described(manifest: dict, catalog: dict) -> None:
    """Every relation, and every column that it really has, is described."""
    built = {**catalog["nodes"], **catalog["sources"]}
    documented = {**manifest["nodes"], **manifest["sources"]}
    assert len(built) == 12
    assert catalog["errors"] is None
    for key, relation in built.items():
        assert documented[key]["description"], key
        described = {name for name, column in documented[key]["columns"].items() if column["description"]}
        assert described == set(relation["columns"]), key


def test_builds_on_duckdb_with_the_contract_types(built, streams):
    with duckdb.connect(built.environment["INVENTORY_DUCKDB"], read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        right = expected(**streams)
        assert described(connection, "fct_users") == USER_TYPES
        assert described(connection, "fct_applications") == APPLICATION_TYPES
        assert connection.table("analytics.fct_users").order("user_id").to_arrow_table().equals(right.users)
        applications = connection.table("analytics.fct_applications").order("application_id")
        assert applications.to_arrow_table().equals(right.applications)


def described(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    names = {"VARCHAR": "text", "DECIMAL(12,2)": "numeric(12,2)", "DECIMAL(14,2)": "numeric(14,2)"}
    types = [kind for _, kind, *_ in connection.execute(f"DESCRIBE analytics.{table}").fetchall()]
    return [names.get(kind, kind.lower()) for kind in types]


def test_builds_on_postgres_with_the_contract_types_twice(dbt, streams, inventory_database, postgres_environment):
    project = dbt(DBT_TARGET="postgres", **postgres_environment)
    write_into(streams, inventory_database)

    project("--warn-error", "build")
    project("--warn-error", "build")

    with psycopg.connect(inventory_database) as connection:
        types = """
            SELECT format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """
        for table, right in (("fct_users", USER_TYPES), ("fct_applications", APPLICATION_TYPES)):
            assert [kind for (kind,) in connection.execute(types, [f"analytics.{table}"])] == right
        count = connection.execute("SELECT count(*) FROM analytics.fct_applications").fetchone()
    assert count == (expected(**streams).applications.num_rows,)


def test_builds_in_the_schema_of_the_target(tmp_path, dbt, streams):
    database = tmp_path / "workshop.duckdb"
    write_into(streams, f"duckdb:{database}")
    profile = {"type": "duckdb", "path": str(database), "schema": "analytics__dbt"}
    written = yaml.safe_dump({"inventory": {"target": "main", "outputs": {"main": profile}}})
    (tmp_path / "profiles.yml").write_text(written)

    dbt(DBT_PROFILES_DIR=str(tmp_path))("run")

    with duckdb.connect(str(database), read_only=True) as connection:
        schemas = connection.execute("SELECT DISTINCT schema_name FROM duckdb_tables() ORDER BY 1").fetchall()
    assert schemas == [("analytics__dbt",), ("raw",)]


SPOIL = """
    INSERT INTO analytics.fct_users BY NAME
    SELECT * REPLACE (0 - user_id AS user_id) FROM analytics.fct_users WHERE email IS NOT NULL LIMIT 1;
    UPDATE analytics.fct_applications SET owner_user_id = 0
    WHERE application_id = (SELECT min(application_id) FROM analytics.fct_applications WHERE has_owner);
"""


def test_a_spoilt_result_fails_the_tests_that_guard_it(dbt, built):
    project = dbt()
    path = shutil.copy(built.environment["INVENTORY_DUCKDB"], project.environment["INVENTORY_DUCKDB"])
    with duckdb.connect(path) as connection:
        connection.execute(SPOIL)

    done = project("test", "--select", "test_type:singular", check=False)

    results = artifact(project, "run_results.json")["results"]
    failed = {row["unique_id"].split(".")[2] for row in results if row["status"] == "fail"}
    assert done.returncode == 1
    assert failed == {"duplicate_emails", "app_owner_exists"}


@pytest.mark.parametrize(("days", "status"), [(0, "pass"), (8, "error")])
def test_freshness_tells_old_data_from_new(dbt, days, status):
    made = generate(50, 50, until=datetime.now(UTC) - timedelta(days=days))
    project = dbt()
    streams = {"users": made.users.rows, "applications": made.applications.rows}
    write_into(streams, f"duckdb:{project.environment['INVENTORY_DUCKDB']}")

    project("source", "freshness", check=False)

    assert [row["status"] for row in artifact(project, "sources.json")["results"]] == [status, status]


def test_sends_no_statistics(dbt):
    settings = yaml.safe_load((dbt().project / "dbt_project.yml").read_text())

    assert settings["flags"]["send_anonymous_usage_stats"] is False
