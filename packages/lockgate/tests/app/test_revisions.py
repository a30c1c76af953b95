"""Implementations of a git revision: cut over from one to the next, and refused where the revision moves or is odd."""

from __future__ import annotations

import subprocess

import pytest

from lockgate.app import App
from lockgate.app.wiring import open_wiring
from lockgate.core.cutover import Action, StepStatus
from lockgate.core.route import Stage
from lockgate.core.run import RunRequest
from lockgate.errors import ProjectInvalid, UnknownName
from lockgate.flow import Unwatched

DECLARED = """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint}}
gates: {parity: {unexplained_differences: 0}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations:
      old: {dbt: dbt, model: people, revision: v1}
      new: {dbt: dbt, model: people, revision: next}
      rules: {rules: rules/people.yml, revision: v1}
    route: {incumbent: old, candidate: new, stage: shadow, gates: [parity]}
"""


def git(folder, *words: str) -> str:
    names = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *names, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def rewritten(project, query: str) -> None:
    model = project / "dbt/models/people.sql"
    model.write_text("{{ config(materialized='table') }}\n" + query, encoding="utf-8")


@pytest.fixture
def repository(project):
    """Revision v1 and the branch `next` give the same rows by other queries; the working tree is broken."""
    (project / "lockgate.yml").write_text(DECLARED, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    git(project, "tag", "v1")
    git(project, "checkout", "-qb", "next")
    rewritten(project, "select id as person_id, trim(name) as name from {{ source('raw', 'people') }}\n")
    git(project, "commit", "-qam", "two")
    git(project, "checkout", "-q", "main")
    rewritten(project, "select nothing from nowhere\n")
    (project / "rules/people.yml").write_text("entity: people\nfrom: raw.people\nrules: nonsense\n", encoding="utf-8")
    return project


def silent(*_) -> None:
    """Nobody listens."""


@pytest.mark.slow
def test_a_cutover_leads_from_one_revision_of_a_dbt_project_to_the_next(repository):
    with App.open(repository) as app:
        plan = app.cutovers.plan("people", Stage.PROMOTED, by="anna")
        ran = app.run(RunRequest(), Unwatched())
        done = app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")
        (status,) = app.cutovers.status()

    assert ran.errors == {}
    assert done.answer == "go"
    assert status.route.stage is Stage.PROMOTED
    commit = git(repository, "rev-parse", "next")
    assert plan.pairs[0].candidate_revision == f"{commit}:dbt"
    assert plan.pairs[0].incumbent_revision == f"{git(repository, 'rev-parse', 'v1')}:dbt"
    assert "select nothing" in (repository / "dbt/models/people.sql").read_text(encoding="utf-8")
    assert (repository / ".lockgate/revisions" / commit / "dbt/models/people.sql").is_file()


@pytest.mark.slow
def test_a_branch_that_moved_is_another_revision_and_refuses_plans_made_before(repository):
    with App.open(repository) as app:
        app.run(RunRequest(), Unwatched())
        plan = app.cutovers.plan("people", Stage.PROMOTED, by="anna")
    tree = git(repository, "rev-parse", "next^{tree}")
    git(repository, "update-ref", "refs/heads/next", git(repository, "commit-tree", tree, "-p", "next", "-m", "three"))

    with App.open(repository) as app:
        refused = app.cutovers.apply(plan.plan_id, silent, Unwatched(), by="anna")
        (status,) = app.cutovers.status()

    assert refused.outcomes[-1].status is StepStatus.OUTDATED
    assert status.route.stage is Stage.SHADOW


@pytest.mark.slow
def test_a_candidate_whose_branch_is_gone_is_rolled_back_and_the_incumbent_is_built_on(repository):
    with App.open(repository) as app:
        app.run(RunRequest(), Unwatched())
        app.cutovers.apply(
            app.cutovers.plan("people", Stage.CANARY, by="anna", share=5000).plan_id, silent, Unwatched(), by="anna"
        )
    git(repository, "branch", "-D", "next")

    with App.open(repository) as app:
        ran = app.run(RunRequest(full_refresh=True), Unwatched())
        (status,) = app.cutovers.status()

    assert {error.code for error in ran.errors.values()} == {"LG102"}
    assert [edition.implementation for edition in ran.editions] == ["old"]
    assert [decision.action for decision in ran.decisions] == [Action.ROLL_BACK]
    assert "new was not built: LG102 the repository has no revision 'next'" in ran.decisions[0].reason
    assert (status.route.stage, status.route.share) == (Stage.SHADOW, 0)


def test_a_command_keeps_the_commit_that_it_found_and_rules_are_of_their_revision_too(repository):
    wiring = open_wiring(repository, None)
    entity = wiring.project.entities["people"]
    before = wiring.revision(entity.implementations["new"])
    git(repository, "branch", "-f", "next", "v1")

    assert wiring.revision(entity.implementations["new"]) == before
    wiring.revisions.forget()
    assert wiring.revision(entity.implementations["new"]) == wiring.revision(entity.implementations["old"])
    assert wiring.rule_book.rule_set(entity.implementations["rules"]).entity == "people"
    wiring.close()


def test_what_is_not_there_is_told_with_its_line(repository):
    file = repository / "lockgate.yml"
    file.write_text(DECLARED.replace("revision: next", "revision: nxet"), encoding="utf-8")

    with App.open(repository) as app:
        (problem,) = [one for one in app.check(offline=True).problems if "nxet" in one.message]
        with pytest.raises(UnknownName, match="no revision 'nxet'"):
            app.cutovers.plan("people", Stage.PROMOTED, by="anna")

    assert (problem.file, problem.line) == ("lockgate.yml", 15)
    assert problem.message == "the repository has no revision 'nxet'"


@pytest.mark.parametrize("name", ["--upload-pack=evil", "-v", "a..b", "HEAD@{1}", "v1:dbt", "a b", "next^", "''"])
def test_a_name_that_git_could_take_for_something_else_is_refused(repository, name):
    file = repository / "lockgate.yml"
    quoted = name if name == "''" else f"'{name}'"
    file.write_text(DECLARED.replace("revision: next", f"revision: {quoted}"), encoding="utf-8")

    with pytest.raises(ProjectInvalid) as refused:
        open_wiring(repository, None)

    (problem,) = refused.value.problems
    assert problem.message.endswith("is not the name of a revision")
