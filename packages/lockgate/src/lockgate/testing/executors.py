"""What every dbt executor must do: results node by node, refusals, time-outs, cancellation, isolation.

A test class inherits `ExecutorConformance` and gives three fixtures: `executor` (a `DbtExecutor`), `access` (a workshop
that holds `raw.users` with the ids 1 and 2) and `slow` (a SQL expression that takes a minute, as a column).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.core.execution import DbtInvocation, NodeStatus, WorkshopAccess
from lockgate.core.ports import DbtExecutor
from lockgate.errors import DbtCancelled, DbtProjectInvalid, DbtTimedOut, LockgateError, UnknownName, WorkshopEscaped

PROJECT = "name: small\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\nmacro-paths: [macros]\n"
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

Writer = Callable[..., Path]


def ignore(node: str) -> None:
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
        heard: list[str] = []

        result = executor.execute(ask(write(models__tested_yml=TESTED)), heard.append)

        assert {(node.kind, node.status) for node in result.nodes} == {
            ("model", NodeStatus.SUCCESS),
            ("test", NodeStatus.PASS),
            ("unit_test", NodeStatus.PASS),
        }
        assert sorted(heard) == sorted(node.node for node in result.nodes)
        assert [test.failures for test in result.tests if test.kind == "test"] == [0, 0]
        assert result.success
        assert result.log.exists()
        assert (result.artifacts / "run_results.json").exists()

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

    def test_a_failing_test_counts_the_rows_it_found(self, executor: DbtExecutor, write: Writer, ask) -> None:
        twice = MODEL + "union all select id from {{ source('raw', 'users') }}\n"

        tested = TESTED.partition("unit_tests:")[0]

        result = executor.execute(ask(write(models__tested_yml=tested, models__fct_users_sql=twice)), ignore)

        failed = {node.node.split(".")[2]: node.failures for node in result.failed if node.kind == "test"}
        assert failed == {"unique_fct_users_user_id": 2}

    def test_variables_reach_the_models(self, executor: DbtExecutor, write: Writer, ask) -> None:
        model = MODEL.replace("id as", "{{ var('factor') }} * id as")

        result = executor.execute(ask(write(models__fct_users_sql=model), vars={"factor": 3}), ignore)

        assert result.success

    def test_a_project_that_cannot_be_parsed_is_refused_with_dbts_words(
        self, executor: DbtExecutor, write: Writer, ask
    ) -> None:
        with pytest.raises(DbtProjectInvalid, match="no_such_model"):
            executor.execute(ask(write(models__fct_users_sql="select * from {{ ref('no_such_model') }}")), ignore)

    def test_a_missing_model_is_refused_with_the_nearest_name(self, executor: DbtExecutor, write: Writer, ask) -> None:
        with pytest.raises(UnknownName, match="did you mean 'fct_users'"):
            executor.execute(ask(write(), models=("fct_user",)), ignore)

    @pytest.mark.parametrize("escape", ["{{ config(schema='public') }}", "{{ config(database='elsewhere') }}"])
    def test_a_model_outside_the_workshop_is_refused_and_nothing_runs(
        self, executor: DbtExecutor, write: Writer, ask, escape: str
    ) -> None:
        heard: list[str] = []

        with pytest.raises(WorkshopEscaped, match=r"model\.small\.fct_users"):
            executor.execute(ask(write(models__fct_users_sql=escape + MODEL)), heard.append)

        assert heard == []

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

    def test_an_invocation_past_its_time_is_stopped(self, executor: DbtExecutor, write: Writer, ask, slow: str) -> None:
        project = write(
            models__fct_users_sql="{{ config(materialized='table') }} select " + slow + " as user_id",
            models__quick_sql=MODEL,
        )
        executor.execute(ask(project, select=("quick",)), ignore)
        began = time.monotonic()

        with pytest.raises(DbtTimedOut):
            executor.execute(ask(project, timeout_seconds=5.0), ignore)

        assert time.monotonic() - began < 25

    def test_a_cancelled_invocation_ends_and_the_next_one_works(
        self, executor: DbtExecutor, write: Writer, ask, slow: str
    ) -> None:
        project = write(
            models__fct_users_sql="{{ config(materialized='table') }} select " + slow + " as user_id",
            models__quick_sql=MODEL,
        )
        executor.execute(ask(project, select=("quick",)), ignore)
        ended: list[LockgateError] = []

        def run() -> None:
            try:
                executor.execute(ask(project), ignore)
            except LockgateError as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            executor.cancel()
            thread.join(0.2)

        assert [type(error) for error in ended] == [DbtCancelled]
        assert executor.execute(ask(project, select=("quick",)), ignore).success

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
