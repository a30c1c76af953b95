"""The executor `cloud` on PostgreSQL: the conformance suite, what is refused, and a service that is away or busy."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange
from lockgate.adapters.dbt.remote.cloud.place import CloudPlace
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing, ExecutorRefused, ExecutorUnavailable, WorkshopEscaped
from lockgate.sandbox.local_api import ApiAnswer, Hangs
from lockgate.testing.executors import MODEL, ExecutorConformance, ProgramConformance, ignore

STEP = (
    "dbt --log-format json --log-level debug --no-use-colors build --select +fct_users --indirect-selection buildable"
    """ --vars '{"who": "it'"'"'s Zoë"}' --full-refresh"""
)
RUN = "/api/v2/accounts/42/jobs/7/run/"

pytestmark = [pytest.mark.slow, pytest.mark.measured]


@pytest.fixture
def executor(executor_on, cloud_place):
    return executor_on(cloud_place, outage_seconds=1.0)


class OnPostgres:
    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select 1 from pg_sleep(60))"

    @pytest.fixture
    def ask(self, ask_committed):
        """As the suite's, of what was committed."""
        return ask_committed


class TestConformance(OnPostgres, ExecutorConformance, ProgramConformance):
    """The whole suite."""


def refusal(status: int, said: str = "no", **headers: str) -> ApiAnswer:
    document = {"status": {"code": status, "is_success": False, "user_message": said}, "data": None}
    return ApiAnswer(status, document, headers=headers)


