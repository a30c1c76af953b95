"""What Dagster makes of compiled flows: the declared graph, and on a real Dagster what the embedded runtime serves."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lockgate.config import load_project
from lockgate.core.flow import Runtime
from lockgate.orchestrate import compiled, write
from lockgate.testing.waiting import awaited

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from dagster_server import ASSETS, DRY_RUN, START_SCHEDULE, START_SENSOR, Dagster, at  # noqa: E402
from people import INTERVAL, NOTED, People, declared_graph  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["nightly", "by_hand"])
def test_dagster_reads_the_declared_graph_without_lockgate(project, written, flow):
    command = [sys.executable, HERE / "dagster_graph.py", written("dagster") / f"{flow}.py"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    found = json.loads(done.stdout)
    assert found == {"name": flow, "graph": declared_graph(project.flows[flow]), "has_lockgate": False}


# Names of which Dagster, Python or the file itself makes something else.
HIDING = """
project: hiding
flows:
  type: {steps: [{name: load, shell: "true"}, {name: load_done, shell: "true"}, {name: load_done_done, shell: "true"}]}
  import: {steps: [{name: import, shell: "true"}, {name: schedule, shell: "true"}], schedule: "0 5 * * *"}
  call: {steps: [{name: call, shell: "true"}, {name: after_call, shell: "true"}]}
  reserved:
    steps:
"""
RESERVED = ["type", "input", "output", "config", "conf", "meta", "str", "int", "float", "bool", "dict", "context"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "job"), [("type", "type_"), ("import", "import_"), ("call", "call"), ("reserved", "reserved")]
)
def test_dagster_reads_a_graph_whose_names_mean_something_else_there(tmp_path, flow, job):
    steps = "".join(f'      - {{name: {name}, shell: "true"}}\n' for name in RESERVED)
    (tmp_path / "lockgate.yml").write_text(HIDING + steps, encoding="utf-8")
    project = load_project(tmp_path)
    (tmp_path / "flow.py").write_text(compiled(project, Runtime.DAGSTER, tmp_path)[f"{flow}.py"], encoding="utf-8")

    command = [sys.executable, HERE / "dagster_graph.py", tmp_path / "flow.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["name"], found["graph"]) == (job, declared_graph(project.flows[flow]))


@pytest.fixture
def ran(tmp_path):
    """What Dagster says of a run of a flow with one step of a shell; the standard input of its own is not empty."""

    def ran(command: str, **more: object) -> dict:
        step = {"name": "only", "shell": shlex.join(["bash", "-c", command]), **more}
        declared = {"project": "shop", "flows": {"one": {"steps": [step]}}}
        (tmp_path / "lockgate.yml").write_text(json.dumps(declared), encoding="utf-8")
        write(tmp_path, compiled(load_project(tmp_path), Runtime.DAGSTER, tmp_path), is_whole=True)
        asked = [sys.executable, HERE / "dagster_run.py", tmp_path / "one.py"]
        done = subprocess.run(asked, input="of Dagster\n", capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ran


@pytest.mark.slow
def test_a_step_may_say_what_is_no_text(ran):
    assert ran(r"printf 'a\377b\n'; printf 'Łódź, no line end'") == {
        "is_success": True,
        "said": ["a\N{REPLACEMENT CHARACTER}b", "Łódź, no line end"],
        "failures": [],
    }


@pytest.mark.slow
def test_a_step_ends_with_its_command_whatever_that_leaves_behind(ran, tmp_path):
    found = ran("echo begun; sleep 600 & echo $! > left.txt")

    assert found == {"is_success": True, "said": ["begun"], "failures": []}
    os.kill(int((tmp_path / "left.txt").read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_a_step_has_no_standard_input(ran):
    assert ran("cat; echo read") == {"is_success": True, "said": ["read"], "failures": []}


@pytest.mark.slow
def test_a_step_that_fails_or_takes_too_long_is_told_with_what_it_said(ran, tmp_path):
    assert ran("echo no; exit 7") == {
        "is_success": False,
        "said": ["no"],
        "failures": ["bash -c 'echo no; exit 7': exit code 7"],
    }
    found = ran("echo begun; sleep 600 & echo $! > child.txt; wait", timeout="1s")

    assert (found["is_success"], found["said"]) == (False, ["begun"])
    assert found["failures"][0].endswith(": stopped after 1 s")
    # What has ended has no command line, though its entry may stay for a moment.
    child = Path("/proc", (tmp_path / "child.txt").read_text().strip(), "cmdline")
    awaited(lambda: not child.exists() or not child.read_bytes(), seconds=30)


@pytest.fixture(scope="module")
def people(tmp_path_factory, receiver):
    """The project compiled for Dagster."""
    people = People(tmp_path_factory.mktemp("dagster") / "people")
    people.tells(receiver)
    people.compile("dagster")
    return people


@pytest.fixture(scope="module")
def dagster(tmp_path_factory, people):
    """A Dagster of its flows, with the slots of its pools set, and a schedule and a sensor on."""
    home = tmp_path_factory.mktemp("home")
    people.environment["DAGSTER_HOME"] = str(home)
    people.run(Path(sys.executable).parent / "dagster", "instance", "concurrency", "set", "warehouse", "1")
    dagster = Dagster(home, people.folder / "orchestration/dagster", people.environment)
    dagster.ask(START_SCHEDULE, it={**at("minutely"), "scheduleName": "minutely_schedule"})
    dagster.ask(START_SENSOR, it={**at("broken"), "sensorName": "broken_failed"})
    yield dagster
    dagster.stop()


@pytest.fixture(scope="module")
def nightly(dagster):
    """What the schedule asks for at one of its times, and the run that was launched so, once it has ended."""
    schedule = {**at("nightly"), "scheduleName": "nightly_schedule"}
    due = datetime.fromisoformat(INTERVAL[1]).timestamp()
    (asked,) = dagster.ask(DRY_RUN, schedule=schedule, at=due)["evaluationResult"]["runRequests"]
    tags = {tag["key"]: tag["value"] for tag in asked["tags"]}
    run_id = dagster.launch("nightly", tags)
    return {"key": asked["runKey"], "tags": tags, "run_id": run_id, **dagster.ended(run_id)}


@pytest.mark.slow
def test_what_the_schedule_asks_for_serves_what_the_embedded_runtime_serves(nightly, people, embedded):
    tries = {each["stepKey"]: (each["status"], len(each["attempts"])) for each in nightly["stepStats"]}

    assert (nightly["tags"]["lockgate/start"], nightly["tags"]["lockgate/end"], nightly["key"]) == (
        *INTERVAL,
        INTERVAL[1],
    )
    assert nightly["status"] == "SUCCESS"
    assert tries == dict.fromkeys(["load", "note", "build", "show"], ("SUCCESS", 1)) | {"flaky": ("SUCCESS", 2)}
    assert people.served() == embedded.served()
    assert people.noted() == embedded.noted() == NOTED
    told, steps = people.told_of(nightly["run_id"])
    assert (told["runtime"], told["trigger"], told["status"]) == ("dagster", "scheduled", "success")
    assert (told["interval"]["start"], told["interval"]["end"]) == INTERVAL
    assert steps == dict.fromkeys(["load", "build", "show"], ("success", 1))


@pytest.mark.slow
def test_assets_are_shown_with_what_they_are_made_of(dagster, nightly):
    found = {"/".join(node["assetKey"]["path"]): node for node in dagster.ask(ASSETS)}

    assert {key: (node["groupName"], node["dependencyKeys"]) for key, node in found.items()} == {
        "files/people": ("sources", []),
        "people": ("entities", [{"path": ["files", "people"]}]),
    }
    assert {key: node["assetMaterializations"] for key, node in found.items()} == {
        "files/people": [{"runId": nightly["run_id"], "stepKey": "load"}],
        "people": [{"runId": nightly["run_id"], "stepKey": "show"}],
    }


@pytest.mark.slow
def test_a_schedule_that_is_on_launches_runs_about_the_time_before(dagster, people):
    awaited(lambda: any(run["status"] == "SUCCESS" for run in dagster.runs("minutely")), seconds=180)

    run = dagster.runs("minutely")[-1]
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    start, end = (people.folder / "ticked.txt").read_text(encoding="utf-8").splitlines()[0].split()
    assert tags["dagster/schedule_name"] == "minutely_schedule"
    assert (tags["lockgate/start"], tags["lockgate/end"]) == (start, end)
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(minutes=1)
    assert datetime.fromisoformat(end).second == 0


@pytest.mark.slow
def test_a_pool_s_one_slot_is_taken_in_turn_and_the_urgent_step_goes_first(dagster, people):
    found = dagster.ended(dagster.launch("crowd"))

    assert found["status"] == "SUCCESS"
    assert (people.folder / "order.txt").read_text(encoding="utf-8") == "two\none\n"


@pytest.mark.slow
def test_the_sensor_of_a_flow_tells_that_a_run_has_failed(dagster, people, receiver):
    run_id = dagster.launch("broken")

    assert dagster.ended(run_id)["status"] == "FAILURE"
    awaited(lambda: receiver.taken, seconds=180)
    (told,) = [request.document() for request in receiver.taken]
    sentence = f"the flow broken failed on Dagster, run {run_id}"
    assert (told["type"], told["data"]["severity"]) == ("lockgate.notices.told", "critical")
    assert told["data"]["subject"] == sentence
    awaited(lambda: json.loads(people.lockgate("notices", "list", "--json"))[0]["status"] == "sent", seconds=60)
    (kept,) = json.loads(people.lockgate("notices", "list", "--json"))
    assert (kept["channel"], kept["notice"]["subject"]) == ("hook", sentence)
