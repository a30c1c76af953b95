"""The verbs as a person or a script uses them: what they print, where, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from lockgate.app.checks import Findings
from lockgate.cli.entrypoint import VERBS, command_line, run
from lockgate.errors import Problem

PROJECT = """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint, joined: date}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text, team: text, joined: date}
    implementations:
      rules: {rules: rules/people.yml}
    route: {incumbent: rules}
"""
RULES = """
entity: people
from: raw.people
rules:
  - rename: {id: person_id}
  - name: named
    validate: {that: name is not null, reason: there is no name}
  - lookup: {map: {e: Engineering, s: Sales}, on: team, take: team, default: Unknown}
  - deduplicate: {key: [person_id], order: [joined desc]}
output: [person_id, name, team, joined]
cases:
  - name: the code becomes a name
    given: [{id: 1, name: Ada, team: e, joined: 2026-01-31}]
    expect: [{person_id: 1, team: Engineering}]
  - name: a person without a name is rejected
    given: [{id: 2, name: null, team: s, joined: 2026-01-31}]
    rejected: [{rule: named}]
"""
PEOPLE = """id,name,team,joined
1,Ada,e,2026-01-31
1,Ada L.,e,2026-02-01
2,,s,2026-01-31
three,Grace,s,2026-01-31
4,Łukasz 漢,x,2026-01-31
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "rules/people.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def lockgate(project, capsys):
    """Runs a command in the project: exit code, standard output (read as JSON after `--json`), standard error."""

    def lockgate(*arguments: str):
        code = run(["--project", str(project), *arguments])
        written = capsys.readouterr()
        return code, json.loads(written.out) if "--json" in arguments else written.out, written.err

    return lockgate


@pytest.fixture
def ran(lockgate):
    code, result, _ = lockgate("run", "--json")
    assert code == 0
    return result


def test_a_run_loads_builds_and_publishes(ran) -> None:
    (load,), (execution,), (edition,) = ran["loads"], ran["executions"], ran["editions"]

    assert (load["rows"], load["rejected"], load["status"]) == (4, 1, "landed")
    assert execution["rows"] == edition["rows"] == 2
    outcomes = {rule["rule"]: (rule["outcome"], rule["rows"]) for rule in execution["rules"] if rule["rows"]}
    assert outcomes["named"] == ("rejected", 1)
    assert outcomes["deduplicate_4"] == ("duplicate", 1)
    assert (ran["errors"], ran["skipped"]) == ({}, [])


def test_progress_goes_to_standard_error_and_tables_to_standard_output(lockgate) -> None:
    code, out, err = lockgate("run")

    assert code == 0
    assert "load files.people" in err
    assert "publish people@rules" in err
    assert "load files.people" not in out
    assert "published" in out


def test_what_is_published_can_be_looked_at(ran, lockgate) -> None:
    _, listed, _ = lockgate("editions", "list", "--json")
    _, shown, _ = lockgate("editions", "show", "people", "--by", "team", "--json")
    _, table, _ = lockgate("editions", "show", "people", "--by", "team")

    assert [(each["edition"]["number"], each["arm"]) for each in listed] == [(1, "incumbent")]
    assert [each["edition"]["is_held"] for each in listed] == [False]
    assert listed[0]["edition"]["bytes"] > 0
    assert shown["counts"] == {"rules": {"Engineering": 1, "Unknown": 1}}
    assert "Engineering" in table


def test_loads_and_quarantine_tell_what_came_and_what_was_set_aside(ran, lockgate) -> None:
    number = ran["loads"][0]["load_id"]

    _, listed, _ = lockgate("loads", "list", "--json")
    _, one, _ = lockgate("loads", "show", str(number), "--json")
    _, aside, _ = lockgate("quarantine", "list", "--json")
    _, shown, _ = lockgate("quarantine", "show", "files.people")

    assert [load["load_id"] for load in listed] == [number]
    assert one["rows"] == 4
    assert [(each["position"], each["column"]) for each in aside] == [(4, "id")]
    assert "Grace" in shown


