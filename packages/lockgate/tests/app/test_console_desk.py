"""What pages about entities ask for and decide, over a real project; looking costs the same however much there is."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event

from lockgate.app import App
from lockgate.app.console_desk import ConsoleDesk
from lockgate.app.plan_view import PlanStatus
from lockgate.core.comparison import Verdict
from lockgate.core.cutover import Action, StepStatus
from lockgate.core.gate import Answer
from lockgate.core.record import RecordStatus
from lockgate.core.route import Arm, Stage
from lockgate.core.run import RunRequest
from lockgate.errors import CutoverInvalid, UnknownName
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

PATIENCE = 60


def ran(project):
    with App.open(project.folder) as app:
        return app.run(RunRequest(), Unwatched())


class Told:
    """Counts how often notices were to be sent."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def desk(opened, told):
    """Opens the desk of a project."""
    begun = []

    def desk(project) -> ConsoleDesk:
        begun.append(ConsoleDesk(opened(project), told))
        return begun[-1]

    yield desk
    for one in begun:
        one.close(patience_seconds=PATIENCE)


@contextmanager
def statements(desk: ConsoleDesk):
    """Counts what is asked of the control plane, and of the target."""
    wiring, counted = desk._wiring, []
    engine = wiring.store.database._engine
    warehouse = wiring.warehouse

    class Counting:
        def __getattr__(self, name: str) -> object:
            counted.append(f"target.{name}")
            return getattr(warehouse, name)

    def count(_connection, _cursor, statement, *_) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            counted.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    wiring.warehouse = Counting()
    try:
        yield counted
    finally:
        wiring.warehouse = warehouse
        event.remove(engine, "before_cursor_execute", count)


def applied(desk: ConsoleDesk, plan_id: str, by: str = "anna") -> list:
    """What came of applying a plan beside us."""
    ended = []
    assert desk.apply(plan_id, by=by, reason="it is time", ended=ended.append)
    assert desk._runs.known(plan_id).is_over.wait(PATIENCE)
    return ended


def test_shows_a_project_of_which_nothing_was_built(cutover_project, desk):
    found = desk(cutover_project()).overview()

    (one,) = found.entities
    assert (one.state.name, one.route.stage, one.read, one.age, one.comparison) == (
        "people",
        Stage.SHADOW,
        None,
        None,
        None,
    )
    assert [(gate.gate, gate.answer) for gate in one.gates] == [("parity", Answer.NOT_ENOUGH)]
    assert (one.alarms, one.failed_jobs) == ((), 0)
    assert (found.decisions, found.failed_loads, found.set_aside, found.is_dbt_enabled) == ((), (), 0, True)


def test_shows_where_an_entity_stands_and_what_its_cycles_came_to(cutover_project, desk):
    project = cutover_project()
    assert ran(project).errors == {}

    mine = desk(project)
    (glance,) = mine.overview().entities
    view = mine.entity("people")

    assert (glance.state.answers, glance.comparison.verdict, glance.comparison.unexplained) == ("one", Verdict.PASS, 0)
    assert [(gate.gate, gate.answer) for gate in glance.gates] == [("parity", Answer.GO)]
    assert timedelta(0) <= glance.age < timedelta(minutes=5)
    assert view.glance.comparison == glance.comparison
    assert [(one.edition.implementation, one.arm) for one in view.editions] == [
        ("two", Arm.CANDIDATE), ("one", Arm.INCUMBENT),
    ]  # fmt: skip
    assert {(one.implementation, one.rows, one.status) for one in view.executions} == {
        ("one", 300, RecordStatus.SUCCESS), ("two", 300, RecordStatus.SUCCESS),
    }  # fmt: skip
    assert [(side.implementation.name, side.place, side.arm) for side in view.sides] == [
        ("one", "rules/people_one.yml", Arm.INCUMBENT), ("two", "rules/people_two.yml", Arm.CANDIDATE),
    ]  # fmt: skip
    assert (view.goals, view.candidates) == ((Stage.CANARY, Stage.PROMOTED), ("two",))


def test_a_plan_is_applied_beside_whoever_asked_and_followed_to_its_end(cutover_project, desk):
    project = cutover_project()
    ran(project)
    mine = desk(project)
    plan = mine.plan("people", Stage.CANARY, by="anna", share=500, candidate=None)

    before = mine.planned(plan.plan_id)
    (outcome,) = applied(mine, plan.plan_id)
    after = mine.planned(plan.plan_id)

    assert (before.status, before.can_go_on, before.is_promotion) == (PlanStatus.MADE, True, False)
    assert [step.outcome for step in before.steps] == [None, None]
    assert outcome.answer is Answer.GO
    assert (after.status, after.can_go_on, after.failure) == (PlanStatus.DONE, False, None)
    assert [step.outcome.status for step in after.steps] == [StepStatus.DONE, StepStatus.DONE]
    (decision,) = mine.decisions("people", before=None, limit=9)
    assert (decision.action, decision.by, decision.reason) == (
        Action.CANARY, "anna", f"plan {plan.plan_id}: it is time",
    )  # fmt: skip
    assert mine.decision(decision.decision_id) == decision
    assert mine.entity("people").plans[0].status is PlanStatus.DONE


