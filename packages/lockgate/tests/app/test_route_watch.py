"""Cutovers over runs: groups that move together, routes that advance by themselves, and what is kept from consumers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lockgate.app import App
from lockgate.core.cutover import Action
from lockgate.core.gate import Answer
from lockgate.core.route import Stage
from lockgate.core.run import RunRequest
from lockgate.errors import CutoverInvalid, StaleToken
from lockgate.flow import Unwatched

BUILT_BY_DBT = pytest.mark.slow
RULES = "entity: {0}\nfrom: raw.people\nrules: [{{rename: {{id: person_id}}}}]\noutput: [person_id, name]\n"
WRONG = RULES.replace("}}}}]", '}}}}, {{derive: {{name: "case when person_id = 1 then upper(name) else name end"}}}}]')
ENTITY = """  {0}:
    key: [person_id]
    contract: {{person_id: bigint, name: text}}
    implementations: {{rules: {{rules: rules/{0}.yml}}, next: {{rules: rules/{0}_next.yml}}}}
    {1}
    route: {{incumbent: rules, candidate: next, gates: [parity], policy: {2}}}
"""
GATES = """gates:
  parity: {unexplained_differences: 0}
policies:
  careful: {shares: [10%]}
  alone: {advance: automatic, shares: [5%, 50%]}
  poor: {advance: automatic, budget: {bytes: 1B}}
"""


@pytest.fixture
def written(project):
    """Declares entities that are made by two rule sets: names with the policy of each, and the group, if any."""

    def written(*names: str, policy: str = "careful", group: str = "") -> Path:
        path = project / "lockgate.yml"
        head = path.read_text(encoding="utf-8").split("entities:")[0]
        grouped = f"{{group: {group}, bucket_by: person_id}}"[1:-1].replace(", ", "\n    ") if group else ""
        entities = "".join(ENTITY.format(name, grouped, policy) for name in names)
        path.write_text(f"{head}entities:\n{entities}{GATES}", encoding="utf-8")
        for name in names:
            for file in (name, f"{name}_next"):
                (project / "rules" / f"{file}.yml").write_text(RULES.format(name), encoding="utf-8")
        return project

    return written


def changed(project: Path, entity: str, text: str = WRONG) -> None:
    """Gives an entity's candidate other files."""
    (project / "rules" / f"{entity}_next.yml").write_text(text.format(entity), encoding="utf-8")


def ran(app: App, *, load: bool = True) -> list[tuple[str, Action]]:
    """Runs everything: what was decided."""
    result = app.run(RunRequest(load=load), Unwatched())
    return [(decision.entity, decision.action) for decision in result.decisions]


def moved(app: App, entity: str, stage: Stage) -> Answer:
    plan = app.cutovers.plan(entity, stage, by="ada")
    return app.cutovers.apply(plan.plan_id, lambda *_: None, Unwatched(), by="ada").answer


def stages(app: App) -> dict[str, tuple[Stage, int]]:
    return {one.entity: (one.route.stage, one.route.share) for one in app.cutovers.status()}


def consumed(project: Path, entity: str = "people") -> list[tuple[object, ...]]:
    """What a consumer reads."""
    with duckdb.connect(next(project.rglob("catalog.duckdb")), read_only=True) as connection:
        query = f"select person_id, name from analytics.{entity} order by 1"
        return connection.execute(query).fetchall()


def test_a_group_moves_together_and_is_rolled_back_together(written):
    project = written("people", "voters", group="all")
    with App.open(project) as app:
        ran(app)
        answer = moved(app, "people", Stage.CANARY)
        canary = stages(app)
        changed(project, "voters")

        decided = ran(app, load=False)

        assert answer is Answer.GO
        assert canary == {"people": (Stage.CANARY, 1000), "voters": (Stage.CANARY, 1000)}
        assert decided == [("people", Action.ROLL_BACK), ("voters", Action.ROLL_BACK)]
        assert stages(app) == {"people": (Stage.SHADOW, 0), "voters": (Stage.SHADOW, 0)}
        assert {one.entity for one in app.cutovers.decisions(limit=2)} == {"people", "voters"}


def test_people_roll_a_group_back_together(written):
    project = written("people", "voters", group="all")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.PROMOTED)

        done = app.cutovers.roll_back("voters", by="ada", reason="zurück")

        assert {one.decision.entity for one in done} == {"people", "voters"}
        assert set(stages(app).values()) == {(Stage.SHADOW, 0)}


def test_a_route_advances_by_itself_run_by_run(written):
    project = written("people", policy="alone")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.SHADOW)

        decided = [ran(app, load=False) for _ in range(4)]

        assert decided == [
            [("people", Action.CANARY)],
            [("people", Action.CANARY)],
            [("people", Action.PROMOTE)],
            [],
        ]
        assert [one.after.share for one in app.cutovers.decisions(limit=3)] == [10_000, 5_000, 500]


