"""`lockgate jobs list` tells a name that is not there from jobs that are not."""

from __future__ import annotations

import pytest

from lockgate.cli.entrypoint import run

PROJECT = """
project: people
sources: {files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint}}}}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint}
    implementations: {rules: {rules: people.yml}}
    route: {incumbent: rules}
"""
RULES = "entity: people\nfrom: raw.people\nrules: [{rename: {id: person_id}}]\noutput: [person_id]\n"


@pytest.fixture
def folder(tmp_path):
    for name, text in (("lockgate.yml", PROJECT), ("people.yml", RULES), ("people.csv", "id\n1\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path)


def test_an_entity_without_jobs_has_none_and_one_that_is_not_there_is_refused(folder, capsys):
    assert run(["--project", folder, "jobs", "list", "--entity", "people"]) == 0
    assert run(["--project", folder, "jobs", "list", "--entity", "peeple"]) == 2

    told = capsys.readouterr().err
    assert "there is no entity 'peeple'; there are people" in told
    assert "Did you mean 'people'?" in told
