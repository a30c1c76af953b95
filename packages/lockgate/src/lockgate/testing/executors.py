"""What every dbt executor must do: results node by node, refusals, time-outs, cancellation, isolation.

A test class inherits `ExecutorConformance` and gives three fixtures: `executor` (a `DbtExecutor`), `access` (a workshop
that holds `raw.users` with the ids 1 and 2) and `slow` (a SQL expression that takes a minute, as a column). On one
database it inherits `ProgramConformance`, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.core.execution import DbtInvocation, NodeResult, NodeStatus, WorkshopAccess
from lockgate.core.ports import DbtExecutor
from lockgate.core.relation import Relation
from lockgate.errors import DbtCancelled, DbtProjectInvalid, DbtTimedOut, UnknownName, WorkshopEscaped

PROJECT = (
    "name: small\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\nmacro-paths: [macros]\nseed-paths: [seeds]\n"
)
SOURCES = "sources: [{name: raw, schema: raw, tables: [{name: users}]}]\n"
TESTED = """models:
  - name: fct_users
    columns: [{name: user_id, data_tests: [unique, not_null]}]
unit_tests:
  - name: ids_are_kept
    model: fct_users
    given: [{input: "source('raw', 'users')", rows: [{id: 7}]}]
    expect: {rows: [{user_id: 7}]}