def test_what_was_rolled_back_does_not_advance_by_itself_before_its_files_change(written):
    project = written("people", policy="alone")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.SHADOW)
        ran(app, load=False)
        app.cutovers.roll_back("people", by="ada", reason="not today")

        assert [ran(app, load=False) for _ in range(2)] == [[], []]
        changed(project, "people", RULES + "# another revision\n")
        assert ran(app, load=False) == [("people", Action.CANARY)]


def test_a_shadow_over_its_budget_is_stopped(written):
    project = written("people", policy="poor")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.SHADOW)

        assert stages(app) == {"people": (Stage.OFF, 0)}
        assert app.cutovers.decisions(limit=1)[0].action is Action.STOP


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_consumers_never_see_what_a_bad_candidate_made(written, stage):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", stage)
        changed(project, "people")

        decided = ran(app, load=False)

        assert decided == [("people", Action.ROLL_BACK)]
        assert consumed(project) == [(1, "Ada"), (2, "Łukasz")]


def test_new_rows_are_shown_of_both_sides_at_once_when_they_agree(written):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.PROMOTED)
        (project / "people.csv").write_text("id,name\n1,Ada\n2,Łukasz\n3,Grüße\n", encoding="utf-8")

        assert ran(app) == []
        assert consumed(project) == [(1, "Ada"), (2, "Łukasz"), (3, "Grüße")]


def test_new_rows_reach_consumers_from_the_incumbent_where_the_candidate_is_bad(written):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.PROMOTED)
        changed(project, "people")
        (project / "people.csv").write_text("id,name\n1,Ada\n2,Łukasz\n3,Grüße\n", encoding="utf-8")

        ran(app)

        assert consumed(project) == [(1, "Ada"), (2, "Łukasz"), (3, "Grüße")]


def test_a_candidate_that_was_mended_goes_its_way_anew(written):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.PROMOTED)
        changed(project, "people")
        ran(app, load=False)
        refused = moved(app, "people", Stage.PROMOTED)
        changed(project, "people", RULES + "# mended\n")

        untried = moved(app, "people", Stage.PROMOTED)
        ran(app, load=False)

        assert (refused, untried) == (Answer.NO_GO, Answer.NOT_ENOUGH)
        assert moved(app, "people", Stage.PROMOTED) is Answer.GO


def test_two_plans_for_one_route_move_it_once(written):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        first, second = (app.cutovers.plan("people", Stage.CANARY, by="ada", share=share) for share in (1_000, 2_000))
        app.cutovers.apply(first.plan_id, lambda *_: None, Unwatched(), by="ada")

        with pytest.raises(StaleToken, match="somebody else moved the route of people"):
            app.cutovers.apply(second.plan_id, lambda *_: None, Unwatched(), by="eve")

        assert stages(app) == {"people": (Stage.CANARY, 1000)}


def test_two_equal_plans_are_one_move_and_one_decision(written):
    project = written("people")
    with App.open(project) as app:
        ran(app)
        plans = [app.cutovers.plan("people", Stage.CANARY, by="ada") for _ in range(2)]

        answers = [app.cutovers.apply(one.plan_id, lambda *_: None, Unwatched(), by="ada").answer for one in plans]

        assert answers == [Answer.GO, Answer.GO]
        assert [one.plan_id for one in app.cutovers.decisions()] == [plans[0].plan_id] * 2


def test_another_candidate_waits_until_the_one_that_answers_is_rolled_back(written):
    project = written("people")
    path = project / "lockgate.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("next.yml}}", "next.yml}, third: {rules: rules/people.yml}}"),
        encoding="utf-8",
    )
    with App.open(project) as app:
        ran(app)
        moved(app, "people", Stage.CANARY)

        with pytest.raises(CutoverInvalid, match="so third cannot become its candidate"):
            app.cutovers.plan("people", Stage.CANARY, by="ada", candidate="third")

        assert stages(app) == {"people": (Stage.CANARY, 1000)}


@BUILT_BY_DBT
def test_from_dbt_back_and_forth_consumers_read_the_same_rows(project):
    with App.open(project) as app:
        app.run(RunRequest(engines=("rules", "dbt")), Unwatched())
        promoted = consumed(project)
        (project / "dbt/models/people.sql").write_text(
            "{{ config(materialized='table') }}\n"
            "select id as person_id, upper(name) as name from {{ source('raw', 'people') }}\n",
            encoding="utf-8",
        )

        decided = ran(app, load=False)

        assert decided == [("people", Action.ROLL_BACK)]
        assert promoted == consumed(project) == [(1, "Ada"), (2, "Łukasz")]
