"""A project in a folder that cannot be written: what reads works, what writes says why it cannot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run

FILES = {
    "lockgate.yml": """
project: people
sources: {files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint, name: text}}}}}
entities:
  people:
    key: [id]
    contract: {id: bigint, name: text}
    implementations: {rules: {rules: people.yml}, dbt: {dbt: dbt, model: people}}
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
def read_only(folder):
    """Makes the project's folder read-only, for root too, until the test ends."""

    def read_only() -> None:
        bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
        if bound.returncode != 0:
            pytest.skip("mounting a file system takes rights that are not here")
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)

    yield read_only
    if shutil.which("umount"):
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def test_what_reads_works_and_what_writes_says_why_not(folder, read_only, capsys) -> None:
    assert run(["--project", str(folder), "run"]) == 0
    read_only()

    def code(*arguments: str) -> int:
        return run(["--project", str(folder), *arguments])

    reading = ["check --offline", "rules explain people", "loads list", "editions list", "quarantine list", "jobs list"]
    codes = {command: code(*command.split()) for command in reading}
    listed = capsys.readouterr()
    refused = code("run")

    assert codes == dict.fromkeys(reading, 0)
    assert "files.people" in listed.out
    assert refused == 2
    assert "cannot be written: read-only file system" in capsys.readouterr().err


def test_a_project_that_never_ran_is_checked_and_explained(folder, read_only, capsys) -> None:
    read_only()

    assert run(["--project", str(folder), "check", "--offline"]) == 0
    assert run(["--project", str(folder), "editions", "list"]) == 2
    assert "cannot be written: read-only file system" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["dbt", "lockgate.yml", "people.csv", "people.yml"]
