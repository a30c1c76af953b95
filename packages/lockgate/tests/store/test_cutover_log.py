"""Decisions as they are counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lockgate.core.cutover import Action, Decision, Plan
from lockgate.core.gate import Answer
from lockgate.core.route import Route, Stage
from lockgate.errors import UnknownName

NOW = datetime(2026, 1, 31, 5, tzinfo=UTC)


def decision(entity: str, action: Action, token: int) -> Decision:
    before = Route(entity, "old", "new", Stage.CANARY, 500, token - 1)
    after = Route(entity, "old", "new", Stage.SHADOW, 0, token)
    return Decision(0, entity, action, Answer.NO_GO, before, after, "controller", "wrong", NOW)


def test_rollbacks_are_counted_by_entity_each_once(store):
    made = (
        decision("users", Action.ROLL_BACK, 3),
        decision("users", Action.ROLL_BACK, 3),
        decision("users", Action.ROLL_BACK, 5),
        decision("users", Action.STOP, 6),
        decision("orders", Action.ROLL_BACK, 2),
        decision("plain", Action.PROMOTE, 2),
    )
    for one in made:
        store.cutovers.add_decision(one)

    assert store.cutovers.rollbacks() == {"users": 2, "orders": 1}


def test_decisions_are_listed_from_the_newest_on_behind_one_and_looked_up_by_number(store):
    one, two, three = (
        store.cutovers.add_decision(decision(entity, Action.STOP, token))
        for entity, token in (("users", 3), ("orders", 2), ("users", 4))
    )

    assert store.cutovers.decisions() == (three, two, one)
    assert store.cutovers.decisions(before=three.decision_id, limit=1) == (two,)
    assert store.cutovers.decisions("users", before=three.decision_id) == (one,)
    assert store.cutovers.decision(two.decision_id) == two
    with pytest.raises(UnknownName, match="there is no decision 99"):
        store.cutovers.decision(99)


def test_the_newest_plans_of_an_entity_are_found_behind_however_many_others(store):
    def plan(*entities: str) -> Plan:
        return Plan("", entities, (), (), (), NOW, "anna")

    mine = [store.cutovers.add_plan(plan("orders", 'łódź "1"_%')) for _ in range(2)]
    for _ in range(110):
        store.cutovers.add_plan(plan("users"))
    store.cutovers.add_plan(plan('łódź "1"_%%'))

    assert store.cutovers.plans_of('łódź "1"_%', limit=3) == (mine[1], mine[0])
    assert store.cutovers.plans_of("orders", limit=1) == (mine[1],)
    assert store.cutovers.plans_of("anna", limit=3) == ()
