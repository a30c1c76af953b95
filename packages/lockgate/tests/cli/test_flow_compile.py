"""`flow compile` and `flow interval` on the command line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from lockgate.cli.entrypoint import run

PROJECT = """
project: shop
calendars: {business: {weekdays: [mon, tue, wed, thu, fri]}}
flows:
  nightly:
    schedule: "30 2 * * *"
    timezone: Europe/Berlin
    calendar: business
    start: 2026-01-05
    steps: [{name: load, shell: "true"}]
  by_hand:
    steps: [{name: load, shell: "true"}]
"""


@pytest.fixture
def lockgate(tmp_path, capsys):
    """Runs a command: its exit code, and what it printed on standard output."""
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")

    def lockgate(*arguments: str) -> tuple[int, str]:
        code = run(["--project", str(tmp_path), *arguments])
        return code, capsys.readouterr().out

    return lockgate


def test_files_are_written_once_and_checked(lockgate, tmp_path):
    folder = tmp_path / "orchestration" / "airflow"
    names = [folder / "nightly.py", folder / "by_hand.py"]

    assert lockgate("flow", "compile", "--to", "airflow", "--check") == (1, "".join(f"missing: {n}\n" for n in names))
    assert lockgate("flow", "compile", "--to", "airflow") == (0, "".join(f"written: {name}\n" for name in names))
    assert lockgate("flow", "compile", "--to", "airflow", "--check") == (0, "")
    assert lockgate("flow", "compile", "--to", "airflow") == (0, "")

    (folder / "nightly.py").write_text("", encoding="utf-8")
    assert lockgate("flow", "compile", "--to", "airflow", "--check") == (1, f"different: {names[0]}\n")
    assert lockgate("flow", "compile", "--to", "airflow", "by_hand", "--check") == (0, "")


def test_drift_is_one_document(lockgate, tmp_path):
    code, printed = lockgate("flow", "compile", "--to", "luigi", "--output", str(tmp_path / "out"), "--check", "--json")

    assert code == 1
    assert json.loads(printed) == {
        "runtime": "luigi",
        "folder": str(tmp_path / "out"),
        "files": ["nightly.py", "by_hand.py", "luigi.cfg"],
        "checked": True,
        "drift": {"missing": ["nightly.py", "by_hand.py", "luigi.cfg"], "different": [], "left_over": []},
    }


def test_a_runtime_that_is_not_there_is_told(lockgate):
    code, printed = lockgate("flow", "compile", "--to", "durable", "--json")

    assert code == 2
    assert json.loads(printed)["error"]["message"] == "there is no runtime 'durable'; there are airflow, dagster, luigi"


def test_the_newest_interval_is_one_of_the_calendar(lockgate):
    on_sunday = lockgate("flow", "interval", "nightly", "--at", "2026-02-08T12:00:00")
    on_the_minute = lockgate("flow", "interval", "nightly", "--at", "2026-02-09T02:30:00", "--json")

    assert on_sunday == (0, "--start 2026-02-05T01:30:00+00:00 --end 2026-02-06T01:30:00+00:00\n")
    assert json.loads(on_the_minute[1]) == {
        "flow": "nightly",
        "start": "2026-02-08T01:30:00+00:00",
        "end": "2026-02-09T01:30:00+00:00",
    }


def test_a_flow_that_was_never_due_has_no_interval(lockgate):
    assert lockgate("flow", "interval", "nightly", "--at", "2026-01-04T12:00:00")[0] == 2
    assert lockgate("flow", "interval", "by_hand")[0] == 2


RULES = """entity: {name}
key: [id]
contract: {{id: bigint}}
from: raw.{name}
rules: [{{validate: {{that: id > 0, reason: none}}}}]
output: [id]
"""
DYNAMIC = """
project: shop
rule_sets: rules/*.yml
flows:
  all:
    schedule: "0 5 * * *"
    steps:
      - {name: build, each: rules, execute: "{entity}"}
"""


def test_a_new_rule_file_appears_as_a_task_while_compiling_watches(tmp_path):
    (tmp_path / "lockgate.yml").write_text(DYNAMIC, encoding="utf-8")
    rules, dag = tmp_path / "rules", tmp_path / "orchestration" / "airflow" / "all.py"
    rules.mkdir()
    (rules / "users.yml").write_text(RULES.format(name="users"), encoding="utf-8")
    command = [sys.executable, "-m", "lockgate", "--project", str(tmp_path), "flow", "compile", "--to", "airflow"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--watch"], stdout=pipe, stderr=pipe, text=True) as watching:
        try:
            assert watching.stdout.readline() == f"written: {dag}\n"
            assert tasks(dag) == ["build_users"]

            (rules / "broken.yml").write_text("entity: [", encoding="utf-8")
            assert watching.stderr.readline() == "1 problem in the project's files:\n"
            assert watching.stderr.readline().startswith("rules/broken.yml:1: this is not valid YAML")
            assert tasks(dag) == ["build_users"]

            (rules / "rooms.yml").write_text(RULES.format(name="rooms"), encoding="utf-8")
            (rules / "broken.yml").unlink()
            assert watching.stdout.readline() == f"written anew: {dag}\n"
            assert tasks(dag) == ["build_rooms", "build_users"]

            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 130
        finally:
            watching.kill()


def tasks(dag):
    """The ids of a DAG's tasks, in the order of the file."""
    return re.findall(r'task_id="(\w+)"', dag.read_text(encoding="utf-8"))


@pytest.mark.parametrize("option", ["--check", "--json"])
def test_watching_is_alone(lockgate, option):
    assert lockgate("flow", "compile", "--to", "airflow", "--watch", option)[0] == 2
