"""What a gate says of a pair of implementations, from the evidence that was recorded of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from lockgate.core.comparison import Verdict
from lockgate.core.gate import (
    Answer,
    ConditionAnswer,
    Evidence,
    EvidenceKind,
    GateAnswer,
    GateDeclaration,
    Pair,
    SignOff,
    Traffic,
)
from lockgate.core.legible import quantity
from lockgate.cutover.sequential import mean_bounds


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a pair, at its present revisions, when its gates are asked: evidence newest first."""

    pair: Pair
    evidence: Sequence[Evidence]
    token: int
    now: datetime
    traffic: Traffic = field(default=Traffic())

    def of(self, kind: EvidenceKind, within: timedelta | None) -> tuple[Evidence, ...]:
        """The evidence of a kind that is not too old."""
        least = None if within is None else self.now - within
        return tuple(one for one in self.evidence if one.kind is kind and (least is None or one.at >= least))


Condition = Callable[[GateDeclaration, Seen], ConditionAnswer | None]


def gate_answer(gate: GateDeclaration, seen: Seen) -> GateAnswer:
    """What a gate says, condition by condition."""
    return GateAnswer(gate.name, seen.pair.entity, tuple(_answers(gate, seen)), seen.traffic)


def _answers(gate: GateDeclaration, seen: Seen) -> Iterator[ConditionAnswer]:
    for condition in _CONDITIONS:
        found = condition(gate, seen)
        if found is not None:
            yield found