def test_a_listing_of_the_quarantine_shows_no_values(ran, lockgate) -> None:
    _, listed, _ = lockgate("quarantine", "list")

    assert "Grace" not in listed


def test_an_unchanged_source_is_not_loaded_twice(ran, lockgate) -> None:
    code, second, _ = lockgate("run", "--json")

    assert code == 0
    assert second["pins"] == ran["pins"]
    assert second["executions"][0]["rows"] == 2


def test_a_second_run_changes_nothing_unless_everything_is_asked_for_again(ran, lockgate) -> None:
    _, second, err = lockgate("run", "--json")
    _, third, _ = lockgate("run")
    _, listed, _ = lockgate("editions", "list", "--json")
    _, refreshed, _ = lockgate("run", "--full-refresh", "--json")

    assert (second["editions"], second["unchanged"]) == (ran["editions"], ["people@rules"])
    assert "publish people@rules edition 1, rows 2, unchanged" in err
    assert "unchanged, so the edition before stays: people@rules" in third
    assert [(each["edition"]["number"], each["arm"]) for each in listed] == [(1, "incumbent")]
    assert ([edition["number"] for edition in refreshed["editions"]], refreshed["unchanged"]) == ([2], [])


def test_a_report_is_left_where_it_is_asked_for(lockgate, project) -> None:
    code, _, err = lockgate("run", "--report", str(project / "out/report.html"))

    assert code == 0
    assert "<svg" in (project / "out/report.html").read_text(encoding="utf-8")
    assert "report.html" in err


def test_a_report_that_cannot_be_written_fails_after_the_run_is_told(lockgate, project) -> None:
    code, result, err = lockgate("run", "--report", "/proc/x.html", "--json")
    _, listed, _ = lockgate("editions", "list", "--json")

    assert code == 2
    assert result["errors"]["report"]["message"] == "/proc/x.html cannot be written: no such file or directory"
    assert "LG102" in err
    assert [edition["rows"] for edition in result["editions"]] == [2]
    assert len(listed) == 1


def test_a_run_whose_state_has_no_place_is_refused(lockgate, project) -> None:
    (project / ".lockgate").write_text("a file where the folder should be", encoding="utf-8")

    code, document, _ = lockgate("loads", "list", "--json")

    assert code == 2
    assert document["error"]["message"] == f"the state folder {project}/.lockgate cannot be written: file exists"


def test_a_rule_set_is_read_as_sql_and_proved_by_its_cases(lockgate) -> None:
    _, duckdb, _ = lockgate("rules", "explain", "people")
    _, postgres, _ = lockgate("rules", "explain", "people", "--dialect", "postgres", "--json")
    code, cases, _ = lockgate("rules", "test", "people", "--json")

    assert "raw" in duckdb
    assert "SELECT" in postgres["sql"].upper()
    assert code == 0
    assert [case["passed"] for case in cases] == [True, True]


def test_a_case_that_fails_is_the_datas_no(lockgate, project) -> None:
    wrong = RULES.replace("team: Engineering}]", "team: Sales}]")
    (project / "rules/people.yml").write_text(wrong, encoding="utf-8")

    code, cases, _ = lockgate("rules", "test", "people", "--json")

    assert code == 1
    assert [case["passed"] for case in cases] == [False, True]


def test_an_exported_model_is_written_once_and_never_over_a_file(lockgate, project) -> None:
    code, written, _ = lockgate("rules", "export", "people", "--into", str(project / "models"), "--json")
    again, _, err = lockgate("rules", "export", "people", "--into", str(project / "models"))

    assert code == 0
    assert all(Path(path).is_file() for path in written["files"])
    assert again == 2
    assert "LG101" in err


