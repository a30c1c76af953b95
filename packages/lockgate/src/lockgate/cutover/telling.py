"""What people are told about cutovers: a notice a decision, and what waits for them; counts and names, no rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Answer, GateAnswer
from lockgate.core.legible import percent
from lockgate.core.notice import Fact, Notice, Severity
from lockgate.core.route import Route
from lockgate.cutover.explaining import route_told
from lockgate.cutover.planning import described

SIGN_OFF = "sign_off"
_KINDS = {
    Action.SHADOW: "shadow",
    Action.CANARY: "canary",
    Action.PROMOTE: "promoted",
    Action.ROLL_BACK: "rolled_back",
    Action.STOP: "stopped",
    Action.RETIRE: "retired",
}


def notice_of(decision: Decision, *, ends: Decision | None = None) -> Notice:
    """What is told of a decision; with `ends`, the roll-back before it, a promotion is its recovery."""
    is_grave = decision.is_backwards or ends is not None
    done, route = _KINDS[decision.action], decision.after
    candidate = decision.before.candidate or route.candidate or route.incumbent
    return Notice(
        notice_id=f"decision/{decision.entity}/{decision.decision_id}/{decision.at:%Y%m%dT%H%M%S.%f}",
        kind=f"cutover.{done}",
        severity=Severity.CRITICAL if is_grave else Severity.INFO,
        subject=f"{decision.entity}: {candidate} is {_became(decision, route)}",
        text=f"{route_told(route)}. Decided by {decision.by}: {decision.reason}",
        at=decision.at,
        facts=_facts(decision, route),
        entity=decision.entity,
        about=matter_of(decision.entity),
        is_recovery=ends is not None,
    )


def _became(decision: Decision, route: Route) -> str:
    if decision.action is Action.RETIRE:
        return "the incumbent, what answered before is retired"
    if decision.is_backwards:
        return "rolled back" if decision.action is Action.ROLL_BACK else "stopped"
    return described(route)


def _facts(decision: Decision, route: Route) -> Mapping[str, Fact]:
    facts: dict[str, Fact] = {
        "decision": decision.decision_id,
        "from": described(decision.before),
        "to": described(route),
        "share": percent(route.share),
        "incumbent": route.incumbent,
        "by": decision.by,
    }
    return facts | ({"plan": decision.plan_id} if decision.plan_id else {})


def matter_of(entity: str) -> str:
    """The key of everything that is told about an entity's cutover."""
    return f"cutover/{entity}"


def waits_for_signatures(answers: tuple[GateAnswer, ...]) -> tuple[str, ...]:
    """The gates that lack nothing but signatures, where every other condition of all gates says go."""
    conditions = [(gate.gate, one) for gate in answers for one in gate.conditions if one.answer is not Answer.GO]
    if any(one.condition != SIGN_OFF or one.answer is not Answer.NOT_ENOUGH for _, one in conditions):
        return ()
    return tuple(gate for gate, _ in conditions)


def signatures_wanted(route: Route, gate: str, at: datetime) -> Notice:
    """A gate waits for people; told once for a route as it stands."""
    remedy = f"lockgate cutover sign {route.entity} {gate} --role ROLE"
    return _warning(
        route, f"signatures/{gate}", at, f"the gate {gate} waits for signatures", f"Nothing else is missing: {remedy}"
    )


def editions_held(route: Route, numbers: tuple[int, ...], at: datetime) -> Notice:
    """Editions stay out of sight, for nobody knows whether both sides are level; told once for a route as it stands."""
    held = ", ".join(str(number) for number in numbers)
    text = f"The two sides were not found level, so consumers go on reading what they read. Held back: editions {held}."
    return _warning(route, "held", at, "new editions are held back", text)


def _warning(route: Route, what: str, at: datetime, subject: str, text: str) -> Notice:
    return Notice(
        notice_id=f"route/{route.entity}/{route.token}/{what}",
        kind=f"cutover.{what.split('/', maxsplit=1)[0]}",
        severity=Severity.WARNING,
        subject=f"{route.entity}: {subject}",
        text=text,
        at=at,
        facts={"stage": described(route), "token": route.token},
        entity=route.entity,
        about=matter_of(route.entity),
    )
