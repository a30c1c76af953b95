"""A run whose Lockgate was killed: the next one meets it, goes on following it, and begins no second one."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.adapters.dbt.remote.cloud.place import CloudPlace
from lockgate.adapters.dbt.remote.docker.place import DockerPlace
from lockgate.adapters.dbt.remote.kubernetes.place import KubernetesPlace
from lockgate.core.execution import WorkshopAccess
from lockgate.testing.executors import MODEL, SLOW, ExecutorConformance, ignore

SCRIPT = """
import pickle, sys
from pathlib import Path
from lockgate.adapters.dbt import DbtConfig
from lockgate.adapters.dbt.remote.executor import RemoteDbtExecutor

place, invocation = pickle.loads(Path(sys.argv[1]).read_bytes())
RemoteDbtExecutor(DbtConfig(Path(sys.argv[2])), place).execute(invocation, lambda node: print(node.node, flush=True))
"""

pytestmark = pytest.mark.slow


def killed_after_the_first_node(tmp_path: Path, place, invocation) -> None:
    """Executes in a process of its own, which is killed when it has heard of one node."""
    (tmp_path / "asked").write_bytes(pickle.dumps((place, invocation)))
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "asked"), str(tmp_path / "other")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        assert process.stdout.readline() == b"model.small.quick\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


class Resuming:
    write = ExecutorConformance.write
    ask = ExecutorConformance.ask

    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def place(self, docker_settings) -> DockerPlace:
        return DockerPlace(docker_settings)

    @pytest.fixture
    def begun(self, engine):
        """How many containers were made since the test began."""
        before = len(engine.requests)
        return lambda: sum(each.path.endswith("/create") and each.status == 201 for each in engine.requests[before:])

    @pytest.fixture
    def is_running(self, engine):
        return lambda: any(each.status == "running" for each in engine.containers.values())

    @pytest.fixture
    def asked(self, ask, write):
        waits = "-- {{ ref('quick') }}\n" + SLOW.format("pg_sleep(6)::text")
        return replace(ask(write(models__quick_sql=MODEL, models__fct_users_sql=waits)), inputs="pins 1")

    @pytest.fixture
    def followed(self, executor_on, place):
        return lambda invocation: executor_on(place).execute(invocation, ignore)

    def test_a_run_that_goes_on_is_followed(self, tmp_path, place, asked, followed, begun, is_running) -> None:
        killed_after_the_first_node(tmp_path, place, asked)
        assert is_running()

        result = followed(asked)

        assert [node.node for node in result.nodes] == ["model.small.quick", "model.small.fct_users"]
        assert result.success
        assert begun() == 1
        assert not is_running()

    def test_a_run_that_has_ended_on_the_same_inputs_is_taken(
        self, tmp_path, place, asked, followed, begun, is_running
    ) -> None:
        killed_after_the_first_node(tmp_path, place, asked)
        while is_running():
            time.sleep(0.1)

        result = followed(asked)

        assert [node.node for node in result.nodes] == ["model.small.quick", "model.small.fct_users"]
        assert begun() == 1


class TestDocker(Resuming):
    def test_a_run_on_other_inputs_is_ended_before_a_new_one_begins(
        self, tmp_path, place, asked, followed, begun
    ) -> None:
        killed_after_the_first_node(tmp_path, place, asked)

        result = followed(replace(asked, inputs="pins 2", select=("quick",)))

        assert [node.node for node in result.nodes] == ["model.small.quick"]
        assert begun() == 2


class TestKubernetes(Resuming):
    @pytest.fixture
    def place(self, kubernetes_place) -> KubernetesPlace:
        return kubernetes_place

    @pytest.fixture
    def begun(self, cluster):
        """How many jobs were made since the test began."""
        before = len(cluster.requests)
        return lambda: sum(
            each.path.endswith("/jobs") and each.method == "POST" and each.status == 201
            for each in cluster.requests[before:]
        )

    @pytest.fixture
    def is_running(self, cluster):
        return lambda: any(each.phase in {"Pending", "Running"} for each in cluster.pods.values())


class TestCloud(Resuming):
    @pytest.fixture
    def ask(self, ask_committed):
        return ask_committed

    @pytest.fixture
    def place(self, cloud_place) -> CloudPlace:
        return cloud_place

    @pytest.fixture
    def begun(self, cloud):
        """How many runs were begun since the test began."""
        before = len(cloud.runs)
        return lambda: len(cloud.runs) - before

    @pytest.fixture
    def is_running(self, cloud):
        return lambda: any(run.status < 10 for run in cloud.runs.values())
