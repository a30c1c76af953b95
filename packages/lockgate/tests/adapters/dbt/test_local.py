"""`LocalDbtExecutor` on DuckDB and PostgreSQL: the conformance suite, and what each database adds to it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import duckdb
import psycopg
import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.core.execution import DbtInvocation, WorkshopAccess
from lockgate.errors import DbtCancelled, WorkshopEscaped
from lockgate.testing.executors import MODEL, SLOW, ExecutorConformance, ProgramConformance, ignore

PROJECT = Path(__file__).parents[5] / "solutions/inventory/dbt"


@pytest.mark.slow
class TestOnDuckDB(ExecutorConformance, ProgramConformance):
    @pytest.fixture
    def access(self, duckdb_access) -> WorkshopAccess:
        return duckdb_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select count(*) from range(1000000) a(x), range(1000000) b(y) where x * y % 7 = 3)"

    @pytest.mark.parametrize(
        "attempt",
        [
            "select content as user_id from read_text('/etc/hostname')",
            "select count(*) as user_id from glob('/etc/*')",
            "select count(*) as user_id from read_csv('/proc/self/environ')",
        ],
    )
    def test_a_host_file_is_not_readable(self, executor, write, ask, attempt) -> None:
        result = executor.execute(ask(write(models__fct_users_sql=SLOW.format("1") + f" from ({attempt})")), ignore)

        assert "Permission Error" in result.failed[0].message

    @pytest.mark.parametrize(
        "attempt",
        [
            "attach '{elsewhere}'",
            "copy (select 1) to '{elsewhere}'",
            "set enable_external_access = true",
            "set allowed_directories = [\\'/\\']",
            "install httpfs",
        ],
    )
    def test_a_hook_reaches_nothing_outside_the_workshop(self, executor, write, ask, tmp_path, attempt) -> None:
        elsewhere = tmp_path / "elsewhere.duckdb"
        hook = attempt.format(elsewhere=elsewhere).replace("'", "\\'").replace("\\\\'", "\\'")
        model = MODEL.replace("materialized='table'", f"materialized='table', pre_hook='{hook}'")

        result = executor.execute(ask(write(models__fct_users_sql=model)), ignore)

        assert [node.node for node in result.failed] == ["model.small.fct_users"]
        assert not elsewhere.exists()

    def test_a_python_model_is_refused(self, executor, write, ask) -> None:
        code = "def model(dbt, session):\n    return session.sql('select 1 as user_id')\n"

        with pytest.raises(WorkshopEscaped, match=r"model\.small\.code"):
            executor.execute(ask(write(models__code_py=code)), ignore)

    def test_the_database_is_whole_without_its_log(self, executor, write, ask, access) -> None:
        executor.execute(ask(write()), ignore)

        path = Path(str(access.parameters["path"]))
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        with duckdb.connect(str(path), read_only=True) as connection:
            rows = connection.execute(
                "select user_id from analytics__dbt.analytics__dbt.fct_users order by 1"
            ).fetchall()
        assert rows == [(1,), (2,)]

    def test_the_inventory_project_is_built(self, executor, tmp_path, access) -> None:
        project = tmp_path / "inventory"
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))

        inspection = executor.inspect(project, "duckdb", {})

        assert {"fct_users", "fct_applications", "stg_users", "stg_applications"} <= set(inspection.models)
        assert (inspection.errors, inspection.warnings) == ((), ())
        assert [str(source) for source in inspection.sources] == ["raw.applications", "raw.users"]


@pytest.mark.slow
class TestOnPostgres(ExecutorConformance):
    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select 1 from pg_sleep(60))"

    @pytest.mark.parametrize(
        "attempt", ["create schema mine", "create table public.mine as select 1", "create table raw.mine as select 1"]
    )
    def test_the_role_cannot_create_outside(self, executor, write, ask, postgres_url, attempt) -> None:
        hook = MODEL.replace("materialized='table'", f"materialized='table', pre_hook='{attempt}'")

        result = executor.execute(ask(write(models__fct_users_sql=hook)), ignore)

        assert "permission denied" in result.failed[0].message
        with psycopg.connect(postgres_url) as connection:
            found = "select 'mine' where to_regnamespace('mine') is not null union select tablename from pg_tables"
            assert connection.execute(found + " where tablename = 'mine'").fetchall() == []

    def test_rows_are_those_that_the_database_counted(self, executor, write, ask) -> None:
        (node,) = executor.execute(ask(write()), ignore).nodes

        assert node.rows == 2

    def test_a_stopped_query_ends_in_the_database_too(self, executor, write, ask, access, postgres_url) -> None:
        project = write(
            models__quick_sql=MODEL, models__fct_users_sql="-- {{ ref('quick') }}\n" + SLOW.format("pg_sleep(60)::text")
        )

        cancelling = threading.Timer(0.5, executor.cancel)

        with pytest.raises(DbtCancelled):
            executor.execute(ask(project), lambda node: cancelling.start() if "quick" in node.node else None)

        with psycopg.connect(postgres_url) as connection:
            found = "select query from pg_stat_activity where usename = %s and state = 'active'"
            assert connection.execute(found, [access.parameters["user"]]).fetchall() == []

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

    def test_no_secret_and_no_profile_is_left(self, cache, executor, write, ask, access) -> None:
        executor.execute(ask(write()), ignore)
        broken = executor.execute(ask(write(models__fct_users_sql=SLOW.format("nowhere"))), ignore)

        left = [path for path in cache.rglob("*") if path.is_file()]
        secret = access.secrets["password"].encode()
        assert broken.failed
        assert [path for path in left if secret in path.read_bytes()] == []
        assert [path for path in left if path.name == "profiles.yml" and path.parent.name.startswith("profile")] == []


@pytest.mark.slow
def test_a_later_process_parses_nothing_that_an_earlier_one_parsed(tmp_path, duckdb_access) -> None:
    (tmp_path / "p/models").mkdir(parents=True)
    (tmp_path / "p/dbt_project.yml").write_text("name: tiny\nversion: '1.0'\nprofile: none\n", encoding="utf-8")
    (tmp_path / "p/models/one.sql").write_text("select 1 as id", encoding="utf-8")
    invocation = DbtInvocation(tmp_path / "p", ("one",), duckdb_access.schema, duckdb_access)
    parses = []

    for _ in range(2):
        executor = LocalDbtExecutor(DbtConfig(tmp_path / "cache"))
        try:
            assert executor.execute(invocation, ignore).success
            parses.append(executor.parses)
        finally:
            executor.close()

    assert parses == [1, 0]
