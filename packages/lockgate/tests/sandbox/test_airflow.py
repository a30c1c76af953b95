"""The local Airflow: real and whole, private, known again at its next start, and gone with whoever started it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from lockgate.adapters.processes.supervisor import descendants
from lockgate.errors import ExtraMissing, RuntimeUnavailable
from lockgate.sandbox.airflow import start_airflow
from lockgate.testing.waiting import awaited

PROGRAMS = Path(__file__).parents[4] / ".venv-airflow/bin"
SLEEPER = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(dag_id="sleeper", schedule=None):
    BashOperator(task_id="sleep", bash_command="exec sleep 98765")
"""
HOLDER = """
import json, sys, time
from pathlib import Path
from lockgate.sandbox.airflow import start_airflow
folder, dags, programs = map(Path, sys.argv[1:])
airflow = start_airflow(folder, dags, programs=programs, settings={"SAID": "by the starter"})
airflow.run("dags", "reserialize")
airflow.ask("/api/v2/dags/sleeper", {"is_paused": False}, method="PATCH")
airflow.ask("/api/v2/dags/sleeper/dagRuns", {"logical_date": None, "dag_run_id": "asleep"})
print(json.dumps({"password": airflow.password, "supervisor": airflow.supervisor.pid}), flush=True)
time.sleep(600)
"""


def command_line(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags/sleeper.py").write_text(SLEEPER)
    return folder


@pytest.fixture(scope="module")
def outlived(folder):
    """What an Airflow was whose starter was killed while a task ran, and which of its processes there were."""
    command = [sys.executable, "-c", HOLDER, folder / "airflow", folder / "dags", PROGRAMS]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    known = json.loads(holder.stdout.readline())
    awaited(lambda: "sleep 98765" in map(command_line, descendants(known["supervisor"])))
    known["processes"] = descendants(known["supervisor"])
    holder.kill()
    holder.wait()
    holder.stdout.close()
    return known


@pytest.fixture(scope="module")
def airflow(folder, outlived):
    """The next one over the same folder."""
    awaited(lambda: not any(map(command_line, outlived["processes"])))
    airflow = start_airflow(folder / "airflow", folder / "dags", programs=PROGRAMS)
    yield airflow
    airflow.stop()


@pytest.mark.slow
def test_no_process_survives_its_starter(outlived):
    assert len(outlived["processes"]) >= 6

    awaited(lambda: not any(map(command_line, [*outlived["processes"], outlived["supervisor"]])))


@pytest.mark.slow
def test_the_next_start_knows_its_data_and_its_password(airflow, outlived):
    (run,) = airflow.ask("/api/v2/dags/sleeper/dagRuns")["dag_runs"]

    assert run["dag_run_id"] == "asleep"
    assert airflow.password == outlived["password"]
    with psycopg.connect(airflow.metadata) as connection:
        assert connection.execute("SELECT dag_id, run_id FROM dag_run").fetchall() == [("sleeper", "asleep")]


@pytest.mark.slow
def test_everything_listens_on_loopback_alone(airflow):
    sockets = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for process in descendants(airflow.supervisor.pid)
        for link in Path(f"/proc/{process}/fd").iterdir()
        if link.readlink().name.startswith("socket:")
    }
    lines = [
        line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
    ]

    listening = {local for _, local, _, state, *rest in lines if state == "0A" and rest[5] in sockets}

    assert listening == {f"0100007F:{int(airflow.url.rpartition(':')[2]):04X}"}


@pytest.mark.slow
def test_it_asks_for_a_password_that_only_its_owner_can_read(airflow):
    from dataclasses import replace

    with pytest.raises(RuntimeUnavailable, match="Airflow answered 401 to POST /auth/token"):
        replace(airflow, password="guess").ask("/api/v2/dags")
    secret = [airflow.home / name for name in ("airflow.cfg", "passwords.json", "secrets.json")]
    assert [oct(stat.S_IMODE(path.stat().st_mode)) for path in secret] == ["0o600"] * 3
    assert stat.S_IMODE(airflow.home.stat().st_mode) == 0o700
    assert len(airflow.password) >= 32


@pytest.mark.slow
def test_a_command_that_fails_is_told_in_airflow_s_words(airflow):
    with pytest.raises(RuntimeUnavailable, match="no_such_command"):
        airflow.run("no_such_command")

    assert airflow.run("version").strip() == "3.3.2"


def test_without_an_airflow_it_says_what_is_missing(tmp_path):
    with pytest.raises(ExtraMissing, match=f"there is no Airflow in {tmp_path}"):
        start_airflow(tmp_path / "airflow", tmp_path, programs=tmp_path)

    assert list(tmp_path.iterdir()) == []