def _differences(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if gate.unexplained_differences is None:
        return None
    return _compared(gate, seen, "unexplained", gate.unexplained_differences, "unexplained_differences")


def _row_budget(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    return None if gate.row_budget is None else _compared(gate, seen, "differing", gate.row_budget, "row_budget")


def _compared(gate: GateDeclaration, seen: Seen, fact: str, most: int, condition: str) -> ConditionAnswer:
    """Whether each of the newest comparisons stays within a bound; one that found nothing out proves nothing."""
    newest = seen.of(EvidenceKind.COMPARISON, gate.within)[: gate.runs]
    numbers = tuple(one.evidence_id for one in newest)
    told = {"unexplained": "unexplained differences", "differing": "differing rows"}[fact]
    over = [one for one in newest if _number(one, fact) > most]
    if over:
        sentence = (
            f"{quantity(int(_number(over[0], fact)), told[:-1], told)} on {over[0].at:%Y-%m-%d %H:%M}, {most} allowed"
        )
        return ConditionAnswer(condition, Answer.NO_GO, sentence, numbers)
    conclusive = [one for one in newest if one.facts["verdict"] != Verdict.INCONCLUSIVE]
    if len(conclusive) < gate.runs:
        sentence = f"{len(conclusive)} of {quantity(gate.runs, 'comparison', 'comparisons')} so far"
        lost = len(newest) - len(conclusive)
        sentence += f", {lost} inconclusive" if lost else ""
        return ConditionAnswer(condition, Answer.NOT_ENOUGH, sentence, numbers)
    sentence = f"at most {most} {told} in the last {quantity(gate.runs, 'comparison', 'comparisons')}"
    return ConditionAnswer(condition, Answer.GO, sentence, numbers)


def _tests(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if not gate.tests:
        return None
    newest = seen.of(EvidenceKind.TESTS, gate.within)[: gate.runs]
    numbers = tuple(one.evidence_id for one in newest)
    failed = [one for one in newest if _number(one, "failed")]
    if failed:
        sentence = (
            f"{quantity(int(_number(failed[0], 'failed')), 'test', 'tests')} failed on {failed[0].at:%Y-%m-%d %H:%M}"
        )
        return ConditionAnswer("tests", Answer.NO_GO, sentence, numbers)
    tested = [one for one in newest if _number(one, "passed")]
    if len(tested) < gate.runs:
        sentence = f"tests ran in {len(tested)} of {quantity(gate.runs, 'execution', 'executions')} so far"
        return ConditionAnswer("tests", Answer.NOT_ENOUGH, sentence, numbers)
    passed = int(_number(newest[0], "passed"))
    return ConditionAnswer("tests", Answer.GO, f"{quantity(passed, 'test', 'tests')} passed", numbers)


def _freshness(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if gate.freshness is None:
        return None
    newest = seen.of(EvidenceKind.FRESHNESS, gate.within)[:1]
    if not newest:
        return ConditionAnswer("freshness", Answer.NOT_ENOUGH, "no load of what it reads is known")
    age = seen.now - datetime.fromisoformat(str(newest[0].facts["loaded_at"]))
    answer = Answer.GO if age <= gate.freshness else Answer.NO_GO
    sentence = f"its inputs were loaded {_length(age)} ago, {_length(gate.freshness)} allowed"
    return ConditionAnswer("freshness", answer, sentence, (newest[0].evidence_id,))


def _error_rate(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if gate.error_rate is None:
        return None
    traffic = seen.traffic
    sentence = f"it alone failed {traffic.errors} of {quantity(traffic.requests, 'request', 'requests')}"
    is_over = traffic.errors > gate.error_rate * traffic.requests
    return _measured("error_rate", gate, traffic.requests, is_over=is_over, sentence=sentence)


def _latency(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if gate.latency is None:
        return None
    traffic = seen.traffic
    times = math.exp(traffic.slower_sum / traffic.slower_count) if traffic.slower_count else 1.0
    low, _ = mean_bounds(traffic.slower_count, traffic.slower_sum, traffic.slower_squares, 0.05)
    sentence = f"it takes {times:.2f} times as long, {gate.latency} allowed"
    is_over = times > gate.latency or low > math.log(gate.latency)
    return _measured("latency", gate, traffic.slower_count, is_over=is_over, sentence=sentence)


def _measured(condition: str, gate: GateDeclaration, count: int, *, is_over: bool, sentence: str) -> ConditionAnswer:
    """An answer about traffic, of which there must be enough."""
    if count < gate.requests:
        return ConditionAnswer(condition, Answer.NOT_ENOUGH, f"{count} of {gate.requests} requests so far")
    return ConditionAnswer(condition, Answer.NO_GO if is_over else Answer.GO, sentence)


def _score(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    if gate.score is None:
        return None
    newest = seen.of(EvidenceKind.SCORE, gate.within)[:1]
    if not newest:
        return ConditionAnswer("score", Answer.NOT_ENOUGH, "no score was recorded")
    value = _number(newest[0], "value")
    answer = Answer.GO if value >= gate.score else Answer.NO_GO
    return ConditionAnswer(
        "score", answer, f"the score is {value:g}, at least {gate.score} wanted", (newest[0].evidence_id,)
    )


def _sign_off(gate: GateDeclaration, seen: Seen) -> ConditionAnswer | None:
    """Whether enough persons have signed for the route as it stands: what was signed before it moved counts no more."""
    if gate.sign_off is None:
        return None
    signed = [
        one
        for one in seen.of(EvidenceKind.SIGN_OFF, gate.within)
        if one.facts["gate"] == gate.name and one.token == seen.token and one.facts["role"] in gate.sign_off.roles
    ]
    people = list(dict.fromkeys(one.by for one in signed))
    numbers = tuple(one.evidence_id for one in signed)
    if len(people) >= gate.sign_off.people:
        return ConditionAnswer("sign_off", Answer.GO, f"signed by {', '.join(people)}", numbers)
    return ConditionAnswer("sign_off", Answer.NOT_ENOUGH, _unsigned(gate.sign_off, people), numbers)


def _unsigned(wanted: SignOff, people: Sequence[str]) -> str:
    by = f", signed by {', '.join(people)}" if people else ""
    return f"{len(people)} of {quantity(wanted.people, 'signature', 'signatures')} of {' or '.join(wanted.roles)}{by}"


def _number(evidence: Evidence, fact: str) -> float:
    return float(cast("float", evidence.facts[fact]))


def _length(length: timedelta) -> str:
    """A duration in the largest unit of which there are two or more."""
    seconds = length.total_seconds()
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


_CONDITIONS: tuple[Condition, ...] = (
    _differences,
    _row_budget,
    _tests,
    _freshness,
    _error_rate,
    _latency,
    _score,
    _sign_off,
)
