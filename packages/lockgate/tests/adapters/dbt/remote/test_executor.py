"""How a run is followed while nobody answers, what becomes of it then, and which one of before may stand for it."""

from __future__ import annotations

import io
import json
import logging
import tarfile
import time
from dataclasses import replace

import pytest

from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange
from lockgate.adapters.dbt.remote.cloud.run import CloudRun
from lockgate.adapters.dbt.remote.docker.place import DockerPlace, DockerRun
from lockgate.adapters.dbt.remote.place import RunState
from lockgate.core.execution import DbtInvocation, WorkshopAccess
from lockgate.errors import CapabilityMissing, DbtTimedOut, ExecutorUnavailable
from lockgate.sandbox.local_api import ApiAnswer
from lockgate.testing.executors import SLOW, ExecutorConformance, ignore

CREATE = "/v1.41/containers/create"
OUTAGE_SECONDS = 1.0
ENDLESS = "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"
# The requests of a docker run before its log is asked for: version and list, version and create, version, put and
# start, version.
BEFORE_THE_LOG = 8

pytestmark = pytest.mark.slow


def breaks_after(seconds: float, then=lambda: None) -> ApiAnswer:
    """A log that says nothing for so long, and breaks."""

    def pieces():
        yield b""
        time.sleep(seconds)
        then()
        raise RuntimeError("the line is cut")

    return ApiAnswer(pieces=pieces(), content_type="application/vnd.docker.raw-stream")


def test_nothing_is_compiled_elsewhere(executor_on, docker_settings, duckdb_access, engine, tmp_path) -> None:
    executor = executor_on(DockerPlace(docker_settings))
    before = len(engine.requests)

    with pytest.raises(CapabilityMissing, match="fct_users for online use on this machine alone") as refused:
        executor.compiled(DbtInvocation(tmp_path, ("+fct_users",), "w", duckdb_access, models=("fct_users",)))

    assert "executor: local" in refused.value.remedy
    assert len(engine.requests) == before


class TestFollowing:
    write = ExecutorConformance.write
    ask = ExecutorConformance.ask

    @pytest.fixture
    def access(self, duckdb_access) -> WorkshopAccess:
        return duckdb_access

    @pytest.fixture
    def run(self, executor_on, docker_settings):
        executor = executor_on(DockerPlace(docker_settings), outage_seconds=OUTAGE_SECONDS)
        return lambda asked, on_node=ignore: executor.execute(asked, on_node)

    @pytest.fixture
    def begun(self, engine):
        """How many containers were made since the test began."""
        before = len(engine.requests)
        return lambda: sum(each.path == CREATE and each.status == 201 for each in engine.requests[before:])

    @pytest.fixture
    def away(self, engine):
        """Has the engine answer nothing about containers that are there, until it is called again."""

        def away(ends=("/logs", "/json")) -> None:
            engine.refusing = set(ends)

        yield away
        engine.refusing = set()
        for container in list(engine.containers.values()):
            engine._taken_away(container)

    @pytest.fixture
    def lost(self, engine, run, away, begun):
        """Executes on an engine that goes away for good once the run has begun."""

        def lost(asked) -> None:
            engine.faults.extend([None] * BEFORE_THE_LOG + [breaks_after(0.5, away)])
            with pytest.raises(ExecutorUnavailable):
                run(asked)
            assert begun() == 1
            away(())

        return lost

    def test_one_break_of_the_log_of_a_long_run_is_gone_over(self, engine, run, write, ask, begun) -> None:
        engine.faults.extend([None] * BEFORE_THE_LOG + [breaks_after(1.5 * OUTAGE_SECONDS)])

        result = run(ask(write()))

        assert [node.node for node in result.nodes] == ["model.small.fct_users"]
        assert begun() == 1
        assert engine.containers == {}

    def test_a_run_that_nobody_tells_of_goes_on_and_is_met_again(self, engine, run, write, ask, lost, begun) -> None:
        asked = replace(ask(write()), inputs="pins 1")
        lost(asked)
        assert len(engine.containers) == 1

        result = run(asked)

        assert [node.node for node in result.nodes] == ["model.small.fct_users"]
        assert begun() == 1
        assert engine.containers == {}

    def test_a_run_on_inputs_that_are_not_known_is_ended_before_a_new_one_begins(
        self, engine, run, write, ask, lost, begun
    ) -> None:
        project = write(models__fct_users_sql=SLOW.format(ENDLESS))
        lost(replace(ask(project), select=("fct_users",)))
        (container,) = engine.containers.values()
        assert container.status == "running"

        with pytest.raises(DbtTimedOut, match="after 6 s"):
            run(replace(ask(project), select=("fct_users",), timeout_seconds=6.0))

        assert begun() == 2

    def test_a_container_is_told_how_long_it_may_take(self, engine, run, write, ask) -> None:
        before = len(engine.requests)

        run(ask(write(), timeout_seconds=900.0))

        (sent,) = [each.body for each in engine.requests[before:] if each.method == "PUT"]
        with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
            request = json.load(tar.extractfile("request.json"))
        assert request["timeout_seconds"] == 900.0

    def test_work_that_is_done_counts_where_the_run_cannot_be_taken_away(
        self, engine, run, write, ask, away, caplog
    ) -> None:
        denied = ApiAnswer(403, {"message": "authorization denied by plugin"})
        told = []

        def on_node(node) -> None:
            told.append(node.node)
            engine.faults.extend([None] * 5 + [denied])  # version, state, version, archive, version, removal

        with caplog.at_level(logging.WARNING):
            result = run(ask(write()), on_node)

        assert result.success
        assert told == ["model.small.fct_users"]
        assert len(engine.containers) == 1
        assert [each.message for each in caplog.records if "could not be taken away" in each.message] == [
            "a run of dbt could not be taken away: the Docker engine does not allow it: authorization denied by plugin"
        ]

    def test_a_container_that_is_gone_does_not_run(self, docker_settings) -> None:
        assert DockerRun(docker_settings, "gone", "key").state() == RunState(False, said="its container is gone")


def test_a_run_that_dbt_cloud_has_no_longer_does_not_run(cloud, cloud_settings, vault, tmp_path) -> None:
    run = CloudRun(CloudExchange(cloud_settings, vault), 404, "key", None, tmp_path / "note")

    assert run.state() == RunState(False, said="dbt Cloud has the run no longer")