def test_records_are_transformed_without_tables(lockgate, project, monkeypatch) -> None:
    lines = '{"id": 7, "name": "Zoë", "team": "s", "joined": "2026-01-31"}\n{"id": 8, "name": null}\n'
    (project / "records.jsonl").write_text(lines, encoding="utf-8")

    code, out, err = lockgate("transform", "people", "--records", str(project / "records.jsonl"))
    same, envelope, _ = lockgate("transform", "people", "--records", str(project / "records.jsonl"), "--json")

    assert code == 1
    assert json.loads(out) == {"person_id": 7, "name": "Zoë", "team": "Sales", "joined": "2026-01-31"}
    assert "record 1: rejected: there is no name" in err
    assert [each["status"] for each in envelope["outcomes"]] == ["ok", "rejected"]
    assert same == 1


def test_a_table_is_transformed_and_not_published(ran, lockgate) -> None:
    code, result, _ = lockgate("transform", "people", "--json")
    _, listed, _ = lockgate("editions", "list", "--json")

    assert (code, result["execution"]["rows"]) == (0, 2)
    assert len(listed) == 1


def test_check_finds_nothing_wrong_or_everything_at_once(lockgate, project) -> None:
    good, nothing, _ = lockgate("check", "--json")
    wrong = RULES.replace("name is not null", "nam is not null").replace("on: team,", "on: taem,")
    (project / "rules/people.yml").write_text(wrong, encoding="utf-8")

    bad, found, _ = lockgate("check", "--json")

    assert (good, nothing) == (0, {"problems": [], "warnings": []})
    assert bad == 2
    places = [(each["file"], each["line"]) for each in found["problems"]]
    assert places == [("rules/people.yml", 7), ("rules/people.yml", 8)]


def test_a_rule_that_names_an_unknown_column_stops_a_run_before_anything_is_built(lockgate, project) -> None:
    (project / "rules/people.yml").write_text(RULES.replace("name is not null", "nam is not null"), encoding="utf-8")

    code, result, _ = lockgate("run", "--json")

    assert code == 2
    assert [error["code"] for error in result["errors"].values()] == ["LG201"]
    assert "rules/people.yml:7" in next(iter(result["errors"].values()))["message"]
    assert result["editions"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "--select", "peple"), "LG102", "peple"),
        (("run", "--engine", "spark"), "LG102", "spark"),
        (("load", "file"), "LG102", "files.people"),
        (("loads", "show", "12"), "LG102", "12"),
        (("editions", "show", "people", "--by", "tem"), "LG102", "team"),
        (("--target", "elsewhere", "run"), "LG102", "elsewhere"),
        (("rules", "explain", "people", "--dialect", "nosuch"), "LG102", "duckdb, postgres, spark, bigquery"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(lockgate, arguments, code, said) -> None:
    exit_code, document, err = lockgate(*arguments, "--json")

    assert exit_code == 2
    assert document["error"]["code"] == code
    assert said in document["error"]["message"]
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("run", "--select", "peple"), "people"),
        (("run", "--engine", "rule"), "rules"),
        (("load", "files.peopel"), "files.people"),
        (("transform", "peopl"), "people"),
        (("rules", "explain", "people", "--dialect", "postgress"), "postgres"),
    ],
)
def test_a_name_that_is_nearly_right_is_told_with_what_may_be_meant(lockgate, arguments, meant) -> None:
    _, document, err = lockgate(*arguments, "--json")

    assert document["error"]["hint"] == f"Did you mean {meant!r}?"
    assert f"Did you mean {meant!r}?" in err


@pytest.mark.parametrize("bound", [("--since", "3"), ("--until", "3")])
def test_a_full_load_takes_no_bounds(lockgate, bound) -> None:
    code, out, err = lockgate("load", "--full", *bound)

    assert (code, out) == (2, "")
    assert "--full reads everything, so it takes neither --since nor --until" in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize(("bounds", "rows"), [(("--since", "3"), 2), (("--since", "2", "--until", "3"), 2), ((), 4)])
