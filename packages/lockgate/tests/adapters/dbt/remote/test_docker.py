"""The executor `docker` on DuckDB and PostgreSQL: the conformance suite, and what containers add to it."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from dataclasses import replace

import duckdb
import psycopg
import pytest

from lockgate.adapters.dbt.remote.docker.place import DockerPlace
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import DbtCancelled
from lockgate.sandbox.docker_engine import DockerEngine
from lockgate.testing.executors import MODEL, SLOW, ExecutorConformance, ProgramConformance, ignore

IMAGE = "lockgate-dbt:test"
CREATE = "/v1.41/containers/create"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executor(docker_executor):
    return docker_executor


class TestOnDuckDB(ExecutorConformance, ProgramConformance):
    @pytest.fixture
    def access(self, duckdb_access) -> WorkshopAccess:
        return duckdb_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"

    def test_a_container_may_do_little_and_is_gone_at_the_end(self, engine, executor, write, ask, access) -> None:
        before = len(engine.requests)

        executor.execute(ask(write()), ignore)

        (made,) = [each.document() for each in engine.requests[before:] if each.path == CREATE]
        confined = {name: made["HostConfig"][name] for name in ("CapDrop", "SecurityOpt", "ReadonlyRootfs", "Binds")}
        folder = duckdb_folder(access)
        assert confined == {
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Binds": [f"{folder}:{folder}:rw"],
        }
        assert (made["User"], made["HostConfig"]["Memory"], made["HostConfig"]["PidsLimit"]) == (
            "65532:65532",
            4096 << 20,
            256,
        )
        assert engine.containers == {}

    def test_the_command_is_what_a_container_starts(self, executor_on, docker_settings, write, ask, access) -> None:
        with DockerEngine([IMAGE]) as plain:
            executor = executor_on(DockerPlace(replace(docker_settings, url=plain.address)))

            result = executor.execute(ask(write()), ignore)

        assert result.success
        with duckdb.connect(str(access.parameters["path"]), read_only=True) as connection:
            rows = connection.execute(
                "select user_id from analytics__dbt.analytics__dbt.fct_users order by 1"
            ).fetchall()
        assert rows == [(1,), (2,)]


def duckdb_folder(access: WorkshopAccess) -> str:
    return str(access.parameters["path"]).rpartition("/")[0]


class TestOnPostgres:
    write = ExecutorConformance.write
    ask = ExecutorConformance.ask
    test_models_and_tests_are_told_node_by_node = ExecutorConformance.test_models_and_tests_are_told_node_by_node
    test_a_value_that_a_database_quotes_is_left_nowhere = (
        ExecutorConformance.test_a_value_that_a_database_quotes_is_told_and_left_nowhere
    )
    test_an_invocation_cancelled_in_the_middle = (
        ExecutorConformance.test_an_invocation_cancelled_in_the_middle_ends_and_the_next_one_works
    )

    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select 1 from pg_sleep(60))"

    def test_the_password_goes_in_a_file_of_the_containers_account_and_nowhere_else(
        self, engine, executor, write, ask, access, cache
    ) -> None:
        before = len(engine.requests)

        executor.execute(ask(write()), ignore)

        secret = json.dumps(access.secrets["password"])[1:-1].encode()
        (sent,) = [each for each in engine.requests[before:] if secret in each.body]
        assert (sent.method, sent.path.endswith("/archive")) == ("PUT", True)
        with tarfile.open(fileobj=io.BytesIO(sent.body)) as tar:
            holding = [each for each in tar if each.isfile() and secret in tar.extractfile(each).read()]
        assert [(each.name, each.mode, each.uid, each.gid) for each in holding] == [
            ("request.json", 0o600, 65532, 65532)
        ]
        raw = access.secrets["password"].encode()
        left = [path for path in cache.rglob("*") if path.is_file()]
        assert [path for path in left if secret in path.read_bytes() or raw in path.read_bytes()] == []
        assert not any(secret in json.dumps(each.answer).encode() for each in engine.requests[before:])

    def test_a_stopped_query_ends_in_the_database_too(self, executor, write, ask, slow, postgres_url) -> None:
        project = write(
            models__quick_sql=MODEL, models__fct_users_sql="-- {{ ref('quick') }}\n" + SLOW.format("pg_sleep(60)::text")
        )
        cancelling = threading.Timer(0.5, executor.cancel)

        with pytest.raises(DbtCancelled):
            executor.execute(ask(project), lambda node: cancelling.start() if "quick" in node.node else None)

        with psycopg.connect(postgres_url) as connection:
            found = "select query from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
            assert connection.execute(found).fetchall() == []
