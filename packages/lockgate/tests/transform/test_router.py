"""Which implementation answers: every stage of a route, the switch on and off, and what a request may name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockgate.core.entity import Engine, Entity, Implementation, RouteDeclaration
from lockgate.core.job import Choice, RoutedBy, Switch
from lockgate.core.relation import Column, Contract
from lockgate.core.route import Route, Stage
from lockgate.core.types import ColumnType
from lockgate.errors import EngineOff, UnknownName
from lockgate.transform.router import DbtSwitches, TransformationModeRouter, aligned, answering, warning_of

RULES = Implementation("rules", Engine.RULES, Path("/p/rules/users.yml"))
DBT = Implementation("dbt", Engine.DBT, Path("/p/dbt"), model="fct_users")
DBT_NEXT = Implementation("next", Engine.DBT, Path("/p/next"), model="fct_users")


def entity(*implementations):
    return Entity(
        "users",
        Contract((Column("id", ColumnType.parse("bigint")),), ("id",)),
        "main",
        "analytics",
        {each.name: each for each in implementations or (RULES, DBT)},
        RouteDeclaration("rules", "dbt"),
    )


def router(route, switches=DbtSwitches()):  # noqa: B008
    return TransformationModeRouter(lambda: switches, lambda _entity: route)


def on(stage, incumbent="rules", candidate="dbt", share=0):
    return Route("users", incumbent, candidate, stage, share, token=1)


def off(entity_name=None, *, enabled=False):
    return Switch(entity_name, enabled, datetime(2026, 1, 1, tzinfo=UTC), "ada")


@pytest.mark.parametrize(
    ("stage", "answers", "fallback"),
    [
        (Stage.OFF, "rules", None),
        (Stage.SHADOW, "rules", None),
        (Stage.CANARY, "rules", None),
        (Stage.PROMOTED, "dbt", "rules"),
        (Stage.RETIRED, "rules", None),
    ],
)
def test_the_candidate_answers_once_it_is_promoted_with_the_incumbent_behind_it(stage, answers, fallback):
    assert router(on(stage)).choose(entity()) == Choice("users", answers, RoutedBy.ROUTE, fallback)


@pytest.mark.parametrize(
    ("stage", "built"),
    [
        (Stage.OFF, ("rules",)),
        (Stage.SHADOW, ("rules", "dbt")),
        (Stage.CANARY, ("rules", "dbt")),
        (Stage.PROMOTED, ("rules", "dbt")),
        (Stage.RETIRED, ("rules",)),
    ],
)
def test_a_cycle_builds_both_sides_while_the_candidate_is_under_way(stage, built):
    assert router(on(stage)).builds(entity()) == built


def test_switched_off_dbt_is_answered_for_by_rules_with_nobody_behind_them():
    for switches in (DbtSwitches(stored=(off(),)), DbtSwitches(stored=(off("users"),)), DbtSwitches({None: False})):
        chosen = router(on(Stage.PROMOTED), switches).choose(entity())

        assert chosen == Choice("users", "rules", RoutedBy.SWITCH)


def test_switched_off_dbt_is_not_built():
    switches = DbtSwitches(stored=(off(),))

    assert router(on(Stage.PROMOTED), switches).builds(entity()) == ("rules",)
    assert router(on(Stage.OFF, incumbent="dbt", candidate=None), switches).builds(entity()) == ("rules",)


def test_what_was_switched_goes_before_what_the_file_says():
    declared = DbtSwitches({None: False, "users": False}, (off(None, enabled=True), off("users", enabled=True)))

    assert declared.is_enabled("users")


def test_one_entity_can_be_off_alone_and_none_is_on_while_all_are_off():
    alone = DbtSwitches(stored=(off("users"),))
    everything = DbtSwitches(stored=(off(), off("users", enabled=True)))

    assert (alone.is_enabled("users"), alone.is_enabled("applications")) == (False, True)
    assert (everything.is_enabled("users"), everything.is_enabled("applications")) == (False, False)


def test_dbt_does_not_stand_behind_anybody_while_it_is_off():
    route = on(Stage.PROMOTED, incumbent="dbt", candidate="rules")

    assert router(route).choose(entity()).fallback == "dbt"
    assert router(route, DbtSwitches(stored=(off(),))).choose(entity()) == Choice("users", "rules", RoutedBy.ROUTE)


def test_without_rules_nobody_can_take_dbts_place():
    switched = router(on(Stage.OFF, incumbent="dbt", candidate="next"), DbtSwitches(stored=(off(),)))

    with pytest.raises(EngineOff, match="users, which has no rule set"):
        switched.choose(entity(DBT, DBT_NEXT))


def test_a_request_gets_the_implementation_that_it_names_and_no_other():
    assert router(on(Stage.OFF)).choose(entity(), "dbt") == Choice("users", "dbt", RoutedBy.REQUEST)
    with pytest.raises(UnknownName, match="users has no implementation 'spark'; it has rules, dbt"):
        router(on(Stage.OFF)).choose(entity(), "spark")


def test_a_request_cannot_name_what_is_switched_off():
    switched = router(on(Stage.OFF), DbtSwitches(stored=(off(),)))

    with pytest.raises(EngineOff, match="dbt is switched off for users"):
        switched.choose(entity(), "dbt")
    assert switched.choose(entity(), "rules") == Choice("users", "rules", RoutedBy.REQUEST)


def test_a_view_follows_the_choice_and_keeps_its_stage():
    promoted = on(Stage.PROMOTED, share=10_000)
    by_rules, by_dbt = Choice("users", "rules", RoutedBy.SWITCH), Choice("users", "dbt", RoutedBy.ROUTE, "rules")

    assert aligned(promoted, by_rules) == on(Stage.PROMOTED, share=0)
    assert aligned(on(Stage.PROMOTED, share=0), by_dbt) == promoted


def test_a_canary_is_taken_out_by_the_switch_and_left_alone_otherwise():
    canary = on(Stage.CANARY, share=500)

    assert aligned(canary, Choice("users", "rules", RoutedBy.ROUTE)) == canary
    assert aligned(canary, Choice("users", "rules", RoutedBy.SWITCH)).share == 0


def test_a_choice_beside_the_route_leaves_the_view_alone():
    retired = on(Stage.RETIRED, incumbent="dbt", candidate=None)

    assert aligned(retired, Choice("users", "rules", RoutedBy.SWITCH)) == retired


def test_without_a_candidate_the_incumbent_answers_at_every_stage():
    assert {answering(on(stage, candidate=None)) for stage in Stage} == {"rules"}


@pytest.mark.parametrize(
    ("stage", "incumbent", "candidate", "warns"),
    [
        (Stage.PROMOTED, "rules", "dbt", False),
        (Stage.CANARY, "dbt", "rules", False),
        (Stage.RETIRED, "dbt", None, True),
        (Stage.SHADOW, "dbt", "next", True),
    ],
)
def test_a_choice_that_the_served_view_cannot_show_is_warned_of(stage, incumbent, candidate, warns):
    route = on(stage, incumbent, candidate)
    switched_off = DbtSwitches(stored=(off(),))

    choice = router(route, switched_off).choose(entity(RULES, DBT, DBT_NEXT))

    assert choice.implementation == "rules"
    assert warning_of(route, choice) == (
        "rules answers requests for users, and the served view goes on showing the last edition of dbt: the route "
        "names rules no more. Enable dbt again, or route users to rules."
        if warns
        else ""
    )
