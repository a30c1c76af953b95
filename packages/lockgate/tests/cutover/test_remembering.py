"""What earlier decisions mean now: refusals that files brought back do not undo, and what the shadow alone cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lockgate.core.cutover import FOUND_MOVED, Action, Decision
from lockgate.core.gate import Answer, Evidence, EvidenceKind, Pair
from lockgate.core.route import Route, Stage
from lockgate.cutover import in_shadow, was_refused

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAIR = Pair("users", "rules", "dbt", "r1", "R1")
ROBOT = "controller"


def route(token: int, stage: Stage = Stage.SHADOW, share: int = 0, candidate: str = "dbt") -> Route:
    return Route("users", "rules", candidate, stage, share, token)


def decided(action: Action, revision: str | None, *, by=ROBOT, before=None, after=None, plan_id=None) -> Decision:
    facts = {"candidate_revision": revision} if revision else {}
    routes = (before or route(1), after or route(2))
    return Decision(1, "users", action, Answer.GO, *routes, by, "", NOW, plan_id, facts=facts)


BACK, ON, OUT = Action.ROLL_BACK, Action.CANARY, Action.STOP


@pytest.mark.parametrize(
    ("oldest_first", "is_refused"),
    [
        ([], False),
        ([decided(ON, "R1")], False),
        ([decided(BACK, "R1")], True),
        ([decided(OUT, "R1")], True),
        ([decided(BACK, "R2")], False),
        ([decided(BACK, "R1"), decided(ON, "R2"), decided(BACK, "R2")], True),
        ([decided(BACK, "R1"), decided(ON, "R2")], True),
        ([decided(BACK, "R1"), decided(ON, "R1", by="ada")], False),
        ([decided(BACK, "R1"), decided(ON, "R2", by="ada")], True),
        ([decided(BACK, "R1"), decided(ON, "R1", by=FOUND_MOVED)], True),
        ([decided(BACK, "R1"), decided(ON, "R1", by=FOUND_MOVED, plan_id="users-1")], False),
        ([decided(ON, "R1", by="ada"), decided(BACK, "R1")], True),
        ([decided(BACK, None)], True),
        ([decided(BACK, None), decided(ON, "R2", by="ada")], False),
        ([decided(BACK, None, after=route(2, candidate="other"))], False),
    ],
)
def test_what_was_refused_waits_for_a_person_at_this_revision(oldest_first, is_refused) -> None:
    assert was_refused(oldest_first[::-1], PAIR, own=ROBOT) is is_refused


def seen(token: int) -> Evidence:
    return Evidence(token, EvidenceKind.EXECUTION, PAIR, token, NOW, ROBOT, {})


def test_only_what_was_seen_in_the_shadow_is_charged_to_it() -> None:
    moves = [
        decided(BACK, "R1", before=route(3, Stage.CANARY, 500), after=route(4)),
        decided(ON, "R1", before=route(2), after=route(3, Stage.CANARY, 500)),
    ]
    evidence = [seen(token) for token in (2, 3, 4, 5, 6)]

    charged = in_shadow(evidence, moves, route(5, Stage.PROMOTED, 10_000))

    assert [one.token for one in charged] == [2, 4]
    assert [one.token for one in in_shadow(evidence, [], route(6))] == [6]


def test_the_shadow_that_the_dbt_switch_has_answer_is_not_charged() -> None:
    assert in_shadow([seen(6)], [], route(6, share=10_000)) == ()
