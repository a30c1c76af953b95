"""What should become of a route now: go on, stay, roll back or stop, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lockgate.core.bucket import BUCKETS
from lockgate.core.cutover import Action
from lockgate.core.gate import Answer, Evidence, GateAnswer, Traffic
from lockgate.core.legible import percent, quantity
from lockgate.core.policy import Policy
from lockgate.core.route import Route, Stage
from lockgate.cutover.level import unlevel
from lockgate.cutover.sequential import Lean, RatioTest, mean_bounds

# Every test of a guard has its part of the false alarms.
_TESTS = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a route is judged.

    `comparison` and `failed` (why the candidate was not built, if it was not) are those of the newest cycle since the
    route was moved, at `moved_at`; `allowed` rows may differ unexplained in it. `spent_time` and `spent_bytes` are what
    the candidate has cost in the shadow.
    """

    route: Route
    policy: Policy
    gates: Sequence[GateAnswer]
    now: datetime
    moved_at: datetime
    comparison: Evidence | None = None
    allowed: int = 0
    failed: str = ""
    traffic: Traffic = field(default=Traffic())
    last_evidence_at: datetime | None = None
    spent_time: timedelta = timedelta(0)
    spent_bytes: int = 0
    may_advance: bool = True
    can_split: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do with a route, and why; `share` is the one to go on to."""

    action: Action
    reason: str
    share: int = 0


def judged(situation: Situation) -> Judgement:
    """What to do now: first whatever protects consumers, then budgets, then the way forward."""
    route = situation.route
    alarms = _ALARMS if route.is_answering else ()
    for alarm in alarms:
        reason = alarm(situation)
        if reason:
            return Judgement(Action.ROLL_BACK, reason)
    if route.stage is Stage.SHADOW and not route.is_answering and (overspent := _overspent(situation)):
        return Judgement(Action.STOP, overspent)
    return _onwards(situation)


def _compared_badly(situation: Situation) -> str:
    return unlevel(situation.comparison, situation.allowed) if situation.comparison is not None else ""


def _not_built(situation: Situation) -> str:
    return f"{situation.route.candidate} was not built: {situation.failed}" if situation.failed else ""


def _wrong_answers(situation: Situation) -> str:
    traffic, guard = situation.traffic, situation.policy.guard
    test = RatioTest(float(guard.wrong), float(guard.false_alarms) / _TESTS)
    if test.lean(traffic.wrong, traffic.records) is not Lean.BAD:
        return ""
    return f"{traffic.wrong} of {quantity(traffic.records, 'record', 'records')} were answered differently"


def _errors(situation: Situation) -> str:
    traffic, guard = situation.traffic, situation.policy.guard
    test = RatioTest(float(guard.errors), float(guard.false_alarms) / _TESTS)
    if test.lean(traffic.errors, traffic.requests) is not Lean.BAD:
        return ""
    requests = quantity(traffic.requests, "request", "requests")
    return f"{situation.route.candidate} alone failed {traffic.errors} of {requests}"


def _slow(situation: Situation) -> str:
    traffic, guard = situation.traffic, situation.policy.guard
    alarms = float(guard.false_alarms) / _TESTS
    low, _ = mean_bounds(traffic.slower_count, traffic.slower_sum, traffic.slower_squares, alarms)
    if low <= math.log(guard.latency):
        return ""
    times = math.exp(traffic.slower_sum / traffic.slower_count)
    told = f"{times:.2f} times as long as {situation.route.incumbent}"
    return f"{situation.route.candidate} takes {told}, {guard.latency} allowed"


def _silent(situation: Situation) -> str:
    silence = situation.policy.guard.silence
    heard = max(situation.moved_at, situation.last_evidence_at or situation.moved_at)
    if silence is None or situation.now - heard <= silence:
        return ""
    return f"nothing was heard of {situation.route.candidate} since {heard:%Y-%m-%d %H:%M:%S} UTC"


Alarm = Callable[[Situation], str]
_ALARMS: tuple[Alarm, ...] = (_compared_badly, _not_built, _wrong_answers, _errors, _slow, _silent)


def _overspent(situation: Situation) -> str:
    budget = situation.policy.budget
    if budget.time is not None and situation.spent_time > budget.time:
        spent, allowed = situation.spent_time.total_seconds(), budget.time.total_seconds()
        return f"the shadow of {situation.route.candidate} took {spent:.0f} s, {allowed:.0f} s allowed"
    if budget.bytes is not None and situation.spent_bytes > budget.bytes:
        return (
            f"the shadow of {situation.route.candidate} took {situation.spent_bytes:,} bytes, {budget.bytes:,} allowed"
        )
    return ""


def _onwards(situation: Situation) -> Judgement:
    route, policy = situation.route, situation.policy
    if route.stage not in {Stage.SHADOW, Stage.CANARY} or not policy.automatic:
        return Judgement(Action.HOLD, "nothing is wrong")
    if route.stage is Stage.SHADOW and route.is_answering:
        return Judgement(Action.HOLD, "the dbt switch has it answer")
    if not situation.may_advance:
        return Judgement(Action.HOLD, "it was rolled back or stopped at this revision")
    answer = Answer.of_all([one.answer for one in situation.gates])
    if answer is not Answer.GO:
        refused = next(one for one in situation.gates if one.answer is answer)
        return Judgement(Action.HOLD, f"gate {refused.gate}: {answer}")
    left = policy.hold - (situation.now - situation.moved_at)
    if left > timedelta(0):
        return Judgement(Action.HOLD, f"it stays where it is for another {left.total_seconds():.0f} s")
    share = policy.next_share(route.share) if situation.can_split else BUCKETS
    if share == BUCKETS:
        return Judgement(Action.PROMOTE, "its gates say go", share)
    return Judgement(Action.CANARY, f"its gates say go: {percent(share)}", share)