class TestRequests(OnPostgres):
    write = ExecutorConformance.write

    @pytest.fixture
    def ask_written(self, ask, write):
        return ask(write())

    def test_a_run_is_triggered_with_what_it_is_to_do_and_no_secret(self, cloud, executor, write, ask, access) -> None:
        before = len(cloud.requests)
        project = write()

        executor.execute(ask(project, vars={"who": "it's Zoë"}, full_refresh=True, timeout_seconds=90.5), ignore)

        (sent,) = [each for each in cloud.requests[before:] if each.path == RUN]
        body = sent.document()
        assert body.pop("cause").startswith("Lockgate builds analytics__dbt [lockgate ")
        assert len(body.pop("git_sha")) == 40
        assert body == {
            "schema_override": "analytics__dbt",
            "steps_override": [STEP],
            "timeout_seconds_override": 91,
            "generate_docs_override": False,
        }
        assert not any(access.secrets["password"].encode() in each.body for each in cloud.requests)

    def test_what_is_not_committed_is_named_and_nothing_is_triggered(self, cloud, executor, write, ask) -> None:
        project = write()
        asked = ask(project)
        (project / "models/fct_users.sql").write_text(MODEL + "\n", encoding="utf-8")
        before = len(cloud.requests)

        with pytest.raises(ExecutorRefused, match=r"not committed: project/models/fct_users\.sql") as caught:
            executor.execute(asked, ignore)

        assert "Commit and push" in caught.value.remedy
        assert not any(each.path == RUN for each in cloud.requests[before:])

    def test_haste_is_answered_with_patience_and_a_lost_answer_with_a_look(self, cloud, executor, write, ask) -> None:
        before = len(cloud.runs)
        busy = refusal(429, "slow down", **{"retry-after": "0"})
        cloud.faults.extend([busy, refusal(503), None, busy, Hangs(after=True), busy])

        result = executor.execute(ask(write()), ignore)

        assert result.success
        assert len(cloud.runs) == before + 1

    @pytest.mark.parametrize(
        ("fault", "says", "remedy"),
        [
            (refusal(401, "Invalid token"), "answered 401 .*Invalid token", "a service token"),
            (refusal(404), "answered 404", "each region has an address"),
            (refusal(402, "run limit"), "answered 402 .*run limit", "has no runs left"),
            (ApiAnswer(302, headers={"location": "/"}), "answered 302", "executors"),
            (ApiAnswer(200, content=b"<html>"), "does not answer as dbt Cloud's", "executors"),
        ],
    )
    def test_a_refusal_is_told_with_what_to_do(self, cloud, executor, ask_written, fault, says, remedy) -> None:
        before = len(cloud.runs)
        cloud.faults.append(fault)

        with pytest.raises(ExecutorRefused, match=says) as caught:
            executor.execute(ask_written, ignore)

        assert remedy in caught.value.remedy
        assert len(cloud.runs) == before

    def test_a_service_that_is_away_may_answer_later(
        self, executor_on, cloud_settings, cloud_place, write, ask
    ) -> None:
        away = replace(cloud_settings, url="http://127.0.0.1:9", attempts=2)
        place = CloudPlace(CloudExchange(away, cloud_place._exchange.secrets), cloud_place._folder)

        with pytest.raises(ExecutorUnavailable, match=r"dbt Cloud at 127\.0\.0\.1 did not answer"):
            executor_on(place).execute(ask(write()), ignore)

    def test_a_run_that_somebody_cancels_there_is_lost_and_told_so(self, cloud, executor, write, ask) -> None:
        cloud.faults.extend([None, None])
        slow = "{{ config(materialized='table') }} select pg_sleep(60)::text as user_id"
        quick = write(models__quick_sql=MODEL, models__fct_users_sql="-- {{ ref('quick') }}\n" + slow)

        def cancel_there(_node) -> None:
            run = max(cloud.runs)
            cloud._cancel(None, str(run))

        with pytest.raises(Exception, match="cancelled") as caught:
            executor.execute(ask(quick), cancel_there)

        assert caught.value.code == "LG606"

    def test_a_workshop_that_is_a_file_is_refused(self, executor, write, duckdb_access, ask) -> None:
        with pytest.raises(CapabilityMissing, match="cannot reach a workshop that is a file") as caught:
            executor.execute(replace(ask(write()), access=duckdb_access), ignore)

        assert "a target that is a server" in caught.value.remedy

    def test_a_database_of_this_machine_is_refused(self, executor_on, cloud_settings, cloud_place, write, ask) -> None:
        real = replace(cloud_settings, url="https://cloud.getdbt.com")
        place = CloudPlace(CloudExchange(real, cloud_place._exchange.secrets), cloud_place._folder)

        with pytest.raises(CapabilityMissing, match="a database at this machine's own address"):
            executor_on(place).execute(ask(write()), ignore)

    def test_what_dbt_clouds_profile_let_stray_is_told_and_counts_as_no_result(
        self, cloud, executor, write, ask, postgres_url, postgres_server
    ) -> None:
        """The project is read here as `target.name` `postgres`, and built there as `default`."""
        names = "{% macro generate_schema_name(custom, node) %}{% if target.name == 'default' %}public"
        project = write(macros__names_sql=names + "{% else %}{{ target.schema }}{% endif %}{% endmacro %}")
        asked = ask(project)
        person = urlsplit(postgres_server)
        superuser = {"user": person.username, "password": unquote(person.password or "")}
        cloud.jobs[7] = replace(cloud.jobs[7], connection={**cloud.jobs[7].connection, **superuser})
        database = urlsplit(postgres_url).path[1:]

        with pytest.raises(WorkshopEscaped, match=rf"in {database}\.public: .*model\.small\.fct_users"):
            executor.execute(asked, ignore)

    def test_a_role_of_dbt_clouds_own_builds_as_the_workshops(
        self, cloud, executor, write, ask, access, postgres_url
    ) -> None:
        asked = ask(write())
        builder = access.parameters["user"]
        words = {"cloud": Identifier(f"cloud_{builder}"), "builder": Identifier(builder), "name": Literal(builder)}
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for statement in (
                "create role {cloud} login password 'of its own'",
                "grant {builder} to {cloud}",
                "alter role {cloud} in database {database} set role = {name}",
            ):
                connection.execute(SQL(statement).format(**words, database=Identifier(connection.info.dbname)))
        job = cloud.jobs[7]
        connected = {**job.connection, "user": f"cloud_{builder}", "password": "of its own"}
        cloud.jobs[7] = replace(job, connection=connected)

        assert executor.execute(asked, ignore).success

        with psycopg.connect(postgres_url) as connection:
            owners = connection.execute("select tableowner from pg_tables where tablename = 'fct_users'").fetchall()
        assert owners == [(builder,)]
