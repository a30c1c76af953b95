"""Decisions as they are counted."""

from __future__ import annotations

from datetime import UTC, datetime

from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Answer
from lockgate.core.route import Route, Stage

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
