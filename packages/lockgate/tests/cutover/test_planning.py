"""Plans: which frozen steps lead from where a route stands to where it is wanted, and which ways there are none."""

from __future__ import annotations

import pytest

from lockgate.core.cutover import StepKind
from lockgate.core.gate import Pair
from lockgate.core.route import Route, Stage
from lockgate.cutover import Moving, planned, retired, rolled_back, step_told
from lockgate.errors import CutoverInvalid

PAIR = Pair("users", "rules", "dbt", "r1", "d1")


def moving(stage: Stage, share: int = 0, *, entity="users", gates=None, unsound="", candidate="dbt") -> Moving:
    route = Route(entity, "rules", candidate, stage, share, 7)
    return Moving(route, PAIR, {"parity": 3} if gates is None else gates, unsound)


def told(steps) -> list[str]:
    return [step_told(step) for step in steps]


def tokens(steps) -> list[int]:
    return [route.token for step in steps for route in step.routes]


def test_from_off_to_a_canary_goes_through_the_shadow_and_as_many_cycles_as_its_gate_wants() -> None:
    steps = planned([moving(Stage.OFF)], Stage.CANARY, 500)

    assert [step.kind.value for step in steps] == ["route", "cycle", "cycle", "cycle", "gate", "route"]
    assert told(steps)[0] == ("users shadow: dbt is built and compared beside rules, which answers for everything")
    assert told(steps)[-1] == "users canary: dbt answers for 5 % of the keys (buckets below 500)"
    assert tokens(steps) == [7, 8]


def test_from_shadow_to_promoted_asks_the_gates_alone() -> None:
    steps = planned([moving(Stage.SHADOW)], Stage.PROMOTED, 500)

    assert [step.kind.value for step in steps] == ["gate", "route"]
    assert steps[-1].routes == (Route("users", "rules", "dbt", Stage.PROMOTED, 10_000, 7),)


def test_the_shadow_needs_no_gate() -> None:
    steps = planned([moving(Stage.OFF)], Stage.SHADOW, 500)

    assert [step.kind for step in steps] == [StepKind.ROUTE, StepKind.CYCLE]


def test_a_smaller_share_needs_no_gate() -> None:
    assert [step.kind for step in planned([moving(Stage.CANARY, 2500)], Stage.CANARY, 500)] == [StepKind.ROUTE]
    assert len(planned([moving(Stage.CANARY, 500)], Stage.CANARY, 2500)) == 2


def test_a_group_moves_in_one_step_and_passes_the_gates_of_all() -> None:
    both = [moving(Stage.SHADOW, gates={"a": 1}), moving(Stage.SHADOW, entity="orders", gates={"b": 2, "a": 1})]

    steps = planned(both, Stage.CANARY, 500)

    assert [step.gate for step in steps] == ["a", "b", ""]
    assert [route.entity for route in steps[-1].routes] == ["users", "orders"]


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_a_group_of_which_one_is_read_and_another_is_off_is_rolled_back_first(stage) -> None:
    torn = [moving(Stage.CANARY, 500), moving(Stage.OFF, entity="orders")]

    with pytest.raises(CutoverInvalid, match="users is canary at 5 %, orders is off") as caught:
        planned(torn, stage, 2500)

    assert caught.value.remedy == "Roll back first: lockgate cutover rollback users"


def test_a_group_that_nobody_reads_goes_through_the_shadow_together() -> None:
    steps = planned([moving(Stage.SHADOW), moving(Stage.OFF, entity="orders")], Stage.CANARY, 500)

    assert [(route.stage, route.share) for route in steps[0].routes] == [(Stage.SHADOW, 0)] * 2


def test_going_to_the_shadow_takes_nothing_from_what_the_dbt_switch_has_answer() -> None:
    steps = planned([moving(Stage.OFF, 10_000)], Stage.SHADOW, 500)

    assert steps[0].routes == (Route("users", "rules", "dbt", Stage.SHADOW, 10_000, 7),)


@pytest.mark.parametrize(
    ("one", "stage", "message"),
    [
        (moving(Stage.PROMOTED, 10_000), Stage.CANARY, "users is promoted already, and canary lies behind it"),
        (moving(Stage.CANARY, 500), Stage.SHADOW, "users is canary already, and shadow lies behind it"),
        (moving(Stage.CANARY, 500), Stage.CANARY, "users is canary at 5 % already"),
        (moving(Stage.SHADOW), Stage.SHADOW, "users is shadow already"),
        (
            moving(Stage.SHADOW, unsound="price is numeric(12,2), and only integer columns have buckets"),
            Stage.CANARY,
            "users cannot be a canary: price is numeric(12,2), and only integer columns have buckets",
        ),
    ],
)
def test_ways_that_there_are_not(one, stage, message) -> None:
    with pytest.raises(CutoverInvalid) as caught:
        planned([one], stage, 500)

    assert caught.value.message == message


def test_keys_without_buckets_may_still_be_promoted() -> None:
    steps = planned([moving(Stage.SHADOW, unsound="price is a double")], Stage.PROMOTED, 500)

    assert [step.kind for step in steps] == [StepKind.GATE, StepKind.ROUTE]


def test_rolling_back_leaves_the_candidate_in_the_shadow() -> None:
    back = rolled_back(Route("users", "rules", "dbt", Stage.PROMOTED, 10_000, 9))

    assert back == Route("users", "rules", "dbt", Stage.SHADOW, 0, 9)
    with pytest.raises(CutoverInvalid, match="users is shadow: there is nothing to roll back"):
        rolled_back(back)


@pytest.mark.parametrize(
    ("stage", "share", "after"),
    [
        (Stage.SHADOW, 10_000, Stage.SHADOW),
        (Stage.OFF, 10_000, Stage.OFF),
        (Stage.PROMOTED, 0, Stage.SHADOW),
        (Stage.CANARY, 0, Stage.SHADOW),
    ],
)
def test_what_the_dbt_switch_has_moved_is_rolled_back_too(stage, share, after) -> None:
    back = rolled_back(Route("users", "rules", "dbt", stage, share, 9))

    assert back == Route("users", "rules", "dbt", after, 0, 9)


def test_retiring_makes_the_candidate_the_incumbent() -> None:
    route = Route("users", "rules", "dbt", Stage.PROMOTED, 10_000, 9)

    assert retired(route) == Route("users", "dbt", None, Stage.RETIRED, 0, 9)
    with pytest.raises(CutoverInvalid, match="users is canary at 5 %: nothing is promoted"):
        retired(Route("users", "rules", "dbt", Stage.CANARY, 500, 9))
