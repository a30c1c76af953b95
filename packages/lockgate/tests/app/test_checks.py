"""`check` judges the dbt project that `run` runs: by each implementation's variables, in the mode that it names."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from lockgate.app import checks
from lockgate.app.revisions import Revisions
from lockgate.app.wiring import open_wiring
from lockgate.config import load_project
from lockgate.core.execution import ProjectInspection
from lockgate.errors import CapabilityMissing, Problem

PROJECT = """
project: people
entities:
  people:
    key: [id]
    contract: {id: bigint}
    implementations:
      old: {dbt: dbt, model: fct_people}
      new: {dbt: dbt, model: fct_new, vars: {new: true}}
    route: {incumbent: old, candidate: new}
  others:
    key: [id]
    contract: {id: bigint}
    implementations:
      new: {dbt: dbt, model: fct_others, vars: {new: true}}
    route: {incumbent: new}
"""


class Inspecting:
    """An executor whose project has models of its own where the variable `new` is set."""

    def __init__(self, warning: Problem) -> None:
        self.asked: list[tuple[Path, str, dict]] = []
        self._warning = warning

    def inspect(self, project: Path, kind: str, variables) -> ProjectInspection:
        self.asked.append((project, kind, dict(variables)))
        models = {"fct_people": ()} | ({"fct_new": (), "fct_others": ()} if variables.get("new") else {})
        return ProjectInspection(models, (), (), (self._warning,))


@pytest.fixture
def wiring(tmp_path):
    (tmp_path / "dbt").mkdir()
    (tmp_path / "dbt/dbt_project.yml").write_text("name: p\n", encoding="utf-8")
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    project = load_project(tmp_path)
    executor = Inspecting(Problem("old syntax", str(tmp_path / "dbt/models/a.yml"), 3))
    target = project.targets[project.default_target]
    return SimpleNamespace(
        project=project,
        executor_for=lambda mode: executor,
        executor=executor,
        target=target,
        revisions=Revisions(tmp_path, tmp_path / ".lockgate"),
    )


def test_a_model_that_a_variable_enables_is_there(wiring):
    assert checks.findings(wiring, offline=True).problems == ()


def test_a_project_is_read_once_for_the_same_variables(wiring, tmp_path):
    checks.findings(wiring, offline=True)

    assert wiring.executor.asked == [(tmp_path / "dbt", "duckdb", {}), (tmp_path / "dbt", "duckdb", {"new": True})]


def test_a_model_that_is_not_there_is_told_with_its_line(wiring, tmp_path):
    wrong = PROJECT.replace("model: fct_new", "model: fct_nev")
    (tmp_path / "lockgate.yml").write_text(wrong, encoding="utf-8")
    wiring.project = load_project(tmp_path)

    (problem,) = checks.findings(wiring, offline=True).problems

    assert (problem.line, problem.message) == (9, "the dbt project has no model 'fct_nev'")
    assert problem.remedy == "Did you mean 'fct_new'?"


def test_warnings_are_told_once_and_are_no_problems(wiring):
    found = checks.findings(wiring, offline=True)

    assert found.problems == ()
    assert found.warnings == (Problem("old syntax", "dbt/models/a.yml", 3),)


def test_a_mode_that_nothing_runs_is_a_problem_among_the_others(wiring):
    def refuse(mode):
        raise CapabilityMissing(f"nothing here runs dbt by the executor {str(mode)!r}")

    wiring.executor_for = refuse

    found = checks.findings(wiring, offline=True).problems

    assert [problem.line for problem in found] == [8, 9, 15]
    assert {problem.message for problem in found} == {"nothing here runs dbt by the executor 'local'"}


TELLING = """
project: shop
sources:
  files:
    kind: csv
    path: in
    streams: {people: {path: people.csv}, orders: {path: orders/*.csv}, all: {path: deep/**/*.csv}}
lineage: {events: {file: %s}}
"""


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("lockgate.yml", "lockgate.yml is the project file"),
        ("in/../lockgate.yml", "lockgate.yml is the project file"),
        (".lockgate/control.db", "control.db lies in the state folder"),
        ("elsewhere/control.db", "control.db lies in the state folder"),
        ("in/people.csv", "people.csv is a file of the stream files.people"),
        ("in/orders/new.csv", "new.csv is a file of the stream files.orders"),
        ("in/deep/new.csv", "new.csv is a file of the stream files.all"),
        ("in/deep/er/new.csv", "new.csv is a file of the stream files.all"),
    ],
)
def test_a_file_of_events_is_nothing_else(tmp_path, file, what):
    (tmp_path / "lockgate.yml").write_text(TELLING % file, encoding="utf-8")
    (tmp_path / "elsewhere").symlink_to(tmp_path / ".lockgate")

    with closing(open_wiring(tmp_path, None)) as wiring:
        (problem,) = checks.findings(wiring, offline=True).problems

    assert (problem.message, problem.file, problem.line) == (what, "lockgate.yml", 8)
    assert problem.remedy == "Name a file for events alone."


@pytest.mark.parametrize("file", ["events.ndjson", "in/people.csv.ndjson", "in/orders/of/new.csv", "in/deep.csv"])
def test_a_file_for_events_alone_is_fine(tmp_path, file):
    (tmp_path / "lockgate.yml").write_text(TELLING % file, encoding="utf-8")

    with closing(open_wiring(tmp_path, None)) as wiring:
        assert checks.findings(wiring, offline=True).problems == ()
