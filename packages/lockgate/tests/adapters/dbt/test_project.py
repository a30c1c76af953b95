"""What a dbt project says of itself: models, sources, errors and warnings with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.adapters.dbt.project import problem_of
from lockgate.adapters.registry import EXTRAS
from lockgate.errors import CapabilityMissing, DbtFailed, ExtraMissing
from lockgate.testing.executors import MODEL, PROJECT, SOURCES


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "models/sources.yml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "models/fct_users.sql").write_text(MODEL, encoding="utf-8")
    described = "models: [{name: fct_users, columns: [{name: user_id}, {name: email}]}]"
    (tmp_path / "models/fct_users.yml").write_text(described, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_a_warning_is_told_with_its_file_each_time(executor, project):
    (project / "models/other.yml").write_text("models: [{name: nowhere}]", encoding="utf-8")

    for _ in range(2):
        (warning,) = executor.inspect(project, "duckdb", {}).warnings
        assert (warning.file, "nowhere" in warning.message) == (str(project / "models/other.yml"), True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("models/bad.sql", "select 1\nfrom {{ ref('nowhere') }}", "nowhere"),
        ("models/bad.sql", "select 1\n{% if %}", "Expected an expression"),
        ("models/bad.yml", "models: [\n", "bad.yml"),
    ],
)
def test_what_dbt_cannot_read_is_an_error_with_its_file(executor, project, file, text, said):
    (project / file).write_text(text, encoding="utf-8")

    inspection = executor.inspect(project, "duckdb", {})

    (error,) = inspection.errors
    assert said in error.message
    assert error.file == str(project / file)
    assert inspection.models == {}


@pytest.mark.slow
def test_a_model_for_another_schema_is_an_error_before_anything_runs(executor, project):
    (project / "models/fct_users.sql").write_text("{{ config(schema='mart') }}" + MODEL, encoding="utf-8")

    (error,) = executor.inspect(project, "duckdb", {}).errors

    assert "model.small.fct_users (check.check_mart)" in error.message


@pytest.mark.slow
def test_the_macro_that_the_reference_shows_keeps_custom_schemas_working(executor, project):
    page = Path(__file__).parents[5] / "docs/reference/dbt.md"
    macro = page.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    (project / "macros").mkdir()
    (project / "macros/generate_schema_name.sql").write_text(macro, encoding="utf-8")
    (project / "models/fct_users.sql").write_text("{{ config(schema='mart') }}" + MODEL, encoding="utf-8")

    assert executor.inspect(project, "duckdb", {}).errors == ()


@pytest.mark.slow
def test_what_is_not_installed_is_told_with_the_extra_that_brings_it(executor, project, monkeypatch):
    monkeypatch.setitem(EXTRAS, "dbt", ("dbt.cli", "no_such_package.dbt"))

    with pytest.raises(ExtraMissing, match="an implementation by dbt needs the extra 'dbt'") as caught:
        executor.inspect(project, "duckdb", {})

    assert caught.value.remedy == "pip install 'lockgate[dbt]'"


@pytest.mark.slow
def test_variables_too_long_for_a_message_are_refused(executor, project):
    with pytest.raises(DbtFailed, match="variables are too long for one invocation"):
        executor.inspect(project, "duckdb", {"names": "x" * (200 << 10)})


def test_a_kind_without_an_adapter_is_refused(executor, project):
    with pytest.raises(CapabilityMissing, match="'bigquery'"):
        executor.inspect(project, "bigquery", {})


@pytest.mark.parametrize(
    ("text", "file", "line"),
    [
        ("Compilation Error in model a (models/a.sql)\n  bad\n    line 7\n      x", "models/a.sql", 7),
        ("Compilation Error in model a (models/gone.sql)", "dbt_project.yml", 1),
        ("something went wrong", "dbt_project.yml", 1),
    ],
)
def test_a_message_is_placed_where_it_says(tmp_path, text, file, line):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.sql").touch()

    problem = problem_of(text, tmp_path)

    assert (problem.file, problem.line) == (str(tmp_path / file), line)
    assert "\n" not in problem.message
