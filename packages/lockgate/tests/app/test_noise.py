"""An implementation against itself, what comparing two implementations keeps, and how the project's ledger is used."""

from __future__ import annotations

import json

import pytest

from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run

pytestmark = [pytest.mark.slow, pytest.mark.measured]

NOISY = "{{ config(materialized='table') }} select id as person_id, name || random() as name from "
COMPARE = """
    compare:
      expected:
        renamed:
          owner: ada@example.com
          reason: names are written in capitals from now on
          expires: 9999-12-31
          rows: %d
          columns: [name]
          right: upper(name)
"""


@pytest.fixture
def lockgate(project, capsys):
    """Runs a verb of the project: exit code, and the JSON document on standard output."""

    def lockgate(*words: str):
        code = run(["--project", str(project), *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return lockgate


def built(project, lockgate, model: str) -> None:
    file = project / "lockgate.yml"
    file.write_text(file.read_text(encoding="utf-8").replace(", stage: promoted", ""), encoding="utf-8")
    (project / "dbt/models/people.sql").write_text(model + "{{ source('raw', 'people') }}\n", encoding="utf-8")
    code, result = lockgate("run", "--engine", "rules", "--engine", "dbt")
    assert not result["errors"], json.dumps(result["errors"])
    assert code == 0


def test_columns_that_differ_by_themselves_explain_themselves_until_the_implementation_changes(project, lockgate):
    built(project, lockgate, NOISY)
    assert lockgate("compare", "people@rules", "people@dbt")[0] == 1

    code, learnt = lockgate("compare", "people@dbt", "people@dbt", "--noise")

    assert (code, learnt["columns"]) == (0, ["name"])
    code, found = lockgate("compare", "people@rules", "people@dbt")
    assert (code, found["verdict"], found["unexplained"], found["rows"]["changed"]) == (0, "PASS", 0, 2)
    assert found["columns"]["name"]["noisy"] is True
    built(project, lockgate, NOISY.replace("random()", "'!'"))
    assert lockgate("compare", "people@rules", "people@dbt")[1]["unexplained"] == 2


def test_noise_of_an_implementation_excuses_none_of_the_others(project, lockgate):
    file = project / "lockgate.yml"
    third = "dbt: {dbt: dbt, model: people}\n      shouting: {dbt: dbt, model: shouting}"
    file.write_text(file.read_text(encoding="utf-8").replace("dbt: {dbt: dbt, model: people}", third), encoding="utf-8")
    shouting = "{{ config(materialized='table') }} select id as person_id, upper(name) as name from "
    (project / "dbt/models/shouting.sql").write_text(shouting + "{{ source('raw', 'people') }}\n", encoding="utf-8")
    built(project, lockgate, NOISY)
    assert lockgate("run", "--engine", "shouting")[0] == 0
    assert lockgate("compare", "people@dbt", "people@dbt", "--noise")[1]["columns"] == ["name"]

    code, found = lockgate("compare", "people@rules", "people@shouting")

    assert (code, found["verdict"], found["unexplained"]) == (1, "FAIL", 2)
    assert found["columns"]["name"]["noisy"] is False
    assert lockgate("compare", "people@dbt", "people@shouting")[1]["unexplained"] == 0


def test_noise_excuses_editions_made_by_the_files_that_it_was_learnt_of(project, lockgate):
    built(project, lockgate, NOISY)
    lockgate("compare", "people@dbt", "people@dbt", "--noise")
    model = project / "dbt/models/people.sql"
    noisy = model.read_text(encoding="utf-8")
    model.write_text(noisy.replace("random()", "'!'"), encoding="utf-8")
    assert lockgate("compare", "people@rules", "people@dbt")[1]["unexplained"] == 0
    assert lockgate("run", "--engine", "dbt")[0] == 0

    model.write_text(noisy, encoding="utf-8")

    assert lockgate("compare", "people@rules", "people@dbt")[1]["unexplained"] == 2


def test_an_implementation_that_repeats_itself_has_no_noise(project, lockgate):
    built(project, lockgate, NOISY)

    assert lockgate("compare", "people@rules", "people@rules", "--noise")[1]["columns"] == []


def test_options_that_learning_noise_has_no_use_for_are_refused(project, capsys):
    words = ["compare", "people@rules", "people@rules", "--noise", "--exclude", "name", "--report", "a.html"]

    assert run(["--project", str(project), *words]) == 2

    told = capsys.readouterr().err
    assert "--exclude, --report" in told.replace("│", "").replace("\n", " ")
    assert not (project / ".lockgate").exists()


def test_noise_is_learnt_of_one_implementation_alone(project, lockgate):
    assert run(["--project", str(project), "compare", "people@rules", "people@dbt", "--noise"]) == 2


def test_what_was_agreed_on_is_explained_and_evidence_names_the_pins(project, lockgate):
    file = project / "lockgate.yml"
    declared = file.read_text(encoding="utf-8")
    file.write_text(declared + COMPARE % 2, encoding="utf-8")
    built(project, lockgate, NOISY.replace("name || random()", "upper(name)"))

    code, found = lockgate("compare", "people@rules", "people@dbt")

    assert (code, found["verdict"], found["unexplained"]) == (0, "PASS", 0)
    assert found["explained"] == [{"name": "renamed", "rows": 2, "most_rows": 2, "refused": None}]
    wiring = open_wiring(project, None)
    (kept,) = wiring.store.comparisons.comparisons("people")
    wiring.close()
    assert (kept.verdict, kept.unexplained) == ("PASS", 0)
    (load,) = [each["load_id"] for each in lockgate("loads", "list")[1]]
    relation = {"schema": "raw", "name": "people"}
    assert kept.found["pins"] == [{"relation": relation, "first_load": load, "last_load": load}]
    assert "Ada" not in json.dumps(kept.found)

    file.write_text(declared + COMPARE % 1, encoding="utf-8")
    assert lockgate("compare", "people@rules", "people@dbt")[0] == 1
