"""Proving that implementations agree: on one target and between two, and what is told where they do not."""

from __future__ import annotations

import json

import pytest

from lockgate.app import App
from lockgate.cli.entrypoint import run
from lockgate.flow import Unwatched

pytestmark = [pytest.mark.slow, pytest.mark.measured]

TARGETS = "targets: {main: {kind: duckdb, path: warehouse/}, other: {kind: postgres, url: secret://other-url}}\n"
ON_BOTH = ("--on", "main", "--on", "other", "--load")


@pytest.fixture
def on_two(project, postgres_url, monkeypatch):
    """The project with a target on DuckDB and one on PostgreSQL, both empty."""
    monkeypatch.setenv("LOCKGATE_SECRET_OTHER_URL", postgres_url)
    declared = (project / "lockgate.yml").read_text(encoding="utf-8")
    (project / "lockgate.yml").write_text(declared.replace("sources:", f"{TARGETS}sources:", 1), encoding="utf-8")
    return project


@pytest.fixture
def verify(on_two, capsys):
    """`transform verify`: its exit code and its document."""

    def verify(*words: str):
        code = run(["--project", str(on_two), "transform", "verify", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return verify


def makers(document) -> list[tuple]:
    return [
        (one["maker"]["target"], one["maker"]["implementation"], one["rows"], one["verdict"])
        for one in document["found"]
        if not one["maker"]["way"]
    ]


def asked(document) -> list[tuple]:
    return [
        (one["maker"]["target"], one["maker"]["implementation"], one["maker"]["way"], one["rows"], one["verdict"])
        for one in document["found"]
        if one["maker"]["way"]
    ]


def test_all_implementations_on_all_targets_give_the_rows_of_the_first(verify, on_two):
    code, document = verify(*ON_BOTH)

    assert code == 0
    assert makers(document) == [
        ("main", "rules", 2, None),
        ("main", "dbt", 2, "PASS"),
        ("other", "rules", 2, "PASS"),
        ("other", "dbt", 2, "PASS"),
    ]
    ways = ("at once", "one by one", "in requests of 7")
    online = (("main", "rules"), ("main", "dbt"), ("other", "rules"), ("other", "dbt"))
    assert asked(document) == [(*one, way, 2, "PASS") for one in online for way in ways]
    with App.open(on_two) as app:  # consumers see nothing of it
        assert [shown.arm for shown in app.editions()] == [None, None]


def test_rows_of_one_implementation_that_differ_are_counted_and_its_name_is_told(verify, on_two):
    model = (on_two / "dbt/models/people.sql").read_text(encoding="utf-8")
    (on_two / "dbt/models/people.sql").write_text(model.replace("name from", "upper(name) as name from"), "utf-8")

    code, document = verify("people", "--load")

    assert code == 1
    (dbt,) = (one for one in document["found"] if one["maker"]["implementation"] == "dbt" and not one["maker"]["way"])
    assert (dbt["verdict"], dbt["unexplained"]) == ("FAIL", 2)
    assert {one[-1] for one in asked(document)} == {"PASS"}  # each is what its own implementation builds


def test_an_implementation_that_fails_is_told_and_the_others_are_held_all_the_same(verify, on_two):
    (on_two / "dbt/models/people.sql").write_text("select nowhere as person_id", encoding="utf-8")

    code, document = verify(*ON_BOTH)

    assert code == 2
    assert makers(document) == [
        ("main", "rules", 2, None),
        ("main", "dbt", None, None),
        ("other", "rules", 2, "PASS"),
        ("other", "dbt", None, None),
    ]
    errors = [one["error"]["message"] for one in document["found"] if one["error"]]
    assert ["nowhere" in message for message in errors] == [True, True]


def test_an_unknown_target_or_entity_is_told_before_anything_is_built(verify, on_two):
    assert verify("peple")[0] == verify("--on", "othr")[0] == 2

    with App.open(on_two) as app:
        assert app.editions() == ()
        assert app.test(("people",), Unwatched()).errors  # nothing is there to test


def test_what_one_maker_alone_has_made_proves_nothing(on_two, capsys):
    declared = (on_two / "lockgate.yml").read_text(encoding="utf-8")
    alone = declared.replace("      dbt: {dbt: dbt, model: people}\n", "")
    alone = alone.replace("{incumbent: rules, candidate: dbt, stage: promoted}", "{incumbent: rules}")
    (on_two / "lockgate.yml").write_text(alone, encoding="utf-8")

    code = run(["--project", str(on_two), "transform", "verify", "--load"])

    assert code == 3
    assert "people: made once, so there is nothing to hold its rows against" in capsys.readouterr().out
