"""A flow from load to notice, run by the embedded runtime: what is proven is shown and told, the rest is neither."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from lockgate.cli.entrypoint import run
from lockgate.sandbox.alerts import Receiver, webhook

pytestmark = pytest.mark.slow

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROJECT = """
project: people
sources:
  files: {{kind: csv, streams: {{people: {{path: people.csv, columns: {{id: bigint}}}}}}}}
entities:
  people:
    key: [person_id]
    contract: {{person_id: bigint, name: text}}
    implementations: {{old: {{rules: old.yml}}, new: {{rules: new.yml}}}}
    route: {{incumbent: old, candidate: new, stage: promoted, gates: [parity, tested]}}
gates:
  parity: {{unexplained_differences: 0}}
  tested: {{tests: pass}}
notifications:
  hook: {{kind: webhook, url: "{url}/hooks", secret: secret://hook}}
flows:
  nightly:
    steps:
      - {{name: load, load: files}}
      - {{name: build, execute: people}}
      - {{name: prove, test: people}}
      - {{name: against, compare: people}}
      - {{name: decide, gate: [parity, tested]}}
      - {{name: show, publish: people}}
      - {{name: tell, notify: the people are there}}
"""
RULES = """
entity: people
from: raw.people
rules: [{rename: {id: person_id}}]
output: [person_id, name]
cases:
  - {name: a name is kept, given: [{id: 1, name: Ada}], expect: [{person_id: 1, name: Ada}]}
"""
LOUD = RULES.replace("}}]", '}}, {derive: {name: "case when person_id = 2 then upper(name) else name end"}}]')
FAILING = RULES.replace("name: Ada}]}", "name: Eve}]}")
STEPS = ["load", "build", "prove", "against", "decide", "show", "tell"]


@pytest.fixture
def receiver():
    with Receiver(webhook("/hooks", SECRET)) as receiver:
        yield receiver


@pytest.fixture
def project(tmp_path, receiver, monkeypatch) -> Path:
    monkeypatch.setenv("LOCKGATE_SECRET_HOOK", SECRET)
    texts = {"lockgate.yml": PROJECT.format(url=receiver.url), "old.yml": RULES, "new.yml": RULES}
    for name, text in {**texts, "people.csv": "id,name\n1,Ada\n2,Łukasz\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def flowed(project, capsys):
    """Runs the flow: its exit code, and how each step ended."""

    def flowed() -> tuple[int, dict[str, tuple[str, int | None]]]:
        code = run(["--project", str(project), "flow", "run", "nightly", "--json"])
        (done,) = json.loads(capsys.readouterr().out)
        return code, {step["name"]: (step["status"], step["exit_code"]) for step in done["steps"]}

    return flowed


def read(project: Path) -> list[tuple[int, str]]:
    """What a consumer reads."""
    with duckdb.connect(str(project / "warehouse/catalog.duckdb"), read_only=True) as connection:
        return connection.execute("select person_id, name from analytics.people order by 1").fetchall()


def told(receiver: Receiver) -> list[str]:
    return [json.loads(one.body)["data"]["subject"] for one in receiver.taken]


@pytest.mark.parametrize(
    ("candidate", "stopped_at"), [(LOUD, "against"), (FAILING, "prove")], ids=["differs", "fails its test"]
)
def test_a_flow_shows_what_is_proven_and_stops_before_what_is_not(project, flowed, receiver, candidate, stopped_at):
    first = flowed()
    before, heard = read(project), told(receiver)
    (project / "new.yml").write_text(candidate, encoding="utf-8")
    (project / "people.csv").write_text("id,name\n1,Ada\n2,Łukasz\n3,Grüße\n", encoding="utf-8")

    code, steps = flowed()

    assert first == (0, dict.fromkeys(STEPS, ("success", 0)))
    assert before == [(1, "Ada"), (2, "Łukasz")]
    assert heard == ["the people are there"]
    place = STEPS.index(stopped_at)
    assert code == 1
    assert steps == {
        **dict.fromkeys(STEPS[:place], ("success", 0)),
        stopped_at: ("failed", 1),
        **dict.fromkeys(STEPS[place + 1 :], ("skipped", None)),
    }
    assert read(project) == before
    assert "the people are there" not in told(receiver)[1:]
