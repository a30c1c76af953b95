"""`compare` in a project: entities, editions and targets by their names, as the project declares them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run

PROJECT = """
project: people
targets:
  main: {kind: duckdb, path: warehouse/}
  postgres: {kind: postgres, url: secret://warehouse-url}
sources:
  files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint, name: text, amount: "numeric(9,2)"}}}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text, amount: "numeric(9,2)"}
    implementations: {plain: {rules: plain.yml}, loud: {rules: loud.yml}}
    route: {incumbent: plain, candidate: loud}
"""
PLAIN = "entity: people\nfrom: raw.people\nrules: [{rename: {id: person_id}}]\noutput: [person_id, name, amount]\n"
LOUD = """entity: people
from: raw.people
rules: [{rename: {id: person_id}}, {derive: {name: "case when person_id = 2 then upper(name) else name end"}}]
output: [person_id, name, amount]
"""
ROWS = "id,name,amount\n1,Ada,1.5\n2,Grace,2.25\n3,Eve,3\n"


@pytest.fixture
def project(tmp_path) -> Path:
    texts = {"lockgate.yml": PROJECT, "plain.yml": PLAIN, "loud.yml": LOUD, "people.csv": ROWS}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(params=["main", "postgres"])
def target(request, monkeypatch) -> str:
    if request.param == "postgres":
        monkeypatch.setenv("LOCKGATE_SECRET_WAREHOUSE_URL", request.getfixturevalue("postgres_url"))
    return request.param


@pytest.fixture
def lockgate(project, target, capsys):
    """Runs a command in the project on the target: exit code, the document, standard error."""

    def lockgate(*arguments: str):
        code = run(["--project", str(project), "--target", target, *arguments, "--json"])
        written = capsys.readouterr()
        return code, json.loads(written.out), written.err

    return lockgate


@pytest.fixture
def ran(lockgate):
    code, result, _ = lockgate("run", "--engine", "plain", "--engine", "loud")
    assert (code, result["errors"]) == (0, {})
    return result


def counts(document) -> tuple[int, ...]:
    return tuple(document["rows"][name] for name in ("left", "right", "matched", "missing", "extra", "changed"))


def test_implementations_are_compared_by_the_contracts_key_where_they_are(ran, lockgate) -> None:
    code, document, _ = lockgate("compare", "people@plain", "people@loud", "--show-values")

    assert (code, counts(document), document["key"]) == (1, (3, 3, 2, 0, 0, 1), ["person_id"])
    assert list(document["columns"]) == ["person_id", "name", "amount"]
    assert [(each["key"], each["left"], each["right"]) for each in document["samples"]] == [
        ({"person_id": 2}, "Grace", "GRACE")
    ]
    assert (document["method"], document["rows_moved"]) == ("join", 0)


def test_what_consumers_see_is_the_incumbents_edition(ran, lockgate) -> None:
    code, document, _ = lockgate("compare", "people", "people@plain")

    assert (code, document["verdict"], counts(document)) == (0, "PASS", (3, 3, 3, 0, 0, 0))
    assert (document["left"], document["right"]) == ("people", "people@plain")
    left, right = document["editions"]["left"], document["editions"]["right"]
    assert [(each["number"], each["implementation"]) for each in left] == [(1, "plain")]
    assert left == right
    (pin,) = document["pins"]
    assert pin["relation"] == {"schema": "raw", "name": "people"}
    assert pin["first_load"] == pin["last_load"] == ran["loads"][0]["load_id"]


def test_editions_made_of_other_loads_prove_nothing(project, ran, lockgate) -> None:
    (project / "people.csv").write_text(f"{ROWS}4,Mallory,4\n", encoding="utf-8")
    code, _, _ = lockgate("run", "--engine", "loud")
    assert code == 0

    code, document, _ = lockgate("compare", "people@plain", "people@loud")

    assert (code, document["verdict"]) == (3, "INCONCLUSIVE")
    assert document["reasons"][0].startswith("the inputs moved: raw.people was read from load ")
    assert counts(document) == (3, 4, 2, 0, 1, 1)
    assert len(document["pins"]) == 2


def test_a_targets_table_and_a_file_are_compared_with_an_entity(project, target, ran, lockgate) -> None:
    file = project / "export.csv"
    file.write_text("person_id,name,amount\n1,Ada,1.50\n2,Grace,2.25\n3,Eve,3.00\n", encoding="utf-8")

    by_target = lockgate("compare", f"{target}.analytics.people", "people")
    by_file = lockgate("compare", "people", str(file))

    for code, document, _ in (by_target, by_file):
        assert (code, counts(document), document["key"]) == (0, (3, 3, 3, 0, 0, 0), ["person_id"])
    assert by_target[1]["editions"]["left"] == []


def test_an_entity_is_compared_as_it_declares(project, ran, lockgate) -> None:
    declared = """    compare:
      expected:
        loud_names: {owner: ada, reason: they shout, expires: 2999-12-31, rows: 1, columns: [name], right: upper(name)}
"""
    (project / "lockgate.yml").write_text(PROJECT + declared, encoding="utf-8")

    code, document, _ = lockgate("compare", "people@plain", "people@loud")
    bent, lower, _ = lockgate("compare", "people@plain", "people@loud", "--transform", "name=lower")
    left_out, without, _ = lockgate("compare", "people@plain", "people@loud", "--exclude", "name")

    assert (code, document["verdict"], document["unexplained"], document["rows"]["changed"]) == (0, "PASS", 0, 1)
    assert document["explained"] == [{"name": "loud_names", "rows": 1, "most_rows": 1, "refused": None}]
    assert (bent, lower["rows"]["changed"]) == (0, 0)
    assert (left_out, without["explained"]) == (0, [])


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("peopel", "there is no file, target or entity 'peopel'", "Did you mean 'people'"),
        ("people@plane", "people has no implementation 'plane'", "Did you mean 'plain'?"),
        ("people@plain", "nothing of people@plain is published yet", "`lockgate run --select people --engine plain`"),
        ("people", "nothing of people is published yet", "`lockgate run --select people`"),
        ("gone.csv", "there is no file gone.csv", ""),
    ],
)
def test_a_name_that_means_nothing_is_told(lockgate, name, message, hint) -> None:
    code, document, _ = lockgate("compare", name, "people")

    assert (code, document["error"]["message"]) == (2, message)
    assert hint in document["error"]["hint"]


def test_a_table_that_is_not_in_the_target_is_told(target, ran, lockgate) -> None:
    code, document, _ = lockgate("compare", f"{target}.analytics.peple", "people")

    assert code == 2
    assert "did you mean 'analytics.people'?" in document["error"]["message"]


def test_nothing_is_left_in_the_projects_state(project, ran, lockgate) -> None:
    lockgate("compare", "people@plain", "people@loud")

    assert list((project / ".lockgate/comparisons").iterdir()) == []