def test_bounds_are_cursors_as_the_source_writes_them(lockgate, project, bounds, rows) -> None:
    cursor = PROJECT.replace("path: people.csv,", "path: numbers.csv, cursor: id,").replace(", joined: date}}", "}}")
    (project / "lockgate.yml").write_text(cursor, encoding="utf-8")
    (project / "numbers.csv").write_text("id,name\n1,a\n2,b\n3,c\n4,d\n", encoding="utf-8")

    code, result, _ = lockgate("load", *bounds, "--json")

    assert (code, result["errors"]) == (0, {})
    assert [load["rows"] for load in result["loads"]] == [rows]


@pytest.mark.parametrize("written", ["[1]", "{", '"text"'])
def test_variables_must_be_a_json_object(lockgate, written) -> None:
    code, _, err = lockgate("run", "--vars", written)

    assert code == 2
    assert "--vars" in err


def test_there_is_no_project_here(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["run"]) == 2
    assert "lockgate init" in capsys.readouterr().err


def test_a_project_is_made_of_files_and_runs(tmp_path, capsys) -> None:
    (tmp_path / "people.csv").write_text("id,name\n1,Ada\n2,Grace\n", encoding="utf-8")
    made = tmp_path / "made"

    assert run(["--project", str(made), "init", "--from", str(tmp_path / "people.csv")]) == 0
    assert run(["--project", str(made), "check"]) == 0
    assert run(["--project", str(made), "run", "--json"]) == 0
    assert run(["--project", str(made), "init", "--from", str(tmp_path / "people.csv")]) == 2
    assert "LG101" in capsys.readouterr().err


def test_the_version_and_the_schema_are_printed(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lockgate 0.")

    assert run(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["project"]


@pytest.mark.slow
def test_of_two_runs_at_once_one_says_who_is_in_the_way(project) -> None:
    hold = f"""
import time
from pathlib import Path
from lockgate.app.wiring import open_wiring
wiring = open_wiring(Path({str(project)!r}), None)
with wiring.warehouse.lock("run", wait_seconds=0):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        lockgate = Path(sys.executable).with_name("lockgate")
        command = [lockgate, "--project", project, "run", "--wait", "0.5", "--json"]

        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        holder.kill()
        holder.wait()
        allowed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["code"] == "LG603"
    assert "waiting up to 0.5 s for another process on this target" in refused.stderr
    assert allowed.returncode == 0


def test_warnings_of_a_check_are_shown_and_are_no_failure(lockgate, monkeypatch) -> None:
    warning = Problem("old syntax", "dbt/models/a.yml", 3)
    monkeypatch.setattr("lockgate.app.checks.findings", lambda wiring, offline: Findings((), (warning,)))

    code, out, err = lockgate("check")
    same, document, _ = lockgate("check", "--json")

    assert (code, same) == (0, 0)
    assert "are fine" in out
    assert "warning: dbt/models/a.yml:3: old syntax" in err
    assert document["warnings"] == [{"message": "old syntax", "file": "dbt/models/a.yml", "line": 3, "remedy": ""}]


def test_every_verb_is_in_the_module_that_is_imported_for_it() -> None:
    alone = {verb: set(get_command(command_line([verb])).commands) for verb in VERBS}

    assert list(VERBS) == [verb for module in dict.fromkeys(VERBS.values()) for verb in VERBS if VERBS[verb] == module]
    assert alone == {verb: {one for one in VERBS if VERBS[one] == VERBS[verb]} for verb in VERBS}


@pytest.mark.parametrize(
    "arguments",
    [["--help", "gate"], ["gaet"], [], ["--project", "gate", "-h"], ["--target"], ["--target=x", "--version"]],
)
def test_where_no_verb_is_named_all_are_there(arguments) -> None:
    assert set(get_command(command_line(arguments)).commands) == set(VERBS)


def test_global_options_stand_before_the_verb() -> None:
    found = get_command(command_line(["--project", "load", "--target=x", "gate", "--help"])).commands

    assert set(found) == {"cutover", "evidence", "gate"}


def test_help_imports_nothing_that_draws() -> None:
    code = "import sys; from lockgate.cli.entrypoint import run; run(['--help']); print('rich' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Usage: lockgate")
    assert done.stdout.endswith("False\n")
