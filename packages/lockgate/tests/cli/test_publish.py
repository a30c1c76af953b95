"""`run --hold`, `test`, `cutover compare`, `gate` and `publish`: what is built is shown only once it is proven."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from lockgate.app.control_loop import ControlLoop
from lockgate.app.wiring import open_wiring
from lockgate.cli.entrypoint import run
from lockgate.core.route import Stage

PROJECT = """
project: people
sources:
  files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint}}}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}}
    route: {incumbent: old, candidate: new, gates: [parity, tested]}
  names:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations: {only: {rules: names.yml}}
    route: {incumbent: only}
gates:
  parity: {unexplained_differences: 0}
  tested: {tests: pass}
  signed: {sign_off: {roles: [owner]}}
roles: {owner: [ada]}
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
TWO, THREE = [(1, "Ada"), (2, "Łukasz")], [(1, "Ada"), (2, "Łukasz"), (3, "Grüße")]


@pytest.fixture
def project(tmp_path) -> Path:
    names = RULES.replace("entity: people", "entity: names")
    texts = {"lockgate.yml": PROJECT, "old.yml": RULES, "new.yml": RULES, "names.yml": names}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wrote(tmp_path, TWO)
    return tmp_path


def wrote(project: Path, rows) -> None:
    text = "".join(f"{number},{name}\n" for number, name in rows)
    (project / "people.csv").write_text(f"id,name\n{text}", encoding="utf-8")


def read(project: Path, entity: str = "people") -> list[tuple[int, str]] | None:
    """What a consumer reads; None where there is nothing to read from."""
    with duckdb.connect(str(project / "warehouse/catalog.duckdb"), read_only=True) as connection:
        found = "select 1 from information_schema.tables where table_schema = 'analytics' and table_name = ?"
        if not connection.execute(found, [entity]).fetchall():
            return None
        return connection.execute(f"select person_id, name from analytics.{entity} order by 1").fetchall()


@pytest.fixture
def typed(project, capsys):
    """Types a command in the project: exit code, standard output, standard error."""

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = run(["--project", str(project), *arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return typed


@pytest.fixture
def asked(typed):
    """Types a command with `--json`: exit code and the document."""

    def asked(*arguments: str):
        code, out, _ = typed(*arguments, "--json")
        return code, json.loads(out)

    return asked


@pytest.fixture
def at(asked, project):
    """Brings the route of people to a stage, both sides built, proven and shown."""

    def at(stage: Stage) -> None:
        assert asked("run")[0] == 0
        if stage is not Stage.OFF:
            plan = asked("cutover", "plan", "people", "--to", "shadow")[1]
            assert asked("cutover", "apply", plan["plan_id"])[0] == 0
        if stage not in {Stage.OFF, Stage.SHADOW}:
            assert asked("test", "people")[0] == 0
            plan = asked("cutover", "plan", "people", "--to", stage.value)[1]
            assert asked("cutover", "apply", plan["plan_id"])[0] == 0
        assert route(asked)["stage"] == stage.value

    return at


def route(asked) -> dict[str, object]:
    return asked("cutover", "status", "people")[1][0]["route"]


def kinds(asked) -> list[str]:
    return [one["kind"] for one in asked("evidence", "list", "people", "--limit", "100")[1]]


# --- run --hold -------------------------------------------------------------------------------------------------------


def test_what_is_built_first_and_held_back_cannot_be_read_until_it_is_published(typed, asked, project):
    code, out, _ = typed("run", "--hold")

    assert code == 0
    assert "neither compared nor judged; held back from consumers: people@old, names@only" in " ".join(out.split())
    assert "lockgate publish people names" in " ".join(out.split())
    assert (read(project), read(project, "names")) == (None, None)

    code, published = asked("publish", "people", "names")

    assert code == 0
    assert [(one["entity"], len(one["shown"]), one["held"]) for one in published["releases"]] == [
        ("people", 1, []),
        ("names", 1, []),
    ]
    assert read(project) == read(project, "names") == TWO


def test_new_rows_wait_and_an_output_that_did_not_change_stays_shown(asked, project):
    asked("run")

    unchanged = asked("run", "--hold")[1]
    wrote(project, THREE)
    changed = asked("run", "--hold", "--select", "names")[1]

    assert unchanged["unchanged"] == ["people@old", "names@only"]
    assert not any(one["is_held"] for one in unchanged["editions"])
    assert [one["is_held"] for one in changed["editions"]] == [True]
    assert read(project, "names") == TWO


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.CANARY, Stage.PROMOTED])
def test_a_held_run_compares_nothing_and_decides_nothing(asked, at, project, stage):
    at(stage)
    before = kinds(asked)
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    code, result = asked("run", "--hold")

    assert (code, result["decisions"]) == (0, [])
    assert kinds(asked)[: -len(before)] == ["execution", "freshness", "execution"]
    assert route(asked)["stage"] == stage.value
    assert read(project) == TWO


