"""What Airflow makes of compiled flows: the declared graph, and on a real Airflow what the embedded runtime serves."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from lockgate.config import load_project
from lockgate.core.flow import Runtime
from lockgate.orchestrate import compiled, write
from lockgate.sandbox.airflow import start_airflow
from lockgate.testing.waiting import awaited

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[3] / ".venv-airflow/bin"
sys.path.insert(0, str(HERE))
from people import INTERVAL, NOTED, People, declared_graph, newest_interval  # noqa: E402

TRIED = dict.fromkeys(["load", "note", "build", "show"], ("success", 1)) | {"flaky": ("success", 2)}


@pytest.fixture
def read(tmp_path, written):
    """What Airflow reads in the compiled file of a flow."""

    def read(flow: str) -> dict:
        # Isolated: it finds nothing but what is installed beside Airflow.
        command = [PROGRAMS / "python", "-I", HERE / "airflow_graph.py", written("airflow") / f"{flow}.py"]
        environment = {"AIRFLOW_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return read


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["nightly", "by_hand"])
def test_airflow_reads_the_declared_graph_without_lockgate(project, read, flow):
    found = read(flow)

    assert found["name"] == flow
    assert found["graph"] == declared_graph(project.flows[flow])
    assert found["has_lockgate"] is False


@pytest.mark.slow
def test_airflow_is_told_of_pools_and_priorities(read):
    others = {step: ["default_pool", 1] for step in ("since", "build", "publish", "tell", "import")}

    assert read("nightly")["told"] == {"load": ["warehouse", 5], **others}


@pytest.mark.slow
def test_the_first_run_on_airflow_is_the_first_of_the_schedule(read):
    # It starts on 5 January, and is due at five in New York.
    assert read("nightly")["first"] == ["2026-01-04T10:00:00+00:00", "2026-01-05T10:00:00+00:00"]


@pytest.fixture
def ran(tmp_path):
    """What a flow's one step of a shell leaves in `out`, when Airflow has filled in its command and runs it."""

    def ran(*command: str) -> bytes:
        declared = {"project": "shop", "flows": {"one": {"steps": [{"name": "only", "shell": shlex.join(command)}]}}}
        (tmp_path / "lockgate.yml").write_text(json.dumps(declared), encoding="utf-8")
        write(tmp_path, compiled(load_project(tmp_path), Runtime.AIRFLOW, tmp_path), is_whole=True)
        asked = [PROGRAMS / "python", "-I", HERE / "airflow_run.py", tmp_path / "one.py"]
        environment = {"AIRFLOW_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(asked, env=environment, input=b"of Airflow\n", capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return (tmp_path / "out").read_bytes()

    return ran


@pytest.mark.slow
def test_a_step_has_no_standard_input(ran):
    assert ran("sh", "-c", "cat > out; echo read >> out") == b"read\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "argument", ["a\rb", "a\r\nb\r\n", "\n", "{\r}", "{{\r}} {% {# \\r", "a.sh", "\"'\\\t é \N{LINE SEPARATOR}"]
)
def test_an_argument_arrives_as_it_was_written(ran, argument):
    assert ran("sh", "-c", 'printf %s "$1" > out', "sh", argument) == argument.encode()


@pytest.fixture(scope="module")
def people(tmp_path_factory, receiver):
    """The project compiled for Airflow."""
    people = People(tmp_path_factory.mktemp("airflow") / "people")
    people.tells(receiver)
    people.compile("airflow")
    return people


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, people):
    """An Airflow of its flows, all of them on."""
    folder = people.folder / "orchestration/airflow"
    settings = {"LOCKGATE_SECRET_HOOK": people.environment["LOCKGATE_SECRET_HOOK"]}
    airflow = start_airflow(tmp_path_factory.mktemp("server"), folder, programs=PROGRAMS, settings=settings)
    airflow.run("pools", "import", folder / "pools.json")
    for flow in ("nightly", "crowd", "broken"):
        awaited(lambda flow=flow: airflow.ask(f"/api/v2/dags/{flow}"), seconds=240)
        airflow.ask(f"/api/v2/dags/{flow}", {"is_paused": False}, method="PATCH")
    yield airflow
    airflow.stop()


def ended(airflow, flow: str, run_id: str) -> dict:
    """A run, once it has ended."""
    path = f"/api/v2/dags/{flow}/dagRuns/{run_id}"
    awaited(lambda: airflow.ask(path)["state"] in {"success", "failed"}, seconds=240)
    return airflow.ask(path)


def tried(airflow, flow: str, run_id: str) -> dict[str, tuple[str, int]]:
    found = airflow.ask(f"/api/v2/dags/{flow}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {each["task_id"]: (each["state"], each["try_number"]) for each in found}


@pytest.fixture(scope="module")
def scheduled(airflow, people):
    """The run that the scheduler itself has made, once it has ended, and what it noted; other runs come after it."""
    runs = "/api/v2/dags/nightly/dagRuns?run_type=scheduled"
    awaited(lambda: airflow.ask(runs)["dag_runs"], seconds=240)
    (run,) = airflow.ask(runs)["dag_runs"]
    return {**ended(airflow, "nightly", run["dag_run_id"]), "noted": people.noted()}


@pytest.mark.slow
def test_a_run_that_the_scheduler_makes_serves_what_the_embedded_runtime_serves(airflow, people, scheduled, embedded):
    start, end, day = newest_interval()

    assert (scheduled["state"], scheduled["run_type"]) == ("success", "scheduled")
    assert tried(airflow, "nightly", scheduled["dag_run_id"]) == TRIED
    assert people.served() == embedded.served()
    told, steps = people.told_of(scheduled["dag_run_id"])
    assert (told["runtime"], told["trigger"], told["status"]) == ("airflow", "scheduled", "success")
    assert (told["interval"]["start"], told["interval"]["end"]) == (start, end)
    assert steps == dict.fromkeys(["load", "build", "show"], ("success", 1))
    assert scheduled["noted"] == f"{start} {end} {day}\n"


@pytest.mark.slow
def test_a_run_that_is_triggered_serves_what_the_embedded_runtime_serves(airflow, people, scheduled, embedded):
    (people.folder / "noted.txt").unlink()
    (people.folder / "tried").unlink()
    asked = {"logical_date": INTERVAL[0], "data_interval_start": INTERVAL[0], "data_interval_end": INTERVAL[1]}

    run_id = airflow.ask("/api/v2/dags/nightly/dagRuns", asked)["dag_run_id"]

    assert ended(airflow, "nightly", run_id)["state"] == "success"
    assert tried(airflow, "nightly", run_id) == TRIED
    assert people.served() == embedded.served()
    assert people.noted() == embedded.noted() == NOTED
    told, steps = people.told_of(run_id)
    assert (told["runtime"], told["trigger"], told["status"]) == ("airflow", "manual", "success")
    assert (told["interval"]["start"], told["interval"]["end"]) == INTERVAL
    assert steps == dict.fromkeys(["load", "build", "show"], ("success", 1))
    with psycopg.connect(airflow.metadata) as connection:
        asked_for = "SELECT state, data_interval_end FROM dag_run WHERE dag_id = 'nightly' AND run_id = %s"
        stored = connection.execute(asked_for, [run_id]).fetchall()
    assert stored == [("success", datetime.fromisoformat(INTERVAL[1]))]


@pytest.fixture(scope="module")
def crowd(airflow):
    """A run whose two steps want the one slot of a pool, and which takes longer than it may, once it has ended."""
    airflow.ask("/api/v2/dags/crowd/dagRuns", {"dag_run_id": "crowd", "logical_date": None})
    return ended(airflow, "crowd", "crowd")


@pytest.mark.slow
def test_a_pool_s_one_slot_is_taken_in_turn_and_the_urgent_step_goes_first(airflow, people, crowd):
    assert airflow.ask("/api/v2/pools/warehouse")["slots"] == 1
    assert crowd["state"] == "success"
    assert (people.folder / "order.txt").read_text(encoding="utf-8") == "two\none\n"


def told(receiver, sentence: str) -> list[str]:
    """The severities under which a sentence was told, once it was."""

    def found() -> list[str]:
        documents = [request.document() for request in receiver.taken]
        return [each["data"]["severity"] for each in documents if each["data"]["subject"] == sentence]

    awaited(found, seconds=240)
    return found()


@pytest.mark.slow
def test_a_run_that_is_late_is_told(crowd, receiver):
    assert told(receiver, "the flow crowd is late on Airflow") == ["warning"]


@pytest.mark.slow
def test_a_step_that_fails_fails_the_run_and_is_told(airflow, receiver):
    airflow.ask("/api/v2/dags/broken/dagRuns", {"dag_run_id": "broken", "logical_date": None})

    assert ended(airflow, "broken", "broken")["state"] == "failed"
    assert tried(airflow, "broken", "broken") == {"breaks": ("failed", 1)}
    assert told(receiver, "the flow broken failed on Airflow, run broken") == ["critical"]
