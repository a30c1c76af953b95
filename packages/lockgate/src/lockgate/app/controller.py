"""The controller: looks at what is known of a group's routes, and moves them on, back or out of the way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from lockgate.app.cutting_over import roll_back
from lockgate.app.deciding import (
    decide,
    held_editions,
    note_move,
    release_incumbent,
    warn_of_signatures,
    warn_once,
)
from lockgate.app.own_moves import audited
from lockgate.app.pairs import (
    Approval,
    allowed_rows,
    approval_of,
    gate_answers,
    pair_of,
    policy_of,
    seen_of,
    unsplittable,
)
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import CONTROLLER, Action, Decision
from lockgate.core.entity import Entity
from lockgate.core.gate import Evidence, EvidenceKind, GateAnswer
from lockgate.core.route import Route, Stage
from lockgate.cutover import (
    Judgement,
    Seen,
    Situation,
    editions_held,
    in_shadow,
    judged,
    rolled_back,
    stopped,
    unproven,
    was_refused,
)
from lockgate.errors import StaleToken
from lockgate.transform.cycle import ensure_route
from lockgate.transform.router import UNDER_WAY, lacks_candidate

logger = logging.getLogger(__name__)

# The strongest first: one entity's alarm holds for its whole group, and a group goes on only where each may.
_STRONGEST = (Action.ROLL_BACK, Action.STOP, Action.HOLD, Action.CANARY, Action.PROMOTE)
_FORWARDS = frozenset({Action.CANARY, Action.PROMOTE})
# The newest decisions about an entity that are looked at.
_MOST_DECISIONS = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """An entity with what was seen of it, and what follows from that."""

    entity: Entity
    route: Route
    seen: Seen
    gates: tuple[GateAnswer, ...]
    judgement: Judgement

    @property
    def revision(self) -> str:
        """The candidate's revision that was judged."""
        return self.seen.pair.candidate_revision


def judge(
    wiring: Wiring, group: Sequence[Entity], *, may_advance: bool = True, publishes: bool = False
) -> tuple[Decision, ...]:
    """Judges entities that move together, and acts on it: what was decided about each that was moved.

    A route that somebody else moves meanwhile is left to them. Nothing goes forwards without `may_advance`, or while
    one of the group is not under way: it would be left behind. A candidate that was taken out of the project answers
    nothing more. What was built to be held back is shown only where this `publishes`: of a group all or nothing.
    """
    decisions = _decided(wiring, group, may_advance=may_advance, publishes=publishes)
    audited(wiring, decisions)
    return decisions


def _decided(wiring: Wiring, group: Sequence[Entity], *, may_advance: bool, publishes: bool) -> tuple[Decision, ...]:
    gone = next((one for one in group if _is_taken_out(wiring, one)), None)
    if gone is not None:
        return _taken_out(wiring, gone)
    judgements = [_judged(wiring, entity, may_advance=may_advance) for entity in group]
    found = [one for one in judgements if one is not None]
    if not found:
        return ()
    leading = min(found, key=lambda one: _STRONGEST.index(one.judgement.action))
    if len(found) < len(group) and leading.judgement.action in _FORWARDS:
        leading = replace(leading, judgement=Judgement(Action.HOLD, "not all of its group is under way"))
    try:
        return _act(wiring, found, leading, publishes=publishes)
    except StaleToken as error:
        _log_left_alone(leading.entity, error)
        return ()


def _log_left_alone(entity: Entity, error: StaleToken) -> None:
    logger.info("left alone", extra={"facts": {"entity": entity.name, "error": error.code}})


def _is_taken_out(wiring: Wiring, entity: Entity) -> bool:
    """Whether a cutover is under way to a candidate that the project file has no more.

    A server that was started before the candidate was declared does not know it, and leaves it alone.
    """
    route = ensure_route(entity, wiring.warehouse)
    if not lacks_candidate(entity, route):
        return False
    now = wiring.declared_now(entity.name)
    return now is not None and lacks_candidate(now, route)