"""
MODEL = "{{ config(materialized='table') }} select id as user_id from {{ source('raw', 'users') }}\n"

SLOW = "{{{{ config(materialized='table') }}}} select {} as user_id"

# What databases say of a text that is no number, less the text.
TOLD = ("Could not convert", "invalid input syntax for type integer", "cannot be cast to")

Writer = Callable[..., Path]


def ignore(node: NodeResult) -> None:
    """Hears of a node, and leaves it at that."""


class ExecutorConformance:
    """The suite; see the module for the fixtures it needs."""

    @pytest.fixture
    def write(self, tmp_path: Path) -> Writer:
        """Writes a dbt project; keywords are more files, `/` written `__`, their suffix behind the last `_`."""

        def write(**files: str) -> Path:
            whole = {"models__sources_yml": SOURCES, "models__fct_users_sql": MODEL, **files}
            for name, text in whole.items():
                stem, suffix = name.replace("__", "/").rsplit("_", 1)
                path = tmp_path / "project" / f"{stem}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            (tmp_path / "project" / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
            return tmp_path / "project"

        return write

    @pytest.fixture
    def ask(self, access: WorkshopAccess) -> Callable[..., DbtInvocation]:
        """An invocation of `+fct_users` in the workshop."""

        def ask(project: Path, **changes: object) -> DbtInvocation:
            plain = DbtInvocation(project, ("+fct_users",), access.schema, access, models=("fct_users",))
            return replace(plain, **changes)  # type: ignore[arg-type]

        return ask

    def test_models_and_tests_are_told_node_by_node(self, executor: DbtExecutor, write: Writer, ask) -> None:
        heard: list[NodeResult] = []

        result = executor.execute(ask(write(models__tested_yml=TESTED)), heard.append)

        assert {(node.kind, node.status) for node in result.nodes} == {
            ("model", NodeStatus.SUCCESS),
            ("test", NodeStatus.PASS),
            ("unit_test", NodeStatus.PASS),
        }
        assert tuple(heard) == result.nodes
        assert [test.failures for test in result.tests if test.kind == "test"] == [0, 0]
        assert result.success
        assert result.log.exists()
        assert {"manifest.json", "run_results.json"} <= {path.name for path in result.artifacts.iterdir()}

    def test_a_failing_model_is_named_with_its_file_and_what_depends_on_it_is_skipped(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        project = write(
            models__stg_users_sql="select nowhere as id from {{ source('raw', 'users') }}",
            models__fct_users_sql="{{ config(materialized='table') }} select id from {{ ref('stg_users') }}",
        )
        staged = "{{ config(materialized='table') }} " + (project / "models/stg_users.sql").read_text(encoding="utf-8")
        (project / "models/stg_users.sql").write_text(staged, encoding="utf-8")

        result = executor.execute(ask(project), ignore)

        by_name = {node.node: node for node in result.nodes}
        assert by_name["model.small.stg_users"].status is NodeStatus.ERROR
        assert "nowhere" in by_name["model.small.stg_users"].message
        assert by_name["model.small.stg_users"].file == str(project / "models/stg_users.sql")
        assert by_name["model.small.fct_users"].status is NodeStatus.SKIPPED
        assert [node.node for node in result.failed] == ["model.small.stg_users"]

    @pytest.mark.parametrize("canary", ["bob@canary-51c0.example", "bob\nLINE 1: canary-51c0", "o'canary-51c0\"s"])
    def test_a_value_that_a_database_quotes_is_told_and_left_nowhere(
        self, executor: DbtExecutor, write: Writer, ask, canary: str
    ) -> None:
        pieces = ", ".join(f"chr({ord(letter)})" for letter in canary)
        cast = "{{ config(materialized='table') }} select cast(concat(" + pieces + ", id) as integer) as user_id"

        result = executor.execute(ask(write(models__fct_users_sql=cast + " from {{ source('raw', 'users') }}")), ignore)

        (failed,) = result.failed
        assert "canary" not in failed.message
        assert "fct_users (models/fct_users.sql)" in failed.message
        assert any(words in failed.message for words in TOLD)
        left = [path for path in result.artifacts.rglob("*") if path.is_file()]
        assert [path.name for path in left if b"canary" in path.read_bytes()] == []

    def test_a_built_model_says_what_it_left_and_where_its_sql_is(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        project = write(models__fct_users_sql=MODEL.replace("'table'", "'table', alias='people'"))

        (node,) = executor.execute(ask(project), ignore).nodes

        assert (node.relation, node.materialized) == (Relation(ask(project).workshop, "people"), "table")
        assert node.depends_on == ("source.small.raw.users",)
        assert node.file == str(project / "models/fct_users.sql")
        assert Path(node.compiled).read_text(encoding="utf-8").strip().startswith("select id as user_id")

    def test_a_failing_test_counts_the_rows_it_found(self, executor: DbtExecutor, write: Writer, ask) -> None:
        twice = MODEL + "union all select id from {{ source('raw', 'users') }}\n"

        tested = TESTED.partition("unit_tests:")[0]

        result = executor.execute(ask(write(models__tested_yml=tested, models__fct_users_sql=twice)), ignore)

        failed = {node.node.split(".")[2]: node.failures for node in result.failed if node.kind == "test"}
        assert failed == {"unique_fct_users_user_id": 2}

    def test_tests_alone_are_run_of_what_was_built_and_build_nothing(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        project = write(
            models__tested_yml=TESTED,
            models__fct_teams_sql="{{ config(materialized='table') }} select user_id from {{ ref('fct_users') }}",
        )
        both = {"select": ("+fct_users", "+fct_teams"), "models": ("fct_users", "fct_teams")}
        executor.execute(ask(project, **both), ignore)
        (project / "models/fct_users.sql").write_text(MODEL.replace("id as", "1 as"), encoding="utf-8")

        result = executor.execute(ask(project, tests_only=True, **both), ignore)

        passed = {node.node.split(".")[2]: node.status for node in result.nodes if node.kind == "test"}
        assert passed == dict.fromkeys(("unique_fct_users_user_id", "not_null_fct_users_user_id"), NodeStatus.PASS)
        assert {node.kind for node in result.nodes} == {"test", "unit_test"}
        users = "model.small.fct_users"
        assert result.upstream == {"fct_users": {users}, "fct_teams": {users, "model.small.fct_teams"}}

    def test_tests_of_what_was_never_built_fail_and_build_nothing(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        project = write(models__tested_yml=TESTED.partition("unit_tests:")[0])

        for _ in range(2):
            result = executor.execute(ask(project, tests_only=True), ignore)

            assert {(node.kind, node.status) for node in result.nodes} == {("test", NodeStatus.ERROR)}

    def test_the_rows_of_failed_tests_are_stored_nowhere_else(self, executor: DbtExecutor, write: Writer, ask) -> None:
        stored = TESTED.partition("unit_tests:")[0].replace("[unique,", "[{unique: {config: {store_failures: true}}},")

        with pytest.raises(WorkshopEscaped, match="dbt_test__audit"):
            executor.execute(ask(write(models__tested_yml=stored)), ignore)

    @pytest.mark.parametrize("escape", ["{{ config(schema='public') }}", "{{ config(database='elsewhere') }}"])
    def test_a_model_outside_the_workshop_is_refused_and_nothing_runs(
        self, executor: DbtExecutor, write: Writer, ask, escape: str
    ) -> None:
        heard: list[NodeResult] = []

        with pytest.raises(WorkshopEscaped, match=r"model\.small\.fct_users"):
            executor.execute(ask(write(models__fct_users_sql=escape + MODEL)), heard.append)

        assert heard == []

    def test_an_invocation_past_its_time_is_stopped(self, executor: DbtExecutor, write: Writer, ask, slow: str) -> None:
        project = write(models__fct_users_sql=SLOW.format(slow), models__quick_sql=MODEL)
        executor.execute(ask(project, select=("quick",)), ignore)
        began = time.monotonic()

        with pytest.raises(DbtTimedOut, match="after 3 s"):
            executor.execute(ask(project, timeout_seconds=3.0), ignore)

        assert time.monotonic() - began < 30
        assert executor.execute(ask(project, select=("quick",)), ignore).success

    def test_an_invocation_cancelled_in_the_middle_ends_and_the_next_one_works(
        self, executor: DbtExecutor, write: Writer, ask, slow: str
    ) -> None:
        project = write(
            models__fct_users_sql="-- depends_on: {{ ref('quick') }}\n" + SLOW.format(slow), models__quick_sql=MODEL
        )
        heard: list[str] = []

        def cancel_soon(node: NodeResult) -> None:
            heard.append(node.node)
            if len(heard) == 1:
                threading.Timer(0.5, executor.cancel).start()

        with pytest.raises(DbtCancelled):
            executor.execute(ask(project), cancel_soon)

        assert heard[0] == "model.small.quick"
        assert executor.execute(ask(project, select=("quick",)), ignore).success

    def test_a_seed_is_loaded_with_the_file_out_of_the_databases_reach(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        project = write(seeds__codes_csv="code,name\n1,Zoë\n2,\n")

        (seed,) = executor.execute(ask(project, select=("codes",)), ignore).nodes

        assert (seed.kind, seed.status, seed.rows) == ("seed", NodeStatus.SUCCESS, 2)

    def test_a_failing_hook_is_a_node_of_its_own(self, executor: DbtExecutor, write: Writer, ask) -> None:
        project = write()
        (project / "dbt_project.yml").write_text(PROJECT + "on-run-end: [select nowhere]\n", encoding="utf-8")

        result = executor.execute(ask(project), ignore)

        assert {(node.kind, node.status) for node in result.nodes} == {
            ("model", NodeStatus.SUCCESS),
            ("operation", NodeStatus.ERROR),
        }


class ProgramConformance:
    """What no database has a part in; beside the suite above, for the executor on one of them."""

    def test_variables_reach_the_models(self, executor: DbtExecutor, write: Writer, ask) -> None:
        model = MODEL.replace("id as", "{{ var('factor') }} * id as")

        result = executor.execute(ask(write(models__fct_users_sql=model), vars={"factor": 3}), ignore)

        assert result.success

    def test_models_and_sources_are_known_without_asking_the_database(
        self, executor: DbtExecutor, write: Writer, access: WorkshopAccess
    ) -> None:
        described = "models: [{name: fct_users, columns: [{name: user_id}, {name: email}]}]"

        inspection = executor.inspect(write(models__fct_users_yml=described), access.kind, {})

        assert inspection.models == {"fct_users": ("user_id", "email")}
        assert inspection.sources == (Relation("raw", "users"),)
        assert inspection.reads == {"fct_users": (Relation("raw", "users"),)}
        assert (inspection.errors, inspection.warnings) == ((), ())

    def test_a_project_is_inspected_with_the_variables_that_it_is_run_with(
        self, executor: DbtExecutor, write: Writer, access: WorkshopAccess
    ) -> None:
        project = write(models__fct_new_sql="{{ config(enabled=var('new', false)) }}" + MODEL)

        without, with_it = (executor.inspect(project, access.kind, given) for given in ({}, {"new": True}))

        assert sorted(without.models) == ["fct_users"]
        assert sorted(with_it.models) == ["fct_new", "fct_users"]

    def test_what_keeps_a_project_from_being_parsed_is_told_with_its_file(
        self, executor: DbtExecutor, write: Writer, access: WorkshopAccess
    ) -> None:
        project = write(models__fct_users_sql="select * from {{ ref('no_such_model') }}")

        inspection = executor.inspect(project, access.kind, {})

        (error,) = inspection.errors
        assert "no_such_model" in error.message
        assert error.file == str(project / "models/fct_users.sql")
        assert inspection.models == {}

    def test_a_project_that_cannot_be_parsed_is_refused_with_dbts_words(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        with pytest.raises(DbtProjectInvalid, match="no_such_model"):
            executor.execute(ask(write(models__fct_users_sql="select * from {{ ref('no_such_model') }}")), ignore)

    def test_a_missing_model_is_refused_with_the_nearest_name(self, executor: DbtExecutor, write: Writer, ask) -> None:
        with pytest.raises(UnknownName, match="did you mean 'fct_users'"):
            executor.execute(ask(write(), models=("fct_user",)), ignore)

    def test_a_project_that_names_schemas_itself_is_refused(self, executor: DbtExecutor, write: Writer, ask) -> None:
        macro = "{% macro generate_schema_name(custom, node) %}main{% endmacro %}"

        with pytest.raises(WorkshopEscaped, match="main"):
            executor.execute(ask(write(macros__names_sql=macro)), ignore)

    def test_a_changed_file_is_parsed_anew(self, executor: DbtExecutor, write: Writer, ask) -> None:
        project = write(models__tested_yml=TESTED)
        executor.execute(ask(project), ignore)

        (project / "models/fct_users.sql").write_text(MODEL.replace("user_id", "uid"), encoding="utf-8")
        result = executor.execute(ask(project), ignore)

        assert not result.success

    def test_parsing_counts_as_part_of_the_time(self, executor: DbtExecutor, write: Writer, ask) -> None:
        endless = "{% for i in range(10 ** 5) %}{% for j in range(10 ** 5) %}{% endfor %}{% endfor %}"

        with pytest.raises(DbtTimedOut):
            executor.execute(ask(write(models__fct_users_sql=endless + MODEL), timeout_seconds=8.0), ignore)

    def test_a_listener_that_raises_ends_the_invocation(
        self, executor: DbtExecutor, write: Writer, ask, slow: str
    ) -> None:
        project = write(
            models__fct_users_sql="-- depends_on: {{ ref('quick') }}\n" + SLOW.format(slow), models__quick_sql=MODEL
        )
        began = time.monotonic()

        def refuse(node: NodeResult) -> None:
            raise LookupError(node.node)

        with pytest.raises(LookupError, match="quick"):
            executor.execute(ask(project), refuse)

        assert time.monotonic() - began < 45

    def test_text_beyond_ascii_is_told_as_it_is(self, executor: DbtExecutor, write: Writer, ask) -> None:
        words = "Zoë – 数据 – 🛶"
        model = MODEL.replace("id as", f"'{words}' as \"größe\", id as")
        failing = "{{ config(materialized='table') }} select * from \"fehlt – 数据\""

        result = executor.execute(ask(write(models__fct_users_sql=model)), ignore)
        broken = executor.execute(ask(write(models__fct_users_sql=failing)), ignore)

        assert result.success
        assert words in Path(result.nodes[0].compiled).read_text(encoding="utf-8")
        assert "fehlt – 数据" in broken.failed[0].message

    def test_a_model_that_logs_without_end_neither_blocks_nor_fills_the_disk(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        loud = "{% for i in range(5000) %}{{ log('x' * 4000, info=True) }}{{ print('y' * 4000) }}{% endfor %}"

        result = executor.execute(
            ask(write(models__fct_users_sql="{% if execute %}" + loud + "{% endif %}" + MODEL)), ignore
        )

        assert result.success
        assert sum(path.stat().st_size for path in result.artifacts.rglob("*") if path.is_file()) < 70 << 20

    def test_the_environment_of_the_caller_is_not_there(
        self, executor: DbtExecutor, write: Writer, ask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LOCKGATE_CANARY", "canary-51c0")
        model = MODEL + " where '{{ env_var(\"LOCKGATE_CANARY\") }}' <> ''"

        with pytest.raises(DbtProjectInvalid, match="LOCKGATE_CANARY"):
            executor.execute(ask(write(models__fct_users_sql=model)), ignore)

    def test_nothing_is_written_into_the_project(self, executor: DbtExecutor, write: Writer, ask) -> None:
        project = write(models__tested_yml=TESTED)
        before = sorted(project.rglob("*"))

        executor.execute(ask(project), ignore)

        assert sorted(project.rglob("*")) == before
