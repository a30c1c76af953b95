"""What a glance at an entity tells: how old its data is, and what somebody should look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockgate.app.entity_states import Stood, state_of
from lockgate.app.glance import Known, alarms_of, glance_of, held_of
from lockgate.core.cutover import Action, Decision
from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.gate import Answer, ConditionAnswer, GateAnswer, GateDeclaration
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Arm, Edition, Route, Stage
from lockgate.core.types import ColumnType
from lockgate.transform.router import DbtSwitches

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
RAW = Relation("raw", "users")
ENTITY = Entity(
    name="users",
    contract=Contract((Column("id", ColumnType.parse("bigint")),), ("id",)),
    target="main",
    schema="analytics",
    implementations={
        "rules": Implementation("rules", Engine.RULES, Path("rules.yml")),
        "dbt": Implementation("dbt", Engine.DBT, Path("dbt"), model="users"),
    },
    route=RouteDeclaration("rules", "dbt", gates=("parity",)),
)
ROUTE = Route("users", "rules", "dbt", Stage.PROMOTED, 10_000, 5)
EDITIONS = (
    Edition("users", 1, "rules", 9, NOON - timedelta(hours=5), (Pin(RAW, 1, 6),)),
    Edition("users", 2, "dbt", 9, NOON - timedelta(hours=4), (Pin(RAW, 1, 6),)),
)
STOOD = Stood(ENTITY, ROUTE, EDITIONS, {1: Arm.INCUMBENT, 2: Arm.CANDIDATE})
ON = DbtSwitches()


def decision(action: Action, token: int) -> Decision:
    after = replace(ROUTE, stage=Stage.SHADOW, share=0, token=token)
    return Decision(4, "users", action, action.answer, ROUTE, after, "controller", "8 rows differ", NOON)


def gate(answer: Answer) -> GateAnswer:
    return GateAnswer("parity", "users", (ConditionAnswer("row_budget", answer, "so it is"),))


def known(**more) -> Known:
    nothing = {"comparisons": {}, "decisions": {}, "gates": {}, "failed": {}, "loaded_at": {}, "now": NOON}
    return Known(**(nothing | more))


def told(stood=STOOD, switches=ON, gates=(), decided=None) -> list[str]:
    return alarms_of(stood, state_of(stood, switches), gates, decided)


def test_nothing_is_told_where_all_is_well():
    assert told(gates=(gate(Answer.GO),), decided=decision(Action.PROMOTE, 5)) == []


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.ROLL_BACK, "rolled back by controller: 8 rows differ"),
        (Action.STOP, "stopped by controller: 8 rows differ"),
    ],
)
def test_a_candidate_that_was_taken_back_is_told_until_the_route_moves_again(action, said):
    back = replace(STOOD, route=replace(ROUTE, stage=Stage.SHADOW, share=0, token=6))

    assert told(back, decided=decision(action, 6)) == [said]
    assert told(replace(back, route=replace(back.route, token=7)), decided=decision(action, 6)) == []


def test_a_gate_that_says_no_is_told_where_consumers_read_the_candidate():
    shadow = replace(STOOD, route=replace(ROUTE, stage=Stage.SHADOW, share=0))

    assert told(gates=(gate(Answer.NO_GO),)) == ["gate parity: no-go"]
    assert told(gates=(gate(Answer.NOT_ENOUGH),)) == []
    assert told(shadow, gates=(gate(Answer.NO_GO),)) == []


def test_editions_that_are_held_back_are_told_where_consumers_wait_for_them():
    held = replace(STOOD, editions=(*EDITIONS, replace(EDITIONS[1], number=3, is_held=True)))
    shadow = replace(held, route=replace(ROUTE, stage=Stage.SHADOW, share=0))

    assert [edition.number for edition in held_of(held)] == [3]
    assert told(held) == ["held back from consumers: edition 3"]
    assert told(shadow) == []


def test_nobody_answering_is_told():
    alone = replace(ENTITY, implementations={"dbt": ENTITY.implementations["dbt"]})
    stood = Stood(alone, Route("users", "dbt", None, Stage.OFF, 0, 1), (), {})

    assert told(stood, DbtSwitches({None: False})) == ["nobody answers: dbt is switched off, and there is no rule set"]


def test_a_candidate_that_left_the_project_is_told():
    gone = replace(STOOD, entity=replace(ENTITY, implementations={"rules": ENTITY.implementations["rules"]}))

    assert "its candidate dbt was taken out of the project" in told(gone)


def test_data_is_as_old_as_its_oldest_input_and_else_as_its_edition(wiring):
    state = state_of(STOOD, ON)
    loaded = known(loaded_at={6: NOON - timedelta(minutes=20)})

    assert glance_of(wiring_with(wiring), STOOD, state, loaded).age == timedelta(minutes=20)
    assert glance_of(wiring_with(wiring), STOOD, state, known()).age == timedelta(hours=4)
    assert glance_of(wiring_with(wiring), replace(STOOD, shown={}), state, known()).age is None


def wiring_with(wiring, **gates):
    """The wiring of a project that declares the gate."""
    wiring.project = replace(wiring.project, gates={"parity": GateDeclaration("parity", **gates)})
    return wiring


@pytest.mark.parametrize(("minutes", "is_stale"), [(20, False), (31, True)])
def test_data_is_stale_once_it_is_older_than_a_gate_allows(wiring, minutes, is_stale):
    loaded = known(loaded_at={6: NOON - timedelta(minutes=minutes)})

    found = glance_of(wiring_with(wiring, freshness=timedelta(minutes=30)), STOOD, state_of(STOOD, ON), loaded)

    assert (found.oldest, found.is_stale) == (timedelta(minutes=30), is_stale)
