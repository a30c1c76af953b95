"""An engine that is away, lacks the image, refuses or breaks off, and containers that are not what they should be."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from lockgate.adapters.dbt.remote.docker.place import DockerPlace
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import (
    CapabilityMissing,
    DbtProcessLost,
    DbtTimedOut,
    ExecutorRefused,
    ExecutorUnavailable,
)
from lockgate.sandbox.docker_engine import DockerEngine
from lockgate.sandbox.local_api import ApiAnswer, Hangs
from lockgate.sandbox.machine_process import MachineProcess
from lockgate.testing.executors import ExecutorConformance, ignore

IMAGE = "lockgate-dbt:test"
HELLO = '{"seq": 0, "kind": "hello", "protocol": %s, "lockgate": "0.0.1", "project": "/p", "folder": "/f"}'
CREATE = "/v1.41/containers/create"

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def saying(*lines: str, code: int = 0, then: str = ""):
    """What runs commands by printing these lines in their place."""
    script = f"import sys, time\nfor line in {list(lines)!r}: print(line, flush=True)\n{then}\nsys.exit({code})"
    return lambda command, folder, environment: MachineProcess(["python", "-c", script], folder, environment)


class TestFaults:
    write = ExecutorConformance.write
    ask = ExecutorConformance.ask

    @pytest.fixture
    def access(self, duckdb_access) -> WorkshopAccess:
        return duckdb_access

    @pytest.fixture
    def run(self, executor_on, docker_settings, write, ask):
        """One invocation on an engine, asked patiently or not."""

        def run(url: str, *, access: WorkshopAccess | None = None, **changes):
            place = DockerPlace(replace(docker_settings, url=url, **changes))
            asked = ask(write()) if access is None else replace(ask(write()), access=access)
            return executor_on(place, outage_seconds=1.0).execute(asked, ignore)

        return run

    def test_an_engine_that_is_away_may_answer_later(self, run):
        with pytest.raises(ExecutorUnavailable, match="the Docker engine at tcp://") as caught:
            run(f"tcp://127.0.0.1:{free_port()}")

        assert "Start it, check `url` under `executors.docker`" in caught.value.remedy

    def test_a_missing_image_is_named_with_how_to_bring_it(self, run, engine):
        with pytest.raises(ExecutorRefused, match="the Docker engine has no image nobody/has:it") as caught:
            run(engine.address, image="nobody/has:it")

        assert "docker pull nobody/has:it" in caught.value.remedy
        assert engine.containers == {}

    @pytest.mark.parametrize(
        ("status", "error", "says"),
        [
            (403, ExecutorRefused, "does not allow it: authorization denied by plugin"),
            (400, ExecutorRefused, "answered 400: authorization denied by plugin"),
            (500, ExecutorUnavailable, "answered 500: authorization denied by plugin"),
        ],
    )
    def test_a_refusal_is_told_in_the_engines_words(self, run, engine, status, error, says):
        refusal = ApiAnswer(status, {"message": "authorization denied by plugin"})
        engine.faults.extend([None, None, None, refusal])  # version, list, version, create

        with pytest.raises(error, match=says):
            run(engine.address)

        assert engine.containers == {}

    def test_a_container_whose_start_failed_is_taken_away(self, run, engine):
        broken = ApiAnswer(500, {"message": "no space left on device"})
        engine.faults.extend([None] * 6 + [broken])  # version, list, version, create, version, put, start

        with pytest.raises(ExecutorUnavailable, match="no space left on device"):
            run(engine.address)

        assert engine.containers == {}

    def test_a_log_that_breaks_off_is_read_again_and_each_node_told_once(self, run, engine):
        refusal = ApiAnswer(500, {"message": "broken"})
        before = len(engine.requests)
        engine.faults.extend([None] * 8 + [Hangs(), None, refusal, None, Hangs()])  # the log, then what asks after it

        result = run(engine.address)

        assert [node.node for node in result.nodes] == ["model.small.fct_users"]
        assert sum(each.path == CREATE and each.status == 201 for each in engine.requests[before:]) == 1
        assert engine.containers == {}

    def test_an_image_with_another_protocol_is_refused_by_name(self, run, docker_document):
        with DockerEngine([IMAGE], run=saying(HELLO % 2)) as engine:
            with pytest.raises(ExecutorRefused, match=r"lockgate-dbt:test has Lockgate 0\.0\.1, .* another protocol"):
                run(engine.address)

            assert engine.containers == {}

    def test_an_image_without_lockgate_is_refused_with_what_it_said(self, run):
        said = "Error while finding module specification (ModuleNotFoundError: No module named 'lockgate')"

        with (
            DockerEngine([IMAGE], run=saying(said, code=1)) as engine,
            pytest.raises(
                ExecutorRefused,
                match=r"dbt's program did not begin there: Error while finding .* No module named 'lockgate'",
            ),
        ):
            run(engine.address)

    def test_a_container_that_needs_too_much_memory_is_lost_and_told_so(self, run):
        with DockerEngine([IMAGE], run=saying(HELLO % 1, code=137)) as engine:
            engine.are_short_of_memory = True
            with pytest.raises(DbtProcessLost, match=r"exit code 137 .*it needed more than 4096 MiB of memory"):
                run(engine.address)

    def test_a_container_that_cannot_be_stopped_is_taken_away(self, executor_on, docker_settings, write, ask):
        with DockerEngine([IMAGE], run=saying(HELLO % 1, then="time.sleep(60)")) as engine:
            engine.refusing = {"/stop"}
            place = DockerPlace(replace(docker_settings, url=engine.address))
            began = time.monotonic()

            with pytest.raises(DbtTimedOut, match="after 3 s"):
                executor_on(place, end_seconds=1.0).execute(ask(write(), timeout_seconds=3.0), ignore)

            assert time.monotonic() - began < 30
            assert engine.containers == {}

    def test_the_workshop_of_another_machines_engine_must_be_a_server(self, run):
        with pytest.raises(CapabilityMissing, match="containers of another machine's engine do not see") as caught:
            run("tcp://engine.example:2376")

        assert "Name an engine of this machine" in caught.value.remedy

    @pytest.mark.parametrize("url", ["tcp://engine.example:2375", "http://engine.example:2375"])
    def test_no_password_goes_to_another_machine_in_clear(self, run, postgres_access, url):
        with pytest.raises(CapabilityMissing, match="would be sent passwords in clear") as caught:
            run(url, access=postgres_access)

        assert "ssh -L" in caught.value.remedy

    def test_a_project_for_a_spark_is_refused_where_it_is_checked(self, executor_on, docker_settings, write):
        with pytest.raises(CapabilityMissing, match="of kind 'spark' on this machine alone") as caught:
            executor_on(DockerPlace(docker_settings)).inspect(write(), "spark", {})

        assert "executor: local" in caught.value.remedy

    def test_a_database_at_localhost_is_not_what_a_container_calls_so(self, run, engine, postgres_access):
        with pytest.raises(CapabilityMissing, match="is the container itself") as caught:
            run(engine.address, access=postgres_access, network="bridge")

        assert "network: host" in caught.value.remedy
