"""A rule set's dbt models: real dbt builds them, on DuckDB, PostgreSQL and Spark, and they hold the engine's rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Contract, Relation
from lockgate.transform.rules.dbt_model import export
from lockgate.transform.rules.engine import RuleEngine
from lockgate.transform.rules.program import Catalog

PEOPLE = Relation("raw", "people")
RULES = """
entity: people
from: raw.people
rules:
  - name: given
    validate: {that: id is not null, reason: id missing}
  - name: braces
    validate: {that: "note is null or note ~ '^[a-z{}%#]{0,9}$'", reason: "{{ wrong }} {% note %}"}
  - name: born
    cast: {born: {type: date, formats: [DD/MM/YYYY]}}
  - name: tidy
    derive: {name: upper(trim(name)), share: id / 3}
  - name: team
    lookup: {on: team, take: team, map: {a: Alpha, b: Beta}, default: None}
  - name: newest
    deduplicate: {key: [id], order: [born desc]}
output: [id, name, note, born, share, team]
"""
COLUMNS = {"id": "bigint", "name": "text", "note": "text", "born": "text", "team": "text"}
ROWS = [
    ["1", " straße ", "{a}", "29/02/2024", "a"],
    ["1", "old", None, "28/02/2024", "b"],
    ["2", "x", "NO", None, None],
    ["7", "y", None, "30/02/2024", None],
    ["8", None, "{{#", None, "zz"],
    [None, "z", None, None, None],
]
OUTPUT = {
    "id": "bigint", "name": "text", "note": "text", "born": "date", "share": "numeric(19,0)", "team": "text"
}  # fmt: skip


@pytest.fixture
def exported(tools):
    rule_set = parse_rule_set(RULES, file="people.yml")
    catalog = Catalog(((PEOPLE, tools.columns_of(COLUMNS)),))
    return export(rule_set, catalog, Contract(tools.columns_of(OUTPUT), ("id",)))


def dbt(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [str(Path(sys.executable).parent / "dbt"), *arguments, "--profiles-dir", str(project)]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


PROJECT = {"name": "left", "version": "1.0", "profile": "left", "model-paths": ["models"]}


def project_with(folder: Path, files, profile: dict) -> Path:
    (folder / "models").mkdir()
    for name, text in files.items():
        (folder / "models" / name).write_text(text, encoding="utf-8")
    project = folder / "dbt_project.yml"
    if not project.exists():
        project.write_text(yaml.safe_dump(PROJECT))
    profiles = {"left": {"target": "it", "outputs": {"it": {"schema": "made", "threads": 1, **profile}}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profiles))
    return folder


def statuses(project: Path) -> set[str]:
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    return {result["status"] for result in results}


def test_names_its_files_sources_and_tests(exported):
    assert list(exported) == ["people__outcomes.sql", "people.sql", "people_rejected.sql", "people.yml"]
    schema = yaml.safe_load(exported["people.yml"])
    assert schema["sources"] == [{"name": "people_raw", "schema": "raw", "tables": [{"name": "people"}]}]
    columns = {column["name"]: column.get("data_tests") for column in schema["models"][-1]["columns"]}
    assert columns["id"] == ["not_null", "unique"]
    assert columns["team"] == [{"accepted_values": {"arguments": {"values": ["Alpha", "Beta", "None"]}}}]
    assert columns["name"] is None


@pytest.mark.slow
def test_dbt_builds_the_same_rows(exported, tmp_path, engine, tools, postgres_server):
    tools.load(engine, PEOPLE, tools.columns_of(COLUMNS), ROWS)
    workshop = tools.workshop(engine, {PEOPLE: tools.columns_of(COLUMNS)})
    RuleEngine().execute(parse_rule_set(RULES, file="people.yml"), workshop)
    files = {"rows": "SELECT * FROM workshop.people ORDER BY id", "outcomes": OUTCOMES.format("workshop")}
    expected = {name: engine.run(sql) for name, sql in files.items()}
    assert [row[0] for row in expected["rows"]] == [1, 8]

    built = project_with(tmp_path, exported, profile_of(engine, tmp_path, postgres_server))
    done = dbt(built, "build", "--quiet")

    assert (done.returncode, done.stdout) == (0, "")
    assert statuses(built) == {"success", "pass"}
    found = after_dbt(engine, tmp_path)
    assert found("SELECT * FROM made.people ORDER BY id") == expected["rows"]
    assert found(OUTCOMES.format("made")) == expected["outcomes"]
    rejected = found("SELECT id, _reason FROM made.people_rejected ORDER BY id NULLS LAST")
    assert rejected == [(2, "{{ wrong }} {% note %}"), (7, "born: not readable as date"), (None, "id missing")]


OUTCOMES = "SELECT * FROM {}.people__outcomes ORDER BY id NULLS LAST, born NULLS LAST"


def profile_of(engine, folder: Path, postgres_server: str) -> dict:
    """How dbt reaches the engine's rows: the same PostgreSQL database, or a copy of the raw table in files."""
    if engine.dialect == "spark":
        raw, settings = folder / "raw", {"spark.sql.catalogImplementation": "in-memory", "spark.ui.enabled": "false"}
        settings |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        settings |= {"spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.sql.shuffle.partitions": "1"}
        engine.run(f"INSERT OVERWRITE DIRECTORY '{raw}' USING parquet SELECT * FROM raw.people")
        hooks = ["CREATE SCHEMA raw", f"CREATE TABLE raw.people AS SELECT * FROM parquet.`{raw}`"]
        (folder / "dbt_project.yml").write_text(yaml.safe_dump({**PROJECT, "on-run-start": hooks}))
        return {"type": "spark", "method": "session", "host": "none", "server_side_parameters": settings}
    if engine.dialect == "duckdb":
        engine.run(f"ATTACH '{folder / 'left.duckdb'}' AS file")
        engine.run("CREATE SCHEMA file.raw")
        engine.run("CREATE TABLE file.raw.people AS SELECT * FROM raw.people")
        engine.run("DETACH file")
        return {"type": "duckdb", "path": str(folder / "left.duckdb")}
    parts = urlsplit(postgres_server)
    [(database,)] = engine.run("SELECT current_database()")
    found = {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "password": unquote(parts.password or ""),
    }
    return {"type": "postgres", "dbname": database, **found}


def after_dbt(engine, folder: Path):
    """Reads what dbt has built."""
    if engine.dialect == "postgres":
        return engine.run
    if engine.dialect == "spark":
        engine.run("CREATE SCHEMA IF NOT EXISTS made")
        for name in ("people", "people__outcomes", "people_rejected"):
            built = folder / "warehouse" / "made.db" / name
            engine.run(f"CREATE VIEW made.{name} AS SELECT * FROM parquet.`{built}`")
        return engine.run
    import duckdb

    def read(sql: str) -> list[tuple]:
        with duckdb.connect(str(folder / "left.duckdb")) as connection:
            return connection.execute(sql).fetchall()

    return read