# --- publish ----------------------------------------------------------------------------------------------------------


def test_where_nothing_is_held_back_publishing_says_so_and_changes_nothing(asked, typed, project):
    asked("run")

    code, out, _ = typed("publish", "people", "names")

    assert code == 0
    assert out.splitlines() == ["people: nothing is held back", "names: nothing is held back"]
    assert read(project) == TWO


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_where_consumers_read_a_candidate_what_was_not_compared_is_compared_then_shown(asked, at, project, stage):
    at(stage)
    wrote(project, THREE)
    asked("run", "--hold")
    before = kinds(asked)

    code, published = asked("publish", "people")

    assert (code, len(published["releases"][0]["shown"])) == (0, 2)
    assert kinds(asked)[: -len(before)] == ["comparison"]
    assert read(project) == THREE


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_where_consumers_read_a_candidate_what_cannot_be_compared_stays_held_back(asked, typed, at, project, stage):
    at(stage)
    wrote(project, THREE)
    asked("run", "--hold")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    code, out, _ = typed("publish", "people")

    assert code == 3
    assert "stays held back: people: edition" in out
    assert "was made by other files than those of now" in out
    assert read(project) == TWO


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_where_both_sides_were_found_level_publishing_shows_both(asked, at, project, stage):
    at(stage)
    wrote(project, THREE)
    asked("run", "--hold")

    compared, [found] = asked("cutover", "compare", "people")
    held = read(project)
    code, published = asked("publish", "people")
    again, repeated = asked("publish", "people")

    assert (compared, found["verdict"]) == (0, "PASS")
    assert held == TWO
    assert (code, len(published["releases"][0]["shown"])) == (0, 2)
    assert (again, repeated["releases"]) == (
        0, [{"entity": "people", "shown": [], "held": [], "because": "", "answer": "go"}]
    )  # fmt: skip
    assert read(project) == THREE


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_a_candidate_that_differs_is_rolled_back_when_it_is_to_be_published(asked, at, project, stage):
    at(stage)
    wrote(project, THREE)
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run", "--hold")

    compared, [found] = asked("cutover", "compare", "people")
    before = read(project)
    code, published = asked("publish", "people")

    assert (compared, found["verdict"], found["unexplained"]) == (1, "FAIL", 1)
    assert before == TWO
    assert code == 1
    assert [one["action"] for one in published["decisions"]] == ["roll back"]
    assert [one["implementation"] for one in published["releases"][0]["shown"]] == ["old"]
    assert [one["implementation"] for one in published["releases"][0]["held"]] == ["new"]
    assert read(project) == THREE


def test_in_the_shadow_a_candidate_that_differs_keeps_nobody_from_new_rows(asked, at, project):
    at(Stage.SHADOW)
    wrote(project, THREE)
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run", "--hold")
    asked("cutover", "compare", "people")

    code, published = asked("publish", "people")

    assert (code, published["decisions"]) == (0, [])
    assert read(project) == THREE


