"""A command that another runtime calls as a step of a flow tells the control plane of it, and never fails by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from lockgate.cli import flow_step
from lockgate.cli.entrypoint import run

PROJECT = """
project: shop
targets: {main: {kind: duckdb, path: warehouse/}, other: {kind: duckdb, path: other/}}
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv}}}
flows:
  nightly:
    schedule: "0 5 * * *"
    steps:
      - {name: load, load: files, retries: 1}
      - {name: look, run: loads list}
      - {name: other, shell: "true"}
  elsewhere:
    target: other
    steps: [{name: look, run: loads list}]
"""
INTERVAL = "2026-01-04T05:00:00+00:00/2026-01-05T05:00:00+00:00"


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "orders.csv").write_text("id\n1\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def lockgate(shop, capsys):
    """Runs a command: its exit code, and its one document where it asks for one."""

    def lockgate(*arguments: str):
        code = run(["--project", str(shop), *arguments])
        printed = capsys.readouterr().out
        return code, json.loads(printed) if "--json" in arguments else printed

    return lockgate


@pytest.fixture
def as_step(lockgate, monkeypatch):
    """Runs a command as a step of the flow would: its exit code."""

    def as_step(step: str, *arguments: str, run: str = "airflow/manual__1", interval: str = INTERVAL) -> int:
        monkeypatch.setenv("LOCKGATE_FLOW_STEP", step)
        monkeypatch.setenv("LOCKGATE_FLOW_RUN", run)
        monkeypatch.setenv("LOCKGATE_FLOW_INTERVAL", interval)
        return lockgate(*arguments)[0]

    return as_step


@pytest.fixture
def told(lockgate):
    """The newest run that was told, and its steps by name."""

    def told():
        runs = lockgate("flow", "status", "--json")[1]
        (found,) = lockgate("flow", "status", str(runs[0]["number"]), "--json")[1]
        return found, {step["name"]: step for step in found["steps"]}

    return told


@pytest.mark.parametrize("runtime", ["airflow", "dagster", "luigi"])
def test_a_command_inside_a_shell_step_is_not_told_of(as_step, lockgate, caplog, runtime):
    assert as_step("nightly/other", "loads", "list", run=f"{runtime}/manual__1") == 0
    assert as_step("nightly/other", "load", "nothing", run=f"{runtime}/manual__1") == 2

    assert lockgate("flow", "status", "--json") == (0, [])
    assert caplog.messages == []


def test_runs_of_a_flow_with_a_target_of_its_own_are_kept_with_all_others(as_step, told):
    assert as_step("elsewhere/look", "--target", "other", "loads", "list") == 0

    run, steps = told()
    assert (run["flow"], run["status"], steps["look"]["exit_code"]) == ("elsewhere", "success", 0)


def test_a_run_ends_with_the_last_of_its_steps(as_step, told):
    assert as_step("nightly/load", "load", "files") == 0
    run, steps = told()
    assert (run["runtime"], run["run_id"], run["trigger"], run["status"]) == (
        "airflow",
        "manual__1",
        "manual",
        "running",
    )
    assert run["interval"] == {"start": "2026-01-04T05:00:00+00:00", "end": "2026-01-05T05:00:00+00:00"}
    assert (steps["load"]["status"], steps["load"]["attempt"], steps["load"]["exit_code"]) == ("success", 1, 0)
    assert steps["look"]["status"] == "waiting"

    assert as_step("nightly/look", "loads", "list") == 0

    run, steps = told()
    assert run["status"] == "success"
    assert run["finished_at"] == steps["look"]["finished_at"]
    assert list(steps) == ["load", "look"]


def test_a_step_that_is_to_be_tried_again_waits(as_step, told, shop):
    orders = (shop / "orders.csv").rename(shop / "away.csv")

    assert as_step("nightly/load", "load", "files") == 2
    run, steps = told()
    assert run["status"] == "running"
    assert (steps["load"]["status"], steps["load"]["attempt"], steps["load"]["exit_code"]) == ("waiting", 1, 2)

    assert as_step("nightly/load", "load", "files") == 2
    run, steps = told()
    assert run["status"] == "failed"
    assert (steps["load"]["status"], steps["load"]["attempt"]) == ("failed", 2)

    orders.rename(shop / "orders.csv")
    assert as_step("nightly/load", "load", "files") == 0
    run, steps = told()
    assert (run["status"], run["finished_at"]) == ("running", None)
    assert (steps["load"]["status"], steps["load"]["attempt"], steps["load"]["error"]) == ("success", 3, "")


def test_runs_of_every_runtime_are_told_apart(as_step, lockgate):
    as_step("nightly/look", "loads", "list", run="dagster/5b1", interval="")
    as_step("nightly/look", "loads", "list", run="luigi/2026-01-05T05:00:00+00:00")

    found = lockgate("flow", "status", "nightly", "--json")[1]

    assert [(run["runtime"], run["trigger"]) for run in found] == [("luigi", "scheduled"), ("dagster", "manual")]
    about = datetime.fromisoformat(found[1]["interval"]["end"])
    assert abs((datetime.now(UTC) - about).total_seconds()) < 60


@pytest.mark.parametrize(
    ("step", "run", "said"),
    [
        ("nightly", "airflow/1", "nobody is told"),
        ("nightly/load", "cron/1", "nobody is told"),
        ("nightly/nothing", "airflow/1", "the flow nightly has no step 'nothing'"),
        ("weekly/load", "airflow/1", "there is no flow 'weekly'"),
    ],
)
def test_what_cannot_be_told_is_a_warning(as_step, lockgate, caplog, step, run, said):
    assert as_step(step, "load", "files", run=run) == 0

    assert said in caplog.text
    assert lockgate("flow", "status", "--json") == (0, [])


def test_a_control_plane_that_is_slow_holds_nobody_up(as_step, monkeypatch, caplog):
    monkeypatch.setattr(flow_step, "MOMENT_SECONDS", 0.1)
    monkeypatch.setattr(flow_step._Teller, "_tell", lambda *_: time.sleep(3))
    began = time.monotonic()

    assert as_step("nightly/look", "loads", "list") == 0

    assert time.monotonic() - began < 3
    assert "the command goes on" in caplog.text


def test_what_the_command_starts_is_no_step_of_its_own(as_step):
    as_step("nightly/look", "loads", "list")

    assert [name for name in os.environ if name.startswith("LOCKGATE_FLOW_")] == []


@pytest.mark.slow
def test_a_command_that_is_asked_to_end_tells_so(shop, told):
    os.mkfifo(shop / "held.csv")
    text = PROJECT.replace("orders.csv", "held.csv").replace(", retries: 1", "")
    (shop / "lockgate.yml").write_text(text, encoding="utf-8")
    named = {"LOCKGATE_FLOW_STEP": "nightly/load", "LOCKGATE_FLOW_RUN": "airflow/1", "LOCKGATE_FLOW_INTERVAL": INTERVAL}
    command = [sys.executable, "-m", "lockgate", "--project", str(shop), "load", "files"]
    process = subprocess.Popen(command, env={**os.environ, **named}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not _is_told(shop) and time.monotonic() < deadline:
        time.sleep(0.1)

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=30) == 2
    assert told()[1]["load"]["status"] == "failed"


def _is_told(shop) -> bool:
    import sqlite3

    path = shop / ".lockgate/control.db"
    if not path.exists():
        return False
    connection = sqlite3.connect(path)
    try:
        return connection.execute("select count(*) from flow_run").fetchone() == (1,)
    except sqlite3.OperationalError:  # the tables are being made
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("interval", "nominal"),
    [(INTERVAL, ("2026-01-04T05:00:00.000000Z", "2026-01-05T05:00:00.000000Z")), ("none", (None, None))],
)
def test_lineage_is_told_with_the_time_that_the_run_is_about(shop, as_step, interval, nominal):
    file = shop / "lockgate.yml"
    told_to = "lineage: {events: {file: events.ndjson}}\n"
    file.write_text(file.read_text(encoding="utf-8") + told_to, encoding="utf-8")

    assert as_step("nightly/load", "load", "files", interval=interval) == 0

    lines = (shop / "events.ndjson").read_text(encoding="utf-8").splitlines()
    facets = [json.loads(line)["run"]["facets"].get("nominalTime", {}) for line in lines]
    assert len(facets) == 4
    assert {(one.get("nominalStartTime"), one.get("nominalEndTime")) for one in facets} == {nominal}