def _taken_out(wiring: Wiring, entity: Entity) -> tuple[Decision, ...]:
    """Ends the cutover to a candidate that the project has no more: nobody can build it, or say what it is."""
    candidate = ensure_route(entity, wiring.warehouse).candidate
    reason = f"the project has no implementation {candidate} of {entity.name} any more"
    try:
        done = roll_back(wiring, entity.name, by=CONTROLLER, reason=reason, off=True)
    except StaleToken as error:
        _log_left_alone(entity, error)
        return ()
    return tuple(one.decision for one in done)


def _judged(wiring: Wiring, entity: Entity, *, may_advance: bool) -> Judged | None:
    route = ensure_route(entity, wiring.warehouse)
    note_move(wiring, entity, route)
    if route.candidate is None or route.stage not in UNDER_WAY:
        return None
    pair = pair_of(wiring, entity, route.incumbent, route.candidate)
    seen = seen_of(wiring, pair, route)
    gates = gate_answers(wiring, entity, seen)
    situation = _situation(wiring, entity, route, seen, gates)
    situation = replace(situation, may_advance=may_advance and situation.may_advance)
    return Judged(entity, route, seen, gates, judged(situation))


def _situation(wiring: Wiring, entity: Entity, route: Route, seen: Seen, gates: tuple[GateAnswer, ...]) -> Situation:
    decisions = wiring.store.cutovers.decisions(entity.name, limit=_MOST_DECISIONS)
    mine = [one for one in seen.evidence if one.token == route.token]
    executions = [one for one in seen.evidence if one.kind is EvidenceKind.EXECUTION and _is_candidates(one)]
    built = in_shadow(executions, decisions, route)
    heard = [one.at for one in mine[:1]] + ([seen.traffic.last_at] if seen.traffic.last_at else [])
    return Situation(
        route=route,
        policy=policy_of(wiring, entity),
        gates=gates,
        now=seen.now,
        moved_at=_moved_at(route, decisions, mine) or seen.now,
        comparison=next((one for one in mine if one.kind is EvidenceKind.COMPARISON), None),
        allowed=allowed_rows(wiring, entity),
        failed=_failed_alone(mine, route),
        traffic=seen.traffic,
        last_evidence_at=max(heard, default=None),
        spent_time=timedelta(seconds=sum(float(str(one.facts["seconds"])) for one in built)),
        spent_bytes=sum(int(str(one.facts["bytes"])) for one in built),
        may_advance=not was_refused(decisions, seen.pair, own=CONTROLLER),
        can_split=not unsplittable(entity),
    )


def _failed_alone(mine: Sequence[Evidence], route: Route) -> str:
    """Why the candidate's newest execution failed; empty where it did not, or where the incumbent's failed with it.

    What may succeed at another try is nobody's fault.
    """
    executions = [one for one in mine if one.kind is EvidenceKind.EXECUTION]
    newest = {str(one.facts["implementation"]): one.facts for one in reversed(executions)}
    errors = {name: "" if facts.get("retryable") else str(facts["error"]) for name, facts in newest.items()}
    return "" if errors.get(route.incumbent) else errors.get(route.candidate or "", "")


def _is_candidates(evidence: Evidence) -> bool:
    return evidence.facts["implementation"] == evidence.pair.candidate


def _moved_at(route: Route, moves: Sequence[Decision], seen: Sequence[Evidence]) -> datetime | None:
    """When the route got where it is: by the decision that moved it, else by the first that was seen of it there."""
    found = [one.at for one in moves if one.after.token == route.token]
    return found[0] if found else seen[-1].at if seen else None


def _act(wiring: Wiring, found: Sequence[Judged], leading: Judged, *, publishes: bool) -> tuple[Decision, ...]:
    """Does what the strongest judgement asks for, for the whole group."""
    action = leading.judgement.action
    if not action.is_backwards:
        _release(wiring, found, publishes=publishes)
        for one in found:
            _warn(wiring, one)
    approvals = [approval_of(wiring, one.entity, one.seen.pair) for one in found] if action in _FORWARDS else []
    if action is Action.HOLD or not _are_all_given(approvals):
        return ()
    moved = [(one, after) for one in found if (after := _after(one, leading)) is not None]
    seen = {one.entity: one.editions for one in approvals}
    routes = wiring.warehouse.set_routes([after for _, after in moved], seen=seen)
    decisions = tuple(
        _kept(wiring, one, _of_group(leading, one), route) for (one, _), route in zip(moved, routes, strict=True)
    )
    if action.is_backwards:
        for (one, _), route in zip(moved, routes, strict=True):
            if publishes or not _waits(one):
                release_incumbent(wiring, one.entity, route)
    return decisions


