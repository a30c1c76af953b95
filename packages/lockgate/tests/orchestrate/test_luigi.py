"""What Luigi makes of compiled flows: the declared graph, and on a real luigid what the embedded runtime serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.config import load_project
from lockgate.core.flow import Runtime
from lockgate.orchestrate import compiled, write
from lockgate.sandbox.postgres import free_port
from lockgate.testing.waiting import awaited

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from people import BIN, INTERVAL, NOTED, People, answered, declared_graph  # noqa: E402


@pytest.mark.parametrize("flow", ["nightly", "by_hand"])
def test_luigi_reads_the_declared_graph(project, written, flow):
    command = [sys.executable, str(HERE / "luigi_graph.py"), str(written("luigi") / f"{flow}.py")]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == declared_graph(project.flows[flow])


def test_a_step_has_no_standard_input(tmp_path):
    declared = {"project": "shop", "flows": {"one": {"steps": [{"name": "only", "shell": "sh -c 'cat > read.txt'"}]}}}
    (tmp_path / "lockgate.yml").write_text(json.dumps(declared), encoding="utf-8")
    write(tmp_path, compiled(load_project(tmp_path), Runtime.LUIGI, tmp_path), is_whole=True)
    command = [BIN / "luigi", "--module", "one", "One", "--start", INTERVAL[0], "--end", INTERVAL[1]]
    settings = {"PYTHONPATH": str(tmp_path), "LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg")}
    environment = {"PATH": os.environ["PATH"], **settings}

    asked = [*command, "--local-scheduler"]
    done = subprocess.run(asked, env=environment, input="of Luigi\n", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "read.txt").read_text(encoding="utf-8") == ""


@pytest.fixture
def people(tmp_path) -> People:
    """The project compiled for Luigi."""
    people = People(tmp_path / "luigi")
    folder = people.compile("luigi")
    people.environment |= {"PYTHONPATH": str(folder), "LUIGI_CONFIG_PATH": str(folder / "luigi.cfg")}
    return people


@pytest.fixture
def luigid(tmp_path, people):
    """The port of a running scheduler."""
    port = free_port()
    options = ["--address", "127.0.0.1", "--port", str(port), "--state-path", str(tmp_path / "state.pickle")]
    command = [BIN / "luigid", *options, "--logdir", str(tmp_path)]
    server = subprocess.Popen(command, env=people.environment, stderr=subprocess.DEVNULL)
    awaited(lambda: answered(f"http://127.0.0.1:{port}/api/resource_list"), seconds=60)
    yield port
    server.terminate()
    server.wait(timeout=30)


@pytest.mark.slow
def test_a_run_on_luigi_serves_what_the_embedded_runtime_serves(people, embedded, luigid):
    asked = people.lockgate("flow", "interval", "nightly", "--at", "2026-01-05T06:00:00").split()
    assert asked == ["--start", INTERVAL[0], "--end", INTERVAL[1]]
    command = [BIN / "luigi", "--module", "nightly", "Nightly", *asked, "--workers", "2"]
    command += ["--scheduler-host", "127.0.0.1", "--scheduler-port", str(luigid)]

    people.run(*command)

    assert people.served() == embedded.served()
    assert people.noted() == embedded.noted() == NOTED
    assert (people.folder / "tried").exists()
    run, steps = people.told()
    assert (run["runtime"], run["run_id"], run["trigger"], run["status"]) == (
        "luigi",
        INTERVAL[1],
        "scheduled",
        "success",
    )
    assert (run["interval"]["start"], run["interval"]["end"]) == INTERVAL
    assert steps == dict.fromkeys(["load", "build", "show"], ("success", 1))

    (people.folder / "noted.txt").unlink()
    people.run(*command)
    assert not (people.folder / "noted.txt").exists()
    assert people.told() == (run, steps)
