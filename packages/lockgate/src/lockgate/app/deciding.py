"""Decisions about routes: written down together with the notices of them, and made up for where nobody could."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.notifying import channels_of
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import FOUND_MOVED, Action, Decision, Plan, StepKind
from lockgate.core.entity import Entity
from lockgate.core.gate import GateAnswer
from lockgate.core.notice import Notice
from lockgate.core.route import Edition, Route, Stage
from lockgate.cutover import notice_of, signatures_wanted, waits_for_signatures
from lockgate.errors import LockgateError
from lockgate.transform.cycle import declared_route, ensure_route

logger = logging.getLogger(__name__)

# The token of a route that is declared and was never moved.
_DECLARED = 1
_FORWARDS = {Stage.CANARY: Action.CANARY, Stage.PROMOTED: Action.PROMOTE, Stage.RETIRED: Action.RETIRE}


def decide(wiring: Wiring, made: Decision) -> Decision:
    """Writes a decision down, and the notice of it in the same transaction: with its number.

    One that moved a route to a token that is kept already is that one, of which was told already. Of what the dbt
    switch moved nobody is told: whoever turned it knows.
    """
    if made.action is Action.SWITCH:
        return wiring.store.cutovers.add_decision(made)
    ends = _ended_by(made, wiring.store.cutovers.decisions(made.entity))

    def tell(stored: Decision, connection: object) -> None:
        notice = _readable(notice_of(stored, ends=ends))
        wiring.store.notices.add(notice, channels_of(wiring.project, notice), connection)  # type: ignore[arg-type]

    return wiring.store.cutovers.add_decision(made, tell)


def _ended_by(made: Decision, before: Sequence[Decision]) -> Decision | None:
    """The roll-back that a promotion recovers from; None where there is none, or another promotion came since."""
    if made.action is not Action.PROMOTE:
        return None
    others = (one for one in before if one.after.token != made.after.token)
    newest = next((one for one in others if one.is_backwards or one.action is Action.PROMOTE), None)
    return newest if newest is not None and newest.is_backwards else None


def warn_once(wiring: Wiring, notice: Notice) -> None:
    """Puts a warning down; one that was put down before is not told again."""
    told = _readable(notice)
    wiring.store.notices.add(told, channels_of(wiring.project, told))


def warn_of_signatures(wiring: Wiring, route: Route, answers: tuple[GateAnswer, ...]) -> None:
    """Tells that gates wait for people, where nothing else is missing."""
    for gate in waits_for_signatures(answers):
        warn_once(wiring, signatures_wanted(route, gate, wiring.clock()))


def _readable(notice: Notice) -> Notice:
    return replace(notice, subject=redacted(notice.subject), text=redacted(notice.text))


# --- moves that nobody wrote down ----------------------------------------------------------------------------------


def note_moves(wiring: Wiring, entities: Iterable[Entity]) -> tuple[Decision, ...]:
    """Writes down how routes were moved of which no decision is known: the target's rows are the truth.

    Whoever moved one died before telling, or could not reach the control plane.
    """
    found = (note_move(wiring, entity, ensure_route(entity, wiring.warehouse)) for entity in entities)
    return tuple(one for one in found if one is not None)


def try_note_moves(wiring: Wiring, entities: Iterable[Entity]) -> None:
    """The same for those who only look: where nothing can be written, the next one does it."""
    try:
        note_moves(wiring, entities)
    except LockgateError as error:
        logger.info("moves not noted", extra={"facts": {"error": error.code}})


def note_move(wiring: Wiring, entity: Entity, route: Route) -> Decision | None:
    """Writes down the move that made a route what it is, if no decision of it is known."""
    if route.token <= _DECLARED:
        return None
    log = wiring.store.cutovers
    known = log.decisions(entity.name, limit=1000)
    if any(one.after.token == route.token for one in known):
        return None
    last = next((one for one in known if one.after.token < route.token), None)
    before = last.after if last else replace(declared_route(entity), token=_DECLARED)
    plan = _plan_to(log.plans(limit=1000), route)
    action = _action(before, route)
    made = Decision(
        decision_id=0,
        entity=entity.name,
        action=action,
        answer=action.answer,
        before=before,
        after=route,
        by=FOUND_MOVED,
        reason=f"plan {plan.plan_id}" if plan else "the target's route had moved, and no decision about it was known",
        at=wiring.clock(),
        plan_id=plan.plan_id if plan else None,
        facts=_facts(before, route, plan, last),
    )
    logger.warning("route found moved", extra={"facts": {"entity": entity.name, "token": route.token}})
    return decide(wiring, made)


def _plan_to(plans: Sequence[Plan], route: Route) -> Plan | None:
    """The plan of which a step leads to just this route."""
    asked = replace(route, token=route.token - 1)
    return next(
        (plan for plan in plans for step in plan.steps if step.kind is StepKind.ROUTE and asked in step.routes), None
    )


def _action(before: Route, after: Route) -> Action:
    """What must have been decided; where moves between are unknown, the more careful of what it can have been."""
    if _is_switched(before, after):
        return Action.SWITCH
    if after.stage in _FORWARDS:
        return _FORWARDS[after.stage]
    if after.stage is Stage.OFF:
        return Action.STOP
    is_unknown = before.token + 1 < after.token
    return Action.ROLL_BACK if is_unknown or before.is_answering else Action.SHADOW


def _is_switched(before: Route, after: Route) -> bool:
    """Whether the next move changed the share alone, in a way in which nothing but the dbt switch does it."""
    if before.token + 1 != after.token or replace(before, share=after.share, token=after.token) != after:
        return False
    to_nothing, to_all = {Stage.CANARY, Stage.PROMOTED}, {Stage.OFF, Stage.SHADOW, Stage.PROMOTED}
    return before.share != after.share and after.stage in (to_all if after.share else to_nothing)


def _facts(before: Route, route: Route, plan: Plan | None, last: Decision | None) -> dict[str, object]:
    """The candidate's revision as far as it is known, and the tokens of which nothing is."""
    pairs = [pair for pair in plan.pairs if pair.entity == route.entity] if plan else []
    revision = pairs[0].candidate_revision if pairs else last.facts.get("candidate_revision") if last else None
    missing = list(range(before.token + 1, route.token))
    facts: dict[str, object] = {"candidate_revision": revision} if revision else {}
    return facts | ({"unknown_tokens": missing} if missing else {})


# --- editions that are held back -----------------------------------------------------------------------------------


def held_editions(wiring: Wiring, entity: Entity, route: Route) -> dict[str, Edition]:
    """The newest edition of each side of a route, where it is held back; a candidate of before is none of its sides."""
    newest = {edition.implementation: edition for edition in wiring.warehouse.editions(entity.name)}
    sides = [newest[name] for name in (route.incumbent, route.candidate) if name in newest]
    return {edition.implementation: edition for edition in sides if edition.is_held}


def release_incumbent(wiring: Wiring, entity: Entity, route: Route) -> None:
    """Shows the incumbent's newest edition after a roll-back; the candidate's stays out of sight.

    Where the route moves again meanwhile, or readers keep the view, the next run shows it.
    """
    held = held_editions(wiring, entity, route).get(route.incumbent)
    if held is None:
        return
    try:
        wiring.warehouse.release((held,), token=route.token)
    except LockgateError as error:
        logger.warning("edition stays held", extra={"facts": {"entity": entity.name, "error": error.code}})
