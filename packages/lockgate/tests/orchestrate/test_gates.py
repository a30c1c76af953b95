"""Whichever runtime a flow runs on, its comparisons are evidence of the same store, and gates count them alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.sandbox.airflow import start_airflow
from lockgate.testing.waiting import awaited

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[3] / ".venv-airflow/bin"
sys.path.insert(0, str(HERE))
from dagster_server import Dagster  # noqa: E402
from people import BIN, DECLARED, People  # noqa: E402

RUNTIMES = ("durable", "luigi", "dagster", "airflow")
CANDIDATE = "{rules: {rules: people.yml}, other: {rules: people.yml}}"
ROUTE = "    route: {incumbent: rules, candidate: other, stage: shadow, gates: [level]}\n"
LEVEL = """
  level:
    steps:
      - {name: load, load: files}
      - {name: build, execute: people}
      - {name: compare, compare: people}
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> People:
    """A project whose gate wants a comparison by each runtime, compiled for all of them."""
    people = People(tmp_path_factory.mktemp("gates") / "people")
    declared = DECLARED.partition("flows:")[0].replace("{rules: {rules: people.yml}}\n", f"{CANDIDATE}\n{ROUTE}")
    gates = f"gates: {{level: {{unexplained_differences: 0, runs: {len(RUNTIMES)}}}}}\n"
    (people.folder / "lockgate.yml").write_text(f"{declared}{gates}flows:{LEVEL}", encoding="utf-8")
    for runtime in RUNTIMES[1:]:
        people.compile(runtime)
    return people


def compared(people: People) -> list[int]:
    """The numbers of the evidence by comparisons, the oldest first."""
    found = json.loads(people.lockgate("evidence", "list", "people", "--json"))
    return sorted(each["evidence_id"] for each in found if each["kind"] == "comparison")


def answer(people: People) -> tuple[str, list[int], int]:
    """What the gate says, upon which evidence, and the exit code."""
    command = [BIN / "lockgate", "gate", "level", "--json"]
    done = subprocess.run(
        command, cwd=people.folder, env=people.environment, capture_output=True, text=True, check=False
    )
    (gate,) = json.loads(done.stdout)
    return gate["answer"], sorted(gate["conditions"][0]["evidence"]), done.returncode


def run_durable(people: People, _folder: Path) -> None:
    people.lockgate("flow", "run", "level")


def run_luigi(people: People, _folder: Path) -> None:
    flows = people.folder / "orchestration" / "luigi"
    people.environment |= {"PYTHONPATH": str(flows), "LUIGI_CONFIG_PATH": str(flows / "luigi.cfg")}
    moment = "2026-01-05T10:00:00+00:00"
    people.run(BIN / "luigi", "--module", "level", "Level", "--start", moment, "--end", moment, "--local-scheduler")
    people.environment.pop("PYTHONPATH")


def run_dagster(people: People, folder: Path) -> None:
    people.environment["DAGSTER_HOME"] = str(folder)
    dagster = Dagster(folder, people.folder / "orchestration" / "dagster", people.environment)
    try:
        assert dagster.ended(dagster.launch("level"))["status"] == "SUCCESS"
    finally:
        dagster.stop()


def run_airflow(people: People, folder: Path) -> None:
    airflow = start_airflow(folder, people.folder / "orchestration" / "airflow", programs=PROGRAMS)
    try:
        awaited(lambda: airflow.ask("/api/v2/dags/level"), seconds=240)
        airflow.ask("/api/v2/dags/level", {"is_paused": False}, method="PATCH")
        airflow.ask("/api/v2/dags/level/dagRuns", {"dag_run_id": "asked", "logical_date": None})
        path = "/api/v2/dags/level/dagRuns/asked"
        awaited(lambda: airflow.ask(path)["state"] in {"success", "failed"}, seconds=240)
        assert airflow.ask(path)["state"] == "success"
    finally:
        airflow.stop()


@pytest.mark.slow
def test_a_gate_counts_the_runs_of_every_runtime(people, tmp_path):
    run = {"durable": run_durable, "luigi": run_luigi, "dagster": run_dagster, "airflow": run_airflow}
    counted: list[int] = []
    for number, runtime in enumerate(RUNTIMES, start=1):
        folder = tmp_path / runtime
        folder.mkdir()

        run[runtime](people, folder)

        (new,) = set(compared(people)) - set(counted)
        counted.append(new)
        wanted = ("go", 0) if number == len(RUNTIMES) else ("not enough evidence", 3)
        said, evidence, code = answer(people)
        assert (runtime, said, code) == (runtime, *wanted)
        assert evidence == counted
    runs = json.loads(people.lockgate("flow", "status", "--json"))
    assert [(each["runtime"], each["status"]) for each in reversed(runs)] == [(name, "success") for name in RUNTIMES]
