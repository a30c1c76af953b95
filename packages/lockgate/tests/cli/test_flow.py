"""`flow`: runs and backfills to their end, goes on after kill -9, and shows how things stand."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.testing.waiting import awaited

PROJECT = """
project: tiny
pools: {one: 1}
flows:
  steps:
    description: Three steps.
    schedule: "30 1 * * *"
    timezone: America/New_York
    steps:
      - {name: first, shell: "sh -c 'echo first {date} >> ledger'"}
      - {name: second, shell: "sh -c 'sleep 3; echo second >> ledger'", pool: one}
      - {name: third, shell: "sh -c 'echo third >> ledger'"}
  broken:
    steps:
      - {name: bad, shell: "sh -c 'echo no such thing; exit 4'"}
      - {name: after, shell: "true"}
  loud:
    steps:
      - {name: one, shell: "sh loud.sh"}
  long:
    steps:
      - {name: work, shell: "sh -c 'echo start >> long.txt'"}
  quick:
    steps:
      - {name: one, shell: "true"}
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "lockgate.yml").write_text(PROJECT)
    (tmp_path / "loud.sh").write_text("printf '\\033[31mred\\033]0;title\\007\\n'; exit 1\n")
    return tmp_path


def lockgate(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lockgate", "--project", project, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answer(project: Path, *arguments: str, code: int = 0):
    done = lockgate(project, *arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def states(run) -> dict[str, str]:
    return {step["name"]: step["status"] for step in run["steps"]}


@pytest.mark.slow
def test_a_run_ends_with_its_steps_done_in_order(project):
    done = lockgate(project, "flow", "run", "steps")

    assert done.returncode == 0
    assert [line.split()[0] for line in (project / "ledger").read_text().splitlines()] == ["first", "second", "third"]
    assert "✓ steps/1 first" in done.stderr
    assert "run 1 of steps: success" in done.stdout


@pytest.mark.slow
def test_a_failed_step_is_an_answer(project):
    (run,) = answer(project, "flow", "run", "broken", code=1)

    assert (run["status"], states(run)) == ("failed", {"bad": "failed", "after": "skipped"})
    assert run["steps"][0]["error"] == "exit code 4: no such thing"
    shown = lockgate(project, "flow", "status", "1")
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[-2:] == ["bad: exit code 4: no such thing", "after: bad did not succeed"]


@pytest.mark.slow
def test_what_a_step_said_cannot_control_the_terminal(project):
    done = lockgate(project, "flow", "run", "loud")

    assert r"exit code 1: red\x1b]0;title\x07" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


@pytest.mark.slow
def test_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "é b[x] per%20c plus+q?#"
    folder.mkdir()
    (folder / "lockgate.yml").write_text(PROJECT)

    (run,) = answer(folder, "flow", "run", "quick")

    assert (run["status"], (folder / ".lockgate" / "control.db").exists()) == ("success", True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_after_kill_9(project):
    command = [sys.executable, "-m", "lockgate", "--project", project, "flow", "run", "steps"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ledger = project / "ledger"
    awaited(ledger.exists)
    time.sleep(0.5)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (left,) = answer(project, "flow", "status")

    (run,) = answer(project, "flow", "resume", str(left["number"]))

    assert (left["status"], run["status"]) == ("running", "success")
    assert [line.split()[0] for line in ledger.read_text().splitlines()] == ["first", "second", "third"]


@pytest.mark.slow
def test_who_runs_a_flow_leaves_runs_of_others_alone(project):
    (left,) = answer(project, "flow", "run", "long", "--detach")
    for _ in range(2):
        answer(project, "flow", "run", "quick")
    after = answer(project, "flow", "status", str(left["number"]))[0]
    assert (after["status"], states(after), (project / "long.txt").exists()) == ("waiting", {"work": "waiting"}, False)

    (run,) = answer(project, "flow", "resume", str(left["number"]))

    assert (run["status"], (project / "long.txt").read_text()) == ("success", "start\n")


@pytest.mark.slow
def test_a_step_outlives_orderly_restarts_of_its_runtime(project):
    (left,) = answer(project, "flow", "run", "steps", "--detach")
    resume = [sys.executable, "-m", "lockgate", "--project", project, "flow", "resume", str(left["number"])]
    for _ in range(4):  # more often than a step may lose its worker
        stopped = subprocess.Popen(resume, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        awaited(lambda: states(answer(project, "flow", "status", "1")[0])["second"] == "running")
        stopped.send_signal(signal.SIGINT)
        stopped.wait()

    (run,) = answer(project, "flow", "resume", str(left["number"]))

    assert (run["status"], [step["attempt"] for step in run["steps"]]) == ("success", [1, 1, 1])


@pytest.mark.slow
def test_a_backfill_makes_up_for_each_time_of_the_schedule_once(project):
    runs = answer(project, "flow", "backfill", "steps", "--from", "2025-11-01", "--to", "2025-11-02", "--detach")
    again = answer(project, "flow", "backfill", "steps", "--from", "2025-11-01", "--to", "2025-11-02", "--detach")

    assert [run["interval"]["end"] for run in runs] == ["2025-11-01T05:30:00+00:00", "2025-11-02T05:30:00+00:00"]
    assert again == []


@pytest.mark.slow
def test_a_cancelled_run_is_not_run(project):
    (run,) = answer(project, "flow", "run", "steps", "--detach")

    answer(project, "flow", "cancel", str(run["number"]))

    assert states(answer(project, "flow", "resume", str(run["number"]), code=1)[0]) == {
        "first": "cancelled", "second": "cancelled", "third": "cancelled",
    }  # fmt: skip
    assert not (project / "ledger").exists()


@pytest.mark.slow
def test_what_is_declared_is_listed_and_drawn(project, tmp_path):
    listed = answer(project, "flow", "list")
    graph = answer(project, "flow", "graph", "steps", "--output", str(tmp_path / "steps.svg"))

    assert [(one["flow"]["name"], one["next"] is None) for one in listed] == [
        ("steps", False), ("broken", True), ("loud", True), ("long", True), ("quick", True),
    ]  # fmt: skip
    assert graph["edges"] == [["first", "second"], ["second", "third"]]
    picture = (tmp_path / "steps.svg").read_text()
    assert re.findall(r'<text class="name"[^>]*>(\w+)</text>', picture) == ["first", "second", "third"]
    assert picture.count('class="edge"') == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "stesp"], "there is no flow 'stesp'; the project declares steps, broken, loud, long, quick"),
        (["status", "99"], "there is no flow run 99"),
        (["status", "99999999999999999999"], "there is no flow run 99999999999999999999"),
        (["cancel", "99999999999999999999"], "there is no flow run 99999999999999999999"),
        (["backfill", "steps", "--from", "0001-01-01", "--to", "0001-01-02"], "no run is about a time before 1900"),
        (["backfill", "steps", "--from", "2025-01-01", "--to", "9999-12-31"], "no run is about a time before 1900"),
        (["backfill", "steps", "--from", "2025-01-02", "--to", "2024-12-31"], "the range is empty"),
        (["interval", "steps", "--at", "0001-01-01"], "no run is about a time before 1900"),
        (["backfill", "broken", "--from", "2026-01-01", "--to", "2026-01-02"], "the flow broken has no schedule"),
    ],
)
def test_wrong_names_are_told(project, arguments, said):
    done = lockgate(project, "flow", *arguments)

    assert (done.returncode, said in done.stderr) == (2, True)
