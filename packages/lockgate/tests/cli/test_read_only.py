"""A project in a folder that cannot be written: what reads works, what writes says why it cannot."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

CHILD = "import sys; from lockgate.cli.entrypoint import run; sys.exit(run(sys.argv[1:]))"
# See linux/prctl.h and linux/capability.h.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2

FILES = {
    "lockgate.yml": """
project: people
sources: {files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint, name: text}}}}}
entities:
  people:
    key: [id]
    contract: {id: bigint, name: text}
    implementations: {rules: {rules: people.yml}, twin: {rules: people.yml}, dbt: {dbt: dbt, model: people}}
    route: {incumbent: rules, candidate: dbt}
""",
    "people.yml": "entity: people\nfrom: raw.people\nrules: [{filter: {where: id > 0}}]\noutput: [id, name]\n",
    "dbt/dbt_project.yml": "name: people\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: people}]}]\n",
    "dbt/models/people.sql": "{{ config(materialized='table') }} select id, name from {{ source('raw', 'people') }}\n",
    "people.csv": "id,name\n1,Ada\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def lockgate(folder):
    """Runs a command in the project in another process, whose rights end where the files' do: what came of it."""

    def lockgate(*words: str, **environment: str):
        return subprocess.run(
            [sys.executable, "-c", CHILD, "--project", str(folder), *words],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_obey_modes,
            env={**os.environ, **environment},
        )

    yield lockgate
    _allow(folder, 0o755)


def _obey_modes() -> None:
    """Gives up, for the program executed next, what lets root write and read whatever files' modes say."""
    library = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def _allow(folder: Path, mode: int) -> None:
    """Sets the mode of a folder and of every folder in it."""
    for place in [folder, *(each for each in folder.rglob("*") if each.is_dir())]:
        place.chmod(mode)


def test_what_reads_works_and_what_writes_says_why_not(folder, lockgate) -> None:
    assert lockgate("run", "--engine", "rules", "--engine", "twin").returncode == 0
    _allow(folder, 0o555)

    reading = ["check --offline", "rules explain people", "loads list", "editions list", "quarantine list", "jobs list"]
    done = {command: lockgate(*command.split()) for command in reading}
    refused = lockgate("run")

    assert {command: one.returncode for command, one in done.items()} == dict.fromkeys(reading, 0)
    assert "files.people" in done["loads list"].stdout
    assert refused.returncode == 2
    assert "the control plane cannot be written" in refused.stderr


def test_a_comparison_that_cannot_be_kept_says_so_and_stands(folder, lockgate) -> None:
    lockgate("run", "--engine", "rules", "--engine", "twin")
    _allow(folder, 0o555)

    compared = lockgate("compare", "people@rules", "people@twin", "--json")

    document = json.loads(compared.stdout)
    assert (compared.returncode, document["verdict"]) == (0, "PASS")
    assert document["errors"]["evidence"]["code"] == "LG406"
    assert "the control plane cannot be written" in compared.stderr


def test_a_comparison_is_kept_where_the_control_plane_can_be_written(folder, lockgate, postgres_url) -> None:
    lockgate("run", "--engine", "rules", "--engine", "twin", LOCKGATE_CONTROL_URL=postgres_url)
    shutil.rmtree(folder / ".lockgate")
    _allow(folder, 0o555)

    compared = lockgate("compare", "people@rules", "people@twin", "--json", LOCKGATE_CONTROL_URL=postgres_url)

    assert (compared.returncode, compared.stderr.count("cannot be written")) == (0, 0)
    assert "errors" not in json.loads(compared.stdout)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select entity, verdict from comparison").fetchall() == [("people", "PASS")]


def test_a_project_that_never_ran_is_checked_and_explained(folder, lockgate) -> None:
    _allow(folder, 0o555)

    listed = lockgate("editions", "list")

    assert lockgate("check", "--offline").returncode == 0
    assert (listed.returncode, "cannot be written: permission denied" in listed.stderr) == (2, True)
    assert sorted(path.name for path in folder.iterdir()) == ["dbt", "lockgate.yml", "people.csv", "people.yml"]
