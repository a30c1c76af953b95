"""Applying a plan converges: wherever it died, whoever else applies it, whatever moved meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.core.cutover import Plan, StepStatus
from lockgate.core.gate import Answer, ConditionAnswer, GateAnswer, Pair
from lockgate.core.route import Route, Stage
from lockgate.cutover import Moving, applied, planned, rolled_back
from lockgate.errors import StaleToken

PAIR = Pair("users", "rules", "dbt", "r1", "d1")


class Died(Exception):
    """Stands for `kill -9`."""


class World:
    """Hands over a route, outcomes and decisions in memory; dies before or after an effect where it is told to."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.known: dict[int, object] = {}
        self.decided: list[int] = []
        self.cycles = 0
        self.answer = Answer.GO
        self.blocked = ""
        self.pair = PAIR
        self.effects = 0
        self.dies_at: int | None = None

    def _effect(self) -> None:
        self.effects += 1
        if self.effects == self.dies_at:
            raise Died

    def routes(self, entities):
        return (self.route,)

    def move(self, plan, step):
        if self.blocked:
            return self.blocked
        self._effect()
        routes = step.routes
        if routes[0].token != self.route.token:
            raise StaleToken("moved")
        self.route = replace(routes[0], token=routes[0].token + 1)
        self._effect()
        return ""

    def pairs(self, plan):
        return (self.pair,)

    def cycle(self, entities):
        self._effect()
        self.cycles += 1
        return "compared"

    def gates(self, gate, plan):
        return (GateAnswer(gate, "users", (ConditionAnswer("runs", self.answer, "because"),)),)

    def done(self, plan, position):
        found = self.known.get(position)
        return found if found is not None and found.status is StepStatus.DONE else None

    def ended(self, plan, outcome):
        self._effect()
        self.known[outcome.position] = outcome

    def moved(self, plan, step, gates):
        self._effect()
        self.decided.append(step.routes[0].token + 1)


def plan_to(stage: Stage, begun: Route) -> Plan:
    steps = planned([Moving(begun, PAIR, {"parity": 2})], stage, 500)
    return Plan("users-1", ("users",), (begun,), (PAIR,), steps, datetime(2026, 11, 21, tzinfo=UTC), "anna")


OFF = Route("users", "rules", None, Stage.OFF, 0, 4)
CANARY = Route("users", "rules", "dbt", Stage.CANARY, 500, 6)


def silent(position, step) -> None:
    """Nobody listens."""


def test_a_plan_that_is_applied_whole() -> None:
    world = World(OFF)

    result = applied(plan_to(Stage.CANARY, OFF), world, silent)

    assert result.answer is Answer.GO
    assert world.route == CANARY
    assert (world.cycles, world.decided) == (2, [5, 6])


@pytest.mark.parametrize("effect", range(1, 14))
def test_wherever_it_died_applying_it_again_ends_where_it_would_have(effect) -> None:
    world, plan = World(OFF), plan_to(Stage.CANARY, OFF)
    world.dies_at = effect
    try:
        applied(plan, world, silent)
        died = False
    except Died:
        died = True
    world.dies_at = None

    again = applied(plan, world, silent)

    assert died == (effect <= 13)
    assert again.answer is Answer.GO
    assert world.route == CANARY
    assert set(world.decided) == {5, 6}
    assert world.cycles in {2, 3}  # the one whose end was not written down is done again


def test_a_gate_that_says_no_moves_nothing_and_is_asked_again() -> None:
    world, plan = World(OFF), plan_to(Stage.CANARY, OFF)
    world.answer = Answer.NOT_ENOUGH

    refused = applied(plan, world, silent)

    assert refused.answer is Answer.NOT_ENOUGH
    assert [one.status for one in refused.outcomes][-1] is StepStatus.REFUSED
    assert world.route.stage is Stage.SHADOW
    world.answer = Answer.GO
    assert applied(plan, world, silent).answer is Answer.GO
    assert (world.route, world.cycles) == (CANARY, 2)


def test_files_that_changed_since_are_not_what_was_approved() -> None:
    world, plan = World(OFF), plan_to(Stage.SHADOW, OFF)
    world.pair = replace(PAIR, candidate_revision="d2")

    refused = applied(plan, world, silent)

    assert refused.outcomes[0].sentence == "the files of users have changed since the plan was made; make a new one"
    assert world.route == OFF


def test_a_route_that_somebody_else_moved_is_left_to_them() -> None:
    plan = plan_to(Stage.CANARY, OFF)
    world = World(OFF)
    applied(plan, world, silent)
    world.route = replace(rolled_back(world.route), token=7)

    with pytest.raises(StaleToken, match="somebody else moved the route of users since users-1 was made"):
        applied(plan, world, silent)
    assert world.route.stage is Stage.SHADOW


def test_a_late_controller_is_refused() -> None:
    plan = plan_to(Stage.SHADOW, OFF)
    world = World(replace(OFF, token=5))

    with pytest.raises(StaleToken):
        applied(plan, world, silent)
    assert world.route == replace(OFF, token=5)