def test_a_plan_that_a_gate_refuses_can_be_gone_on_with_and_one_whose_route_moved_cannot(cutover_project, desk, told):
    project = cutover_project()
    project.make("two", wrong=True)
    ran(project)
    mine = desk(project)
    plan = mine.plan("people", Stage.PROMOTED, by="anna", share=None, candidate=None)

    (outcome,) = applied(mine, plan.plan_id)

    refused = mine.planned(plan.plan_id)
    assert outcome.answer is Answer.NO_GO
    assert (refused.status, refused.can_go_on, refused.is_promotion) == (PlanStatus.REFUSED, True, True)
    assert [gate.answer for gate in refused.steps[0].outcome.gates] == [Answer.NO_GO]

    with App.open(project.folder) as app:
        app.cutovers.roll_back("people", by="ben", reason="no", off=True)

    superseded = mine.planned(plan.plan_id)
    assert (superseded.status, superseded.can_go_on) == (PlanStatus.SUPERSEDED, False)
    assert mine.overview().entities[0].alarms == ("stopped by ben: no",)


def test_a_plan_whose_applier_died_can_be_gone_on_with(cutover_project, desk):
    project = cutover_project()
    ran(project)
    mine = desk(project)
    plan = mine.plan("people", Stage.CANARY, by="anna", share=None, candidate=None)
    slots = mine._wiring.store.workers

    lease = slots.hold(f"plan/{plan.plan_id}", "plan")
    elsewhere = mine.planned(plan.plan_id)
    joined = mine.apply(plan.plan_id, by="anna", reason="too", ended=lambda _: None)
    slots.release(lease)

    assert (elsewhere.status, [step.is_running for step in elsewhere.steps], joined) == (
        PlanStatus.RUNNING, [True, False], False,
    )  # fmt: skip
    assert mine.planned(plan.plan_id).can_go_on
    assert applied(mine, plan.plan_id)[0].answer is Answer.GO


def test_a_promoted_candidate_is_retired_and_told_of(cutover_project, desk, told):
    project = cutover_project()
    ran(project)
    mine = desk(project)
    with pytest.raises(CutoverInvalid, match="nothing is promoted"):
        mine.retire("people", by="anna", reason="done")
    plan = mine.plan("people", Stage.PROMOTED, by="anna", share=None, candidate=None)
    applied(mine, plan.plan_id)

    (decision,) = mine.retire("people", by="anna", reason="done")

    assert (decision.action, decision.after.incumbent, told.times) == (Action.RETIRE, "two", 2)
    assert mine.entity("people").goals == (Stage.SHADOW, Stage.CANARY, Stage.PROMOTED)


def test_a_gate_is_shown_with_the_evidence_it_saw_and_signed_by_who_may(cutover_project, desk):
    project = cutover_project()
    project.declare(gate="unexplained_differences: 0, sign_off: {roles: [owner]}")
    ran(project)
    mine = desk(project)

    unsigned = mine.gate("people", "parity")
    with pytest.raises(CutoverInvalid, match="ben does not sign parity as owner"):
        mine.sign("people", "parity", "owner", by="ben", reason="yes")
    mine.sign("people", "parity", "owner", by="anna", reason="yes")
    signed = mine.gate("people", "parity")

    assert (unsigned.answer.answer, unsigned.signed, unsigned.people) == (Answer.NOT_ENOUGH, (), {"owner": ("anna",)})
    assert (unsigned.roles_of("anna"), unsigned.roles_of("ben")) == (("owner",), ())
    assert [one.facts["verdict"] for one in unsigned.evidence.values()] == [Verdict.PASS]
    assert (signed.answer.answer, [one.by for one in signed.signed]) == (Answer.GO, ["anna"])
    (asked,) = mine.gates()
    assert asked.answers["people"] == signed.answer
    with pytest.raises(UnknownName, match="people goes through no gate 'other'; it has parity"):
        mine.gate("people", "other")


def test_what_is_not_there_is_said_so(cutover_project, desk):
    mine = desk(cutover_project())

    for ask in (
        lambda: mine.entity("nobody"),
        lambda: mine.planned("nobody-1"),
        lambda: mine.apply("nobody-1", by="anna", reason="why", ended=lambda _: None),
        lambda: mine.decision(7),
        lambda: mine.decisions("nobody", before=None, limit=5),
    ):
        with pytest.raises(UnknownName):
            ask()


def test_looking_costs_the_same_for_one_entity_and_for_many(tmp_path, cutover_project, desk):
    many = ("people", "places", "plants", "pets", "posts")
    counts = []
    for names in (("people",), many):
        project = cutover_project(names=names)
        ran(project)
        mine = desk(project)
        mine.overview()
        found = {}
        for what, look in (
            ("overview", mine.overview),
            ("gates", mine.gates),
            ("entity", lambda mine=mine: mine.entity("people")),
            ("gate", lambda mine=mine: mine.gate("people", "parity")),
            ("decisions", lambda mine=mine: mine.decisions(None, before=None, limit=50)),
        ):
            with statements(mine) as asked:
                look()
            found[what] = len(asked)
        counts.append(found)
        project.folder.rename(tmp_path / f"done-{len(names)}")

    assert counts[0] == counts[1]
    assert counts[0] == {"overview": 12, "gates": 3, "entity": 13, "gate": 4, "decisions": 1}


def test_looking_at_a_gate_stores_no_route(desk, cutover_project):
    mine = desk(cutover_project())

    assert mine.gate("people", "parity").route.token == 0
    assert mine._wiring.warehouse.route("people") is None
