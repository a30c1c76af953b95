"""`cutover`, `gate` and `evidence` as people and programs call them: what they print, and with which exit code."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run

PROJECT = """
project: people
sources:
  files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint}}}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations: {old: {rules: old.yml}, new: {rules: new.yml}, other: {rules: other.yml}}
    route: {incumbent: old, candidate: new, gates: [parity]}
gates:
  parity: {unexplained_differences: 0, runs: 2}
  approval: {sign_off: {roles: [steward], people: 2}}
  quality: {score: 0.9}
roles:
  steward: [ada, łukasz]
"""
RULES = "entity: people\nfrom: raw.people\nrules: [{rename: {id: person_id}}]\noutput: [person_id, name]\n"
LOUD = RULES.replace("}}]", '}}, {derive: {name: "case when person_id = 2 then upper(name) else name end"}}]')
BROKEN = RULES.replace("}}]", "}}, {derive: {name: no_such_column}}]")
# Types a command; its last line names every module that was loaded for it.
CHILD = (
    "import sys; from lockgate.cli.entrypoint import run; code = run(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
)
ROWS = "id,name\n1,Ada\n2,Łukasz\n3,Grüße\n"


@pytest.fixture
def project(tmp_path) -> Path:
    texts = {"lockgate.yml": PROJECT, "people.csv": ROWS}
    for name, text in {**texts, "old.yml": RULES, "new.yml": RULES, "other.yml": RULES}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


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


def declared(project: Path, old: str, new: str) -> None:
    """Changes the project file in one place."""
    path = project / "lockgate.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def moved(asked, *wanted: str) -> dict[str, object]:
    """Plans and applies: what came of it, which is to be go."""
    code, plan = asked("cutover", "plan", "people", *wanted)
    assert code == 0
    code, result = asked("cutover", "apply", plan["plan_id"])
    assert (code, result["answer"]) == (0, "go")
    return result


def stage(asked) -> tuple[str, int]:
    route = asked("cutover", "status", "people")[1][0]["route"]
    return route["stage"], route["share"]


# --- the way forward --------------------------------------------------------------------------------------------


def test_a_plan_lists_its_frozen_steps_and_moves_nothing(asked):
    asked("run")

    code, plan = asked("cutover", "plan", "people", "--to", "canary", "--share", "12.5%")

    assert code == 0
    assert set(plan) == {"plan_id", "entities", "begun", "pairs", "steps", "made_at", "made_by"}
    assert [step["kind"] for step in plan["steps"]] == ["route", "cycle", "cycle", "gate", "route"]
    assert plan["steps"][-1]["routes"][0]["share"] == 1250
    assert stage(asked) == ("off", 0)


def test_a_plan_tells_people_how_to_begin_and_to_undo_it(typed):
    typed("run")

    code, out, _ = typed("cutover", "plan", "people", "--to", "shadow")

    assert code == 0
    assert "people old → new, now off (token 1)" in out
    assert "apply it: lockgate cutover apply people-1" in out
    assert "undo it at any time: lockgate cutover rollback people" in out


def test_from_off_to_promoted_and_retired(asked, typed):
    asked("run")

    canary = moved(asked, "--to", "canary")
    code, out, _ = typed("cutover", "promote", "people")

    assert set(canary) == {"answer", "plan", "outcomes"}
    assert [outcome["status"] for outcome in canary["outcomes"]] == ["done"] * 5
    assert code == 0
    assert "people is promoted ████████████████████ 100 %" in out
    code, retired = asked("cutover", "retire", "people", "--reason", "nobody reads it")
    assert (code, retired[0]["action"], retired[0]["reason"]) == (0, "retire", "nobody reads it")
    assert retired[0]["after"]["incumbent"] == "new"
    assert stage(asked) == ("retired", 0)


def test_after_one_is_retired_the_next_candidate_comes(asked):
    asked("run")
    moved(asked, "--to", "promoted")
    asked("cutover", "retire", "people")

    code, result = asked("cutover", "promote", "people", "--candidate", "other")

    assert (code, result["answer"]) == (0, "go")
    route = asked("cutover", "status", "people")[1][0]["route"]
    assert (route["incumbent"], route["candidate"], route["stage"]) == ("new", "other", "promoted")


def test_a_plan_that_is_applied_again_changes_nothing(asked):
    asked("run")
    first = moved(asked, "--to", "canary")
    decided = len(asked("cutover", "decisions")[1])

    code, again = asked("cutover", "apply", first["plan"]["plan_id"])

    assert (code, again["answer"]) == (0, "go")
    assert len(asked("cutover", "decisions")[1]) == decided
    assert stage(asked) == ("canary", 500)


def test_a_plan_shows_what_came_of_its_steps(asked, typed):
    asked("run")
    moved(asked, "--to", "shadow")

    code, document = asked("cutover", "show", "people-1")
    _, out, _ = typed("cutover", "show", "people-1")

    assert code == 0
    assert set(document) == {"plan", "outcomes"}
    assert [outcome["status"] for outcome in document["outcomes"]] == ["done", "done"]
    assert "done: run 2: people PASS, 0 unexplained" in out


# --- no --------------------------------------------------------------------------------------------------------


def test_a_gate_that_says_no_keeps_the_candidate_where_it_is(asked, typed, project):
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run")

    code, out, _ = typed("cutover", "promote", "people")

    assert code == 1
    assert "✗ gate parity: no-go" in out
    assert "1 unexplained difference on" in out
    assert stage(asked) == ("shadow", 0)
    assert typed("gate")[0] == 1


def test_evidence_that_is_missing_is_neither_go_nor_no_go(asked):
    asked("run")
    moved(asked, "--to", "shadow")

    code, answers = asked("gate", "parity")

    assert code == 3
    assert set(answers[0]) == {"gate", "entity", "answer", "conditions", "traffic"}
    assert answers[0]["answer"] == "not enough evidence"
    assert answers[0]["conditions"][0]["sentence"] == "1 of 2 comparisons so far"


def test_an_entity_without_rows_proves_nothing(asked, project):
    (project / "people.csv").write_text("id,name\n", encoding="utf-8")
    asked("run")

    code, result = asked("cutover", "promote", "people")

    assert (code, result["answer"]) == (3, "not enough evidence")
    assert stage(asked) == ("shadow", 0)
    assert (
        result["outcomes"][-1]["gates"][0]["conditions"][0]["sentence"] == "0 of 2 comparisons so far, 2 inconclusive"
    )


def test_differences_that_were_agreed_on_go(asked, project):
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    declared(
        project,
        "    route: {incumbent: old,",
        "    compare: {expected: {loud: {columns: [name], right: upper(name), where: person_id = 2, rows: 1,\n"
        "      owner: support, reason: agreed on, expires: 2099-12-31}}}\n"
        "    route: {incumbent: old,",
    )
    asked("run")

    code, result = asked("cutover", "promote", "people")

    assert (code, result["answer"]) == (0, "go")


def test_a_bad_candidate_is_rolled_back_by_the_run_that_built_it(asked, typed, project):
    asked("run")
    moved(asked, "--to", "promoted")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    code, out, _ = typed("run")

    assert code == 1
    assert "1 row differs unexplained (comparison 3)" in out
    assert "done; what was rolled back is held back from consumers" in out
    assert stage(asked) == ("shadow", 0)
    assert asked("compare", "people", "people@old")[0] == 0
    shown = {item["edition"]["number"]: item["arm"] for item in asked("editions", "list")[1]}
    assert shown[3] is None


def test_a_bad_candidate_is_held_back_from_consumers(asked, project):
    asked("run")
    moved(asked, "--to", "promoted")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    asked("run")

    held = [item["edition"] for item in asked("editions", "list")[1] if item["edition"]["is_held"]]
    assert [(edition["implementation"], edition["number"]) for edition in held] == [("new", 3)]


def test_a_candidate_that_cannot_be_built_in_canary_is_rolled_back(asked, project):
    asked("run")
    moved(asked, "--to", "canary")
    (project / "new.yml").write_text(BROKEN, encoding="utf-8")

    code, result = asked("run")

    assert code == 2
    assert [decision["action"] for decision in result["decisions"]] == ["roll back"]
    assert "new was not built" in result["decisions"][0]["reason"]
    assert stage(asked) == ("shadow", 0)


def test_a_candidate_whose_output_cannot_be_published_is_rolled_back(asked, project):
    asked("run")
    moved(asked, "--to", "canary")
    twice = RULES.replace("}}]", "}}, {derive: {person_id: person_id % 2}}]")
    (project / "new.yml").write_text(twice, encoding="utf-8")
    (project / "people.csv").write_text(ROWS + "4,Zoë\n", encoding="utf-8")

    code, result = asked("run")

    assert code == 1
    assert [decision["action"] for decision in result["decisions"]] == ["roll back"]
    assert "new was not built: LG404" in result["decisions"][0]["reason"]
    assert asked("editions", "show", "people", "--by", "name")[1]["counts"]["old"]["Zoë"] == 1


def test_a_candidate_of_before_that_is_held_back_holds_nothing_up(asked, project):
    asked("run")
    moved(asked, "--to", "canary")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    assert [one["action"] for one in asked("run")[1]["decisions"]] == ["roll back"]
    moved(asked, "--to", "canary", "--candidate", "other")
    (project / "people.csv").write_text(ROWS + "4,Zoë\n", encoding="utf-8")

    code, result = asked("run")

    assert (code, result["decisions"]) == (0, [])
    shown = {one["edition"]["implementation"] for one in asked("editions", "list")[1] if one["arm"]}
    held = [one["edition"]["implementation"] for one in asked("editions", "list")[1] if one["edition"]["is_held"]]
    assert (shown, held) == ({"old", "other"}, ["new"])


def test_where_neither_side_can_be_built_the_candidate_is_not_to_blame(asked, project):
    asked("run")
    moved(asked, "--to", "canary")
    for name in ("old.yml", "new.yml"):
        (project / name).write_text(BROKEN, encoding="utf-8")

    code, result = asked("run")

    assert (code, result["decisions"]) == (2, [])
    assert stage(asked)[0] == "canary"


# --- back ------------------------------------------------------------------------------------------------------


def test_rolling_back_tells_what_consumers_read_now(asked, typed):
    asked("run")
    moved(asked, "--to", "canary")

    code, out, _ = typed("cutover", "rollback", "people", "--reason", "zu früh")

    assert code == 0
    assert "people: old answers for everything (edition 1, published " in out
    assert " ago); it is shadow" in out
    assert asked("cutover", "decisions", "people", "--limit", "1")[1][0]["reason"] == "zu früh"


def test_rolling_back_off_stops_the_shadow_too(asked):
    asked("run")
    moved(asked, "--to", "canary")

    code, done = asked("cutover", "rollback", "people", "--off")

    assert code == 0
    assert set(done[0]) == {"decision", "edition", "age_seconds"}
    assert done[0]["edition"]["implementation"] == "old"
    assert stage(asked) == ("off", 0)
    assert [one["implementation"] for one in asked("run")[1]["executions"]] == ["old"]


def test_rolling_back_does_not_wait_for_a_valid_project_file(asked, typed, project):
    asked("run")
    moved(asked, "--to", "canary", "--share", "50%")
    (project / "lockgate.yml").write_text("entities: [people\nsources: {", encoding="utf-8")

    assert typed("run")[0] == 2
    assert typed("cutover", "status")[0] == 0
    code, out, err = typed("cutover", "rollback", "people")

    assert (code, out.startswith("people: old answers for everything (edition 1")) == (0, True), out
    assert "lockgate.yml:" in err
    assert "as it was when it last was valid" in err
    (project / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    _, status = asked("cutover", "status")
    assert (status[0]["route"]["stage"], status[0]["route"]["share"]) == ("shadow", 0)


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_rolling_back_loads_nothing_that_only_other_verbs_need(asked, project, request, monkeypatch, target):
    others = {
        "adbc_driver_manager",
        "alembic",
        "dbos",
        "dbt",
        "dlt",
        "numpy",
        "pandas",
        "pyarrow",
        "sqlglot",
        "structlog",
    }
    rooms = {"compare", "flow", "ingest", "transform.rules", "app.controller", "app.run", "adapters.git", "core.job"}
    vendors = {"duckdb": {"psycopg", "sqlalchemy.dialects.postgresql"}, "postgres": {"duckdb", "filelock"}}
    if target == "postgres":
        monkeypatch.setenv("LOCKGATE_SECRET_WAREHOUSE_URL", request.getfixturevalue("postgres_url"))
        declared(project, "entities:", "targets: {main: {kind: postgres, url: 'secret://warehouse-url'}}\nentities:")
    asked("run")
    moved(asked, "--to", "canary")

    words = ("--project", str(project), "cutover", "rollback", "people")
    done = subprocess.run([sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=True)

    told, modules = done.stdout.splitlines()
    assert told.startswith("people: old answers for everything")
    loaded = set(modules.split())
    assert loaded & (others | vendors[target] | {f"lockgate.{room}" for room in rooms}) == set()


def test_a_candidate_that_is_built_alone_is_told_to_be_held_back(asked, typed):
    asked("run")
    moved(asked, "--to", "canary")

    code, out, _ = typed("run", "--engine", "new", "--full-refresh")

    assert code == 0
    assert "held back from consumers until both sides are found level: people@new" in " ".join(out.split())
    code, out, _ = typed("run")
    assert (code, "published" in out, "held back" in out) == (0, True, False)


def test_an_incumbent_that_is_built_alone_in_canary_is_held_back(asked, project):
    asked("run")
    moved(asked, "--to", "canary", "--share", "50%")
    (project / "people.csv").write_text(ROWS.replace("Ada", "Eva"), encoding="utf-8")

    code, alone = asked("run", "--engine", "old")

    assert (code, [one["is_held"] for one in alone["editions"]]) == (0, [True])
    code, both = asked("run")
    assert (code, [one["is_held"] for one in both["editions"]]) == (0, [False, False])


def test_where_evidence_is_missing_the_way_on_is_a_run(asked, typed, project):
    declared(project, "runs: 2", "runs: 3")
    asked("run")
    moved_to_shadow = asked("cutover", "plan", "people", "--to", "shadow")[1]
    asked("cutover", "apply", moved_to_shadow["plan_id"])
    (project / "new.yml").write_text(RULES + "# another revision\n", encoding="utf-8")
    _, plan = asked("cutover", "plan", "people", "--to", "canary")

    code, out, _ = typed("cutover", "apply", plan["plan_id"])

    assert code == 3
    assert f"go on with: lockgate run, then lockgate cutover apply {plan['plan_id']}" in out


def test_what_was_never_valid_cannot_be_rolled_back_by_it(typed, project):
    (project / "lockgate.yml").write_text("entities: [people", encoding="utf-8")

    assert typed("cutover", "rollback", "people")[0] == 2


@pytest.mark.parametrize("stage", ["shadow", "canary", "promoted"])
def test_a_candidate_that_is_taken_out_of_the_project_answers_nothing_more(asked, typed, project, stage):
    asked("run")
    moved(asked, "--to", stage)
    declared(project, "new: {rules: new.yml}, ", "")
    declared(project, "candidate: new, ", "")

    code, _, err = typed("check")
    assert (code, "which is declared no more" in err) == (0, True), err
    code, result = asked("run")

    assert (code, result["errors"]) == (1, {})
    (decision,) = result["decisions"]
    assert decision["action"] == ("stop" if stage == "shadow" else "roll back")
    assert decision["reason"] == "the project has no implementation new of people any more"
    _, status = asked("cutover", "status")
    assert (status[0]["route"]["stage"], status[0]["route"]["share"]) == ("off", 0)
    assert asked("run")[1]["decisions"] == []


def test_where_nothing_is_moved_there_is_nothing_to_roll_back(asked):
    asked("run")

    code, document = asked("cutover", "rollback", "people")

    assert (code, document["error"]["code"]) == (2, "LG951")


def test_a_plan_is_refused_once_somebody_rolled_back(asked, typed):
    asked("run")
    moved(asked, "--to", "canary")
    _, plan = asked("cutover", "plan", "people", "--to", "promoted")
    asked("cutover", "rollback", "people")

    code, _, err = typed("cutover", "apply", plan["plan_id"])

    assert code == 2
    assert "LG402" in err
    assert "`lockgate cutover status`" in err
    assert stage(asked) == ("shadow", 0)


def test_a_plan_is_refused_once_files_have_changed(asked, typed, project):
    asked("run")
    moved(asked, "--to", "shadow")
    asked("run")
    _, plan = asked("cutover", "plan", "people", "--to", "promoted")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")

    code, out, _ = typed("cutover", "apply", plan["plan_id"])

    assert code == 1
    assert stage(asked) == ("shadow", 0)
    assert "the files of people have changed since the plan was made" in out
    assert "go on with: lockgate cutover plan people" in out


# --- looking, signing, recording ------------------------------------------------------------------------------


def test_status_says_where_a_route_stands_and_why(asked, typed):
    asked("run")
    moved(asked, "--to", "canary")

    code, found = asked("cutover", "status")
    _, out, _ = typed("cutover", "status", "people")

    assert code == 0
    assert set(found[0]) == {
        "entity", "route", "group", "shown", "gates", "comparison", "decision", "plan", "moved_at",
    }  # fmt: skip
    assert "█░░░░░░░░░░░░░░░░░░░ 5 %" in out
    assert "PASS, 0 unexplained" in out


def test_judging_has_nothing_to_decide_where_nothing_is_wrong(asked, typed):
    asked("run")
    moved(asked, "--to", "canary")

    assert asked("cutover", "judge", "people") == (0, {"decisions": []})
    assert typed("cutover", "judge", "people")[1] == "people: nothing to decide\n"


def test_judging_ends_as_a_run_does_where_it_rolls_back(asked, typed, project):
    asked("run")
    moved(asked, "--to", "canary")
    declared(project, "gates: [parity]}", "gates: [parity], policy: watchful}")
    declared(project, "roles:\n", "policies: {watchful: {guard: {silence: 1s}}}\nroles:\n")
    time.sleep(1.1)

    code, found = asked("cutover", "judge", "people")

    assert (code, [one["action"] for one in found["decisions"]]) == (1, ["roll back"])
    assert "nothing was heard of new since" in found["decisions"][0]["reason"]


def test_a_gate_that_lets_rows_differ_lets_them_differ_in_canary_and_promoted(asked, project):
    declared(project, "parity: {unexplained_differences: 0, runs: 2}", "parity: {unexplained_differences: 1}")
    (project / "new.yml").write_text(LOUD, encoding="utf-8")
    asked("run")
    moved(asked, "--to", "canary")

    code, result = asked("run", "--full-refresh")

    assert (code, result["decisions"], [one["is_held"] for one in result["editions"]]) == (0, [], [False, False])
    assert asked("cutover", "promote", "people")[0] == 0
    declared(project, "unexplained_differences: 1", "unexplained_differences: 0")
    code, result = asked("run", "--full-refresh")
    assert (code, [one["action"] for one in result["decisions"]]) == (1, ["roll back"])


def test_two_persons_sign_before_it_is_promoted(asked, typed, project, monkeypatch):
    declared(project, "gates: [parity]", "gates: [parity, approval]")
    asked("run")
    moved_to_shadow = asked("cutover", "promote", "people")
    assert (moved_to_shadow[0], stage(asked)) == (3, ("shadow", 0))

    for name in ("ada", "ada"):
        monkeypatch.setattr(getpass, "getuser", lambda name=name: name)
        code, out, _ = typed("cutover", "sign", "people", "approval", "--role", "steward")
        assert (code, out) == (0, f"{name} signed approval for people as steward\n")
    assert typed("gate", "approval")[0] == 3
    monkeypatch.setattr(getpass, "getuser", lambda: "łukasz")
    _, signed = asked("cutover", "sign", "people", "approval", "--role", "steward", "--reason", "geprüft")

    assert (signed["by"], signed["kind"], signed["facts"]["reason"]) == ("łukasz", "sign-off", "geprüft")
    assert typed("gate", "approval")[0] == 0
    assert asked("cutover", "promote", "people")[0] == 0


def test_a_signature_does_not_outlive_its_signers_role(asked, typed, project, monkeypatch):
    declared(project, "gates: [parity]", "gates: [approval]")
    asked("run")
    moved(asked, "--to", "shadow")
    for name in ("ada", "łukasz"):
        monkeypatch.setattr(getpass, "getuser", lambda name=name: name)
        typed("cutover", "sign", "people", "approval", "--role", "steward")
    assert typed("gate", "approval")[0] == 0

    declared(project, "steward: [ada, łukasz]", "steward: [ada, jo]")

    code, (answer,) = asked("gate", "approval")
    assert (code, answer["conditions"][0]["sentence"]) == (3, "1 of 2 signatures of steward, signed by ada")


@pytest.mark.parametrize(("who", "role"), [("eve", "steward"), ("ada", "owner")])
def test_who_may_not_sign_is_told_who_may(typed, asked, project, monkeypatch, who, role):
    declared(project, "gates: [parity]", "gates: [parity, approval]")
    monkeypatch.setattr(getpass, "getuser", lambda: who)
    asked("run")

    code, _, err = typed("cutover", "sign", "people", "approval", "--role", role)

    assert code == 2
    assert "steward" in err
    assert asked("evidence", "list")[1] == []


def test_a_recorded_score_is_what_a_gate_sees(asked, typed, project):
    declared(project, "gates: [parity]", "gates: [quality]")
    asked("run")
    moved(asked, "--to", "shadow")
    assert typed("gate", "quality")[0] == 3

    code, out, _ = typed("evidence", "record", "people", "--score", "0.85", "--reason", "ours")
    assert (code, "the score of people is 0.85" in out) == (0, True)
    assert typed("gate", "quality")[0] == 1
    code, recorded = asked("evidence", "record", "people", "--score", "0.95")

    assert (code, recorded["facts"]["value"]) == (0, 0.95)
    assert typed("gate", "quality")[0] == 0


def test_evidence_is_listed_newest_first(asked, typed):
    asked("run")
    moved(asked, "--to", "shadow")

    code, found = asked("evidence", "list", "people", "--limit", "2")

    assert code == 0
    assert len(found) == 2
    assert found[0]["evidence_id"] > found[1]["evidence_id"]
    assert set(found[0]) == {"evidence_id", "kind", "pair", "token", "at", "by", "facts"}
    assert "comparison" in typed("evidence", "list")[1]


# --- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("cutover", "plan", "poeple", "--to", "shadow"), "people"),
        (("cutover", "plan", "people", "--to", "retired"), "shadow, canary, promoted"),
        (("cutover", "plan", "people", "--to", "canary", "--share", "120%"), "write 5% or 0.25%"),
        (("cutover", "plan", "people", "--to", "canary", "--share", "0.001%"), "finer than a bucket"),
        (("cutover", "plan", "people", "--to", "shadow", "--share", "5%"), "--share"),
        (("cutover", "plan", "people", "--to", "shadow", "--candidate", "newer"), "new"),
        (("cutover", "plan", "people", "--to", "shadow", "--candidate", "old"), "old is the incumbent"),
        (("cutover", "show", "people-9"), "people-9"),
        (("cutover", "apply", "people-9"), "people-9"),
        (("cutover", "promote", "poeple"), "people"),
        (("cutover", "retire", "people"), "nothing is promoted"),
        (("cutover", "status", "poeple"), "people"),
        (("cutover", "decisions", "poeple"), "people"),
        (("cutover", "judge", "poeple"), "people"),
        (("cutover", "sign", "people", "parity", "--role", "steward"), "no gate 'parity' that wants a signature"),
        (("gate", "partiy"), "parity"),
        (("evidence", "list", "poeple"), "people"),
        (("evidence", "record", "people", "--score", "nan"), "not a score"),
    ],
)
def test_wrong_use_says_what_is_wrong_and_moves_nothing(typed, asked, command, told):
    code, _, err = typed(*command)

    assert code == 2
    assert told in err
    assert stage(asked) == ("off", 0)