@pytest.mark.parametrize("is_level", [True, False])
def test_a_servers_looks_show_nothing_that_waits_to_be_published(asked, at, project, is_level):
    at(Stage.PROMOTED)
    wrote(project, THREE)
    if not is_level:
        (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run", "--hold")
    asked("cutover", "compare", "people")
    wiring = open_wiring(project, None)

    ControlLoop(wiring, 60).judge("people")
    wiring.close()

    assert route(asked)["stage"] == ("promoted" if is_level else "shadow")
    assert read(project) == TWO
    assert asked("publish", "people")[0] == 0
    assert read(project) == THREE


def test_a_candidate_whose_edition_is_held_back_is_not_promoted(asked, typed, at, project):
    at(Stage.SHADOW)
    wrote(project, THREE)
    asked("run", "--hold")
    asked("cutover", "compare", "people")
    asked("test", "people")

    code, out, _ = typed("cutover", "promote", "people")

    assert code == 1
    assert "is held back: lockgate publish people" in " ".join(out.split())
    assert route(asked)["share"] == 0
    assert read(project) == TWO
    assert asked("publish", "people")[0] == 0
    assert asked("cutover", "promote", "people")[0] == 0
    assert read(project) == THREE


def test_a_later_run_shows_what_an_earlier_one_held_back(asked, at, project):
    at(Stage.PROMOTED)
    wrote(project, THREE)
    asked("run", "--hold")

    code, result = asked("run")

    assert (code, result["errors"]) == (0, {})
    assert read(project) == THREE


# --- test -------------------------------------------------------------------------------------------------------------


def test_cases_and_the_key_of_what_was_built_are_tested(asked, at):
    at(Stage.SHADOW)

    code, result = asked("test", "people")

    assert code == 0
    assert [(one["implementation"], [trial["name"] for trial in one["trials"]]) for one in result["examinations"]] == [
        (name, ["case a name is kept", "key person_id is never NULL", "key person_id is unique"])
        for name in ("old", "new")
    ]
    assert [one["evidence"] is None for one in result["examinations"]] == [True, False]
    assert kinds(asked)[0] == "tests"
    assert asked("gate", "tested")[1][0]["answer"] == "go"


def test_a_test_that_fails_is_named_and_counts_against_the_candidate(asked, typed, at, project):
    at(Stage.SHADOW)
    (project / "new.yml").write_text(FAILING, encoding="utf-8")
    asked("run", "--hold")

    code, _, err = typed("test", "people")

    assert code == 1
    assert "people@new: these tests of edition 2 failed: case a name is kept" in " ".join(err.split())
    code, [answer] = asked("gate", "tested")
    assert (code, answer["answer"]) == (1, "no-go")
    assert answer["conditions"][0]["sentence"].startswith("1 test failed on")


def test_tests_of_files_that_have_changed_since_prove_nothing(asked, at, project):
    at(Stage.SHADOW)
    before = kinds(asked)
    (project / "new.yml").write_text(f"{RULES}# another revision\n", encoding="utf-8")

    code, result = asked("test", "people", "--engine", "new")

    assert code == 0
    assert result["examinations"][0]["unkept"].startswith("files of people@new were changed since it was built")
    assert kinds(asked) == before


def test_nothing_can_be_tested_before_it_is_built(asked):
    code, result = asked("test", "names")

    assert code == 2
    assert result["errors"]["names@only"]["message"] == "nothing of names@only is built yet"


@pytest.mark.parametrize("arguments", [("test", "nmes"), ("publish", "nmes"), ("cutover", "compare", "nmes")])
def test_a_name_that_is_nearly_right_is_told_with_what_may_be_meant(asked, arguments):
    code, answer = asked(*arguments)

    assert (code, answer["error"]["hint"]) == (2, "Did you mean 'names'?")


# --- cutover compare, gate --------------------------------------------------------------------------------------------


def test_editions_of_other_files_are_not_compared(asked, at, project):
    at(Stage.SHADOW)
    before = kinds(asked)
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    code, [answer] = asked("cutover", "compare", "people")

    assert code == 2
    assert answer["error"]["message"] == "edition 2 of people@new was made by other files than those of now"
    assert kinds(asked) == before


def test_of_several_comparisons_the_worst_one_counts(asked, at, project):
    at(Stage.SHADOW)
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run", "--hold")

    one, several = asked("cutover", "compare", "people"), asked("cutover", "compare", "people", "names")

    assert one[0] == 1
    assert several[0] == 2
    assert [(each["entity"], "error" in each) for each in several[1]] == [("people", False), ("names", True)]


def test_empty_sides_prove_nothing(asked, at, project):
    at(Stage.SHADOW)
    wrote(project, [])
    asked("run", "--hold")

    code, [found] = asked("cutover", "compare", "people")

    assert (code, found["verdict"]) == (3, "INCONCLUSIVE")


def test_several_gates_are_asked_at_once(asked, at):
    at(Stage.SHADOW)
    asked("test", "people")

    parity, both, every = asked("gate", "parity"), asked("gate", "parity", "tested"), asked("gate", "all")

    assert [answer["gate"] for answer in parity[1]] == ["parity"]
    assert [answer["gate"] for answer in both[1]] == [answer["gate"] for answer in every[1]] == ["parity", "tested"]
    assert asked("gate", "parity", "prity")[1]["error"]["hint"] == "Did you mean 'parity'?"