def _after(one: Judged, leading: Judged) -> Route | None:
    """The route of one of the group once the strongest judgement was followed; None where it is not concerned."""
    judgement, stage = leading.judgement, one.route.stage
    if judgement.action is Action.ROLL_BACK:
        return rolled_back(one.route) if one.route.is_answering else None
    if judgement.action is Action.STOP:
        return stopped(one.route) if stage is Stage.SHADOW and not one.route.is_answering else None
    stage = Stage.PROMOTED if judgement.action is Action.PROMOTE else Stage.CANARY
    return replace(one.route, stage=stage, share=judgement.share)


def _of_group(leading: Judged, one: Judged) -> Judgement:
    """What was judged of the strongest one, as the others of its group are told."""
    if one is leading or one.entity is leading.entity:
        return leading.judgement
    return replace(leading.judgement, reason=f"{leading.entity.name}: {leading.judgement.reason}")


def _kept(wiring: Wiring, one: Judged, judgement: Judgement, after: Route) -> Decision:
    decision = Decision(
        decision_id=0,
        entity=one.entity.name,
        action=judgement.action,
        answer=judgement.action.answer,
        before=one.route,
        after=after,
        by=CONTROLLER,
        reason=judgement.reason,
        at=wiring.clock(),
        gates=one.gates,
        facts={"candidate_revision": one.revision, "evidence": [each.evidence_id for each in one.seen.evidence[:20]]},
    )
    facts = {"entity": decision.entity, "action": decision.action.value, "reason": decision.reason}
    logger.warning("route moved", extra={"facts": facts})
    return decide(wiring, decision)


def _level(wiring: Wiring, one: Judged) -> frozenset[int]:
    """The editions that the newest comparison under this route found level; none where it found them otherwise."""
    newest = next((each for each in one.seen.of(EvidenceKind.COMPARISON, None) if each.token == one.route.token), None)
    if newest is None or unproven(newest, allowed_rows(wiring, one.entity)):
        return frozenset()
    return frozenset(cast("list[int]", newest.facts["editions"]))


def _are_all_given(approvals: Sequence[Approval]) -> bool:
    """Whether what would be shown more of is what the gates have seen."""
    refused = [one.refused for one in approvals if one.refused]
    if refused:
        logger.warning("not moved on", extra={"facts": {"because": refused[0]}})
    return not refused


def _warn(wiring: Wiring, one: Judged) -> None:
    """Tells people of signatures that are waited for."""
    if one.route.stage in {Stage.SHADOW, Stage.CANARY}:
        warn_of_signatures(wiring, one.route, one.gates)


def warn_of_held(wiring: Wiring, entity: Entity) -> None:
    """Tells people, once a token, that consumers go on reading older editions: for a run that has just been judged."""
    route = ensure_route(entity, wiring.warehouse)
    held = tuple(edition.number for edition in held_editions(wiring, entity, route).values())
    if held and route.is_answering:
        warn_once(wiring, editions_held(route, held, wiring.clock()))


def _release(wiring: Wiring, found: Sequence[Judged], *, publishes: bool) -> None:
    """Shows both sides' editions at once, of each whose were just compared and found level.

    What waits to be published is left alone, unless this `publishes`: then all of the group is shown, or nothing.
    """
    held = [(one, tuple(held_editions(wiring, one.entity, one.route).values())) for one in found]
    level = {
        one.entity.name for one, editions in held if {edition.number for edition in editions} <= _level(wiring, one)
    }
    if publishes and len(level) < len(held):
        return
    for one, editions in held:
        if editions and one.entity.name in level and (publishes or not _waits(one)):
            wiring.warehouse.release(editions, token=one.route.token)


def _waits(one: Judged) -> bool:
    """Whether what was built last was built to be held back until somebody publishes it."""
    mine = (each for each in one.seen.of(EvidenceKind.EXECUTION, None) if each.token == one.route.token)
    newest = next(mine, None)
    return newest is not None and bool(newest.facts.get("held"))
