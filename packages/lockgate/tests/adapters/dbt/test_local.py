"""`LocalDbtExecutor` on DuckDB and PostgreSQL: the conformance suite, and what keeping a process warm adds."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.core.execution import DbtInvocation, WorkshopAccess
from lockgate.errors import DbtFailed
from lockgate.testing.executors import MODEL, ExecutorConformance, ignore

WORKSHOP = "analytics__dbt"


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> Iterator[LocalDbtExecutor]:
    folder = tmp_path_factory.mktemp("dbt")
    executor = LocalDbtExecutor(DbtConfig(folder, grace_seconds=1.0))
    yield executor
    executor.close()


@pytest.fixture
def executor(warm) -> LocalDbtExecutor:
    return warm


@pytest.fixture
def duckdb_access(tmp_path) -> WorkshopAccess:
    path = tmp_path / "workshops" / f"{WORKSHOP}.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema raw; create schema {WORKSHOP}")
        connection.execute("create table raw.users as select * from (values (1), (2)) as t(id)")
    settings = {"enable_external_access": "false", "lock_configuration": "true"}
    return WorkshopAccess("duckdb", WORKSHOP, {"path": str(path), "settings": settings})


@pytest.fixture
def postgres_access(postgres_url) -> WorkshopAccess:
    place = urlsplit(postgres_url)
    role, password = f"builder_{place.path[-12:]}", "not-a-default-7c1d"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create schema raw; create table raw.users as select * from (values (1), (2)) as t(id)")
        connection.execute(f"create role {role} login password '{password}'")
        connection.execute(f"create schema {WORKSHOP} authorization {role}; grant usage on schema raw to {role}")
        connection.execute(f"grant select on all tables in schema raw to {role}")
    where = {"host": place.hostname, "port": place.port, "user": role, "dbname": place.path[1:]}
    return WorkshopAccess("postgres", WORKSHOP, where, {"password": password})


@pytest.mark.slow
class TestOnDuckDB(ExecutorConformance):
    @pytest.fixture
    def access(self, duckdb_access) -> WorkshopAccess:
        return duckdb_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"

    def test_a_host_file_is_not_readable(self, executor, write, ask) -> None:
        model = "{{ config(materialized='table') }} select content as user_id from read_text('/etc/passwd')"

        result = executor.execute(ask(write(models__fct_users_sql=model)), ignore)

        assert "Permission" in result.failed[0].message or "disabled" in result.failed[0].message

    def test_an_unchanged_project_is_parsed_once_even_when_its_files_are_touched(self, executor, write, ask) -> None:
        project = write()
        executor.execute(ask(project), ignore)
        parses = executor.parses

        (project / "models/fct_users.sql").touch()
        executor.execute(ask(project), ignore)

        assert executor.parses == parses

    def test_a_killed_process_is_told_and_the_next_call_works(self, executor, write, ask) -> None:
        slow = "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"
        project = write(
            models__fct_users_sql="{{ config(materialized='table') }} select " + slow + " as user_id",
            models__quick_sql=MODEL,
        )
        executor.execute(ask(project, select=("quick",)), ignore)
        raised: list[Exception] = []

        def run() -> None:
            try:
                executor.execute(ask(project), ignore)
            except DbtFailed as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            for process in list(executor._running):
                os.kill(process, signal.SIGKILL)
            thread.join(0.1)

        assert len(raised) == 1
        assert executor.execute(ask(project, select=("quick",)), ignore).success

    def test_no_secret_and_no_profile_is_left(self, executor, write, ask, postgres_access) -> None:
        executor.execute(ask(write(), access=postgres_access), ignore)

        left = [path for path in executor._config.folder.rglob("*") if path.is_file()]
        secret = postgres_access.secrets["password"].encode()

        assert [path for path in left if path.name == "profiles.yml" or secret in path.read_bytes()] == []

    def test_the_models_of_a_project_are_known_without_a_database(self, executor, write) -> None:
        project = write(models__tested_yml="models: [{name: fct_users, columns: [{name: user_id}]}]")

        assert executor.models(project, "duckdb") == {"fct_users": ("user_id",)}
        assert executor.models(project, "postgres") == {"fct_users": ("user_id",)}


@pytest.mark.slow
class TestOnPostgres(ExecutorConformance):
    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select 1 from pg_sleep(60))"

    def test_the_role_cannot_create_outside(self, executor, write, ask, postgres_url) -> None:
        hook = MODEL.replace("materialized='table'", "materialized='table', pre_hook='create schema mine'")

        result = executor.execute(ask(write(models__fct_users_sql=hook)), ignore)

        assert "permission denied" in result.failed[0].message
        with psycopg.connect(postgres_url) as connection:
            assert connection.execute("select 1 from pg_namespace where nspname = 'mine'").fetchone() is None

    def test_two_workshops_are_built_at_the_same_time(self, executor, write, access, duckdb_access) -> None:
        project = write()
        results: list[bool] = []

        def run(where: WorkshopAccess) -> None:
            invocation = DbtInvocation(project, ("+fct_users",), where.schema, where, models=("fct_users",))
            results.append(executor.execute(invocation, ignore).success)

        threads = [threading.Thread(target=run, args=(where,)) for where in (access, duckdb_access)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert results == [True, True]


def test_closing_leaves_no_process(tmp_path) -> None:
    (tmp_path / "p/models").mkdir(parents=True)
    (tmp_path / "p/dbt_project.yml").write_text("name: tiny\nversion: '1.0'\nprofile: none\n", encoding="utf-8")
    executor = LocalDbtExecutor(DbtConfig(tmp_path / "cache"))
    executor.models(Path(tmp_path / "p"), "duckdb")
    process = executor._warm._process.pid

    executor.close()

    alive = subprocess.run(["ps", "-o", "pid=", "-p", str(process)], capture_output=True, check=False)
    assert alive.stdout == b""
