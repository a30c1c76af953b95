"""What becomes of a route: alarms roll it back, budgets stop its shadow, gates and patience let it go on."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lockgate.core.cutover import Action
from lockgate.core.gate import Answer, ConditionAnswer, Evidence, EvidenceKind, GateAnswer, Pair, Traffic
from lockgate.core.policy import Budget, Guard, Policy
from lockgate.core.route import Route, Stage
from lockgate.cutover import Situation, judged

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAIR = Pair("users", "rules", "dbt", "r1", "d1")
DEFAULT = Policy()
SHARES = {Stage.SHADOW: 0, Stage.CANARY: 500, Stage.PROMOTED: 10_000}


def situation(stage: Stage, policy: Policy = DEFAULT, **more) -> Situation:
    route = Route("users", "rules", "dbt", stage, SHARES[stage], 4)
    usual = Situation(route, policy, (), NOW, NOW - timedelta(hours=1))
    return replace(usual, **more)


def gate(answer: Answer) -> GateAnswer:
    return GateAnswer("parity", "users", (ConditionAnswer("runs", answer, ""),))


def comparison(verdict: str, unexplained: int) -> Evidence:
    facts = {"verdict": verdict, "unexplained": unexplained, "comparison_id": 12}
    return Evidence(1, EvidenceKind.COMPARISON, PAIR, 4, NOW, "controller", facts)


def slower(times: float, count: int) -> Traffic:
    log = math.log(times)
    return Traffic(slower_count=count, slower_sum=count * log, slower_squares=count * log * log)


ALARMS = [
    ({"comparison": comparison("FAIL", 1)}, "1 row differs unexplained (comparison 12)"),
    ({"failed": "LG503 a model failed"}, "dbt was not built: LG503 a model failed"),
    ({"traffic": Traffic(records=100, wrong=4)}, "4 of 100 records were answered differently"),
    ({"traffic": Traffic(requests=50, errors=4)}, "dbt alone failed 4 of 50 requests"),
    ({"traffic": slower(1.5, 100)}, "dbt takes 1.50 times as long as rules, 1.25 allowed"),
    (
        {"policy": Policy(guard=Guard(silence=timedelta(minutes=30)))},
        "nothing was heard of dbt since 2026-11-21 11:00:00 UTC",
    ),
]


@pytest.mark.parametrize(("found", "reason"), ALARMS)
@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.PROMOTED])
def test_an_alarm_rolls_back_what_consumers_read(found, reason, stage) -> None:
    done = judged(situation(stage, **found))

    assert (done.action, done.reason) == (Action.ROLL_BACK, reason)


@pytest.mark.parametrize(("found", "reason"), ALARMS)
@pytest.mark.parametrize(("stage", "share"), [(Stage.SHADOW, 10_000), (Stage.PROMOTED, 0), (Stage.CANARY, 0)])
def test_an_alarm_rolls_back_what_the_dbt_switch_shows_or_would_show_again(found, reason, stage, share) -> None:
    route = Route("users", "rules", "dbt", stage, share, 4)

    done = judged(situation(stage, **found, route=route))

    assert (done.action, done.reason) == (Action.ROLL_BACK, reason)


def test_a_shadow_that_the_dbt_switch_has_answer_is_neither_stopped_nor_moved_on() -> None:
    route = Route("users", "rules", "dbt", Stage.SHADOW, 10_000, 4)
    policy = Policy(automatic=True, budget=Budget(bytes=1))

    done = judged(situation(Stage.SHADOW, policy, route=route, spent_bytes=2, gates=(gate(Answer.GO),)))

    assert (done.action, done.reason) == (Action.HOLD, "the dbt switch has it answer")


@pytest.mark.parametrize(("found", "reason"), ALARMS)
def test_nobody_reads_the_shadow(found, reason) -> None:
    assert judged(situation(Stage.SHADOW, **found)).action is Action.HOLD


@pytest.mark.parametrize(
    "found",
    [
        {"comparison": comparison("PASS", 0)},
        {"comparison": comparison("FAIL", 0)},  # every difference was agreed on
        {"comparison": comparison("INCONCLUSIVE", 0)},
        {"traffic": Traffic(records=2000, wrong=1, requests=2000, errors=3, shared_errors=400)},
        {"traffic": slower(1.2, 5000)},
        {"last_evidence_at": NOW - timedelta(minutes=29), "policy": Policy(guard=Guard(silence=timedelta(minutes=30)))},
    ],
)
def test_what_is_within_bounds_stays(found) -> None:
    assert judged(situation(Stage.PROMOTED, **found)).action is Action.HOLD


def test_a_shadow_that_costs_too_much_is_stopped() -> None:
    in_time = Policy(budget=Budget(time=timedelta(minutes=1)))
    in_bytes = Policy(budget=Budget(bytes=1000))

    assert judged(situation(Stage.SHADOW, in_time, spent_time=timedelta(seconds=60))).action is Action.HOLD
    stopped = judged(situation(Stage.SHADOW, in_time, spent_time=timedelta(seconds=61)))
    assert (stopped.action, stopped.reason) == (Action.STOP, "the shadow of dbt took 61 s, 60 s allowed")
    stopped = judged(situation(Stage.SHADOW, in_bytes, spent_bytes=1001))
    assert (stopped.action, stopped.reason) == (Action.STOP, "the shadow of dbt took 1,001 bytes, 1,000 allowed")
    assert judged(situation(Stage.CANARY, in_bytes, spent_bytes=1001)).action is Action.HOLD


AUTOMATIC = Policy(automatic=True, shares=(500, 2500), hold=timedelta(minutes=30))


@pytest.mark.parametrize(
    ("stage", "share", "action", "onto"),
    [
        (Stage.SHADOW, 0, Action.CANARY, 500),
        (Stage.CANARY, 500, Action.CANARY, 2500),
        (Stage.CANARY, 2500, Action.PROMOTE, 10_000),
        (Stage.PROMOTED, 10_000, Action.HOLD, 0),
    ],
)
def test_it_goes_on_share_by_share_once_its_gates_say_go(stage, share, action, onto) -> None:
    route = Route("users", "rules", "dbt", stage, share, 4)

    done = judged(situation(stage, AUTOMATIC, route=route, gates=(gate(Answer.GO),)))

    assert (done.action, done.share) == (action, onto)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"gates": (gate(Answer.NOT_ENOUGH),)}, "gate parity: not enough evidence"),
        ({"gates": (gate(Answer.GO), gate(Answer.NO_GO))}, "gate parity: no-go"),
        ({"moved_at": NOW - timedelta(minutes=10)}, "it stays where it is for another 1200 s"),
        ({"may_advance": False}, "it was rolled back or stopped at this revision"),
        ({"policy": Policy(hold=timedelta())}, "nothing is wrong"),
    ],
)
def test_why_it_stays(more, reason) -> None:
    done = judged(situation(Stage.SHADOW, **{"policy": AUTOMATIC, **more}))

    assert (done.action, done.reason) == (Action.HOLD, reason)


def test_what_cannot_be_split_goes_from_shadow_to_promoted() -> None:
    done = judged(situation(Stage.SHADOW, AUTOMATIC, can_split=False))

    assert (done.action, done.share) == (Action.PROMOTE, 10_000)


def test_an_alarm_goes_before_the_way_forward() -> None:
    policy = replace(AUTOMATIC, guard=Guard(errors=Decimal("0.02")))
    found = {"gates": (gate(Answer.GO),), "traffic": Traffic(requests=50, errors=4)}

    assert judged(situation(Stage.CANARY, policy, **found)).action is Action.ROLL_BACK
