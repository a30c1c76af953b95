"""Lineage of a process that goes on is worked out again where files changed, and not otherwise."""

from __future__ import annotations

import os

from lockgate.app.lineage_desk import LineageDesk
from lockgate.app.wiring import open_wiring


def test_it_is_the_same_until_a_file_changes(project):
    wiring = open_wiring(project, None)
    try:
        desk = LineageDesk(wiring)
        first, again = desk.found(), desk.found()
        model = project / "dbt/models/people.sql"
        model.write_text("select id as person_id, alias as name from {{ source('raw', 'people') }}\n", encoding="utf-8")
        by_dbt = desk.found()
        rules = project / "rules/people.yml"
        rules.write_text(rules.read_text(encoding="utf-8").replace("raw.people", "raw.nobody"), encoding="utf-8")
        by_rules = desk.found()
    finally:
        wiring.close()

    assert again is first
    assert "alias" in by_dbt.graph.columns_of("source.people.raw.people")
    assert by_dbt.warnings == ()
    assert "people@rules is not read" in by_rules.warnings[0]
    assert first.outputs == {
        ("people", "rules"): "rules.people.people.rules", ("people", "dbt"): "model.people.people",
    }  # fmt: skip
    assert first.served == {"people": "served.people.people"}


def test_a_dbt_project_of_several_implementations_is_walked_once(project, monkeypatch):
    declared = project / "lockgate.yml"
    text = declared.read_text(encoding="utf-8").replace(
        "    route:", "      also: {dbt: dbt, model: people}\n    route:"
    )
    declared.write_text(text, encoding="utf-8")
    wiring = open_wiring(project, None)
    try:
        desk = LineageDesk(wiring)
        desk.found()
        looked_into: list[str] = []
        models = str(project / "dbt/models")
        scandir = os.scandir
        monkeypatch.setattr(os, "scandir", lambda path=".": looked_into.append(os.fspath(path)) or scandir(path))
        desk.found()
    finally:
        wiring.close()

    assert len(wiring.project.entities["people"].implementations) == 3
    assert looked_into.count(models) == 1
