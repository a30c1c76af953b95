"""Cutovers as people ask for them: plans made, applied, undone, and looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from lockgate.app.deciding import (
    decide,
    note_move,
    note_moves,
    release_incumbent,
    try_note_moves,
    warn_of_signatures,
)
from lockgate.app.entities import entity_of
from lockgate.app.pairs import approval_of, gate_answers, group_of, pair_of, policy_of, seen_of, unsplittable
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Action, Decision, Plan, PlanResult, PlanStep, StepOutcome, StepStatus
from lockgate.core.entity import Entity
from lockgate.core.gate import Evidence, EvidenceKind, GateAnswer, Pair
from lockgate.core.nearness import did_you_mean
from lockgate.core.route import Edition, Route, Stage
from lockgate.cutover import Listener, Moving, Seen, applied, gate_answer, planned, retired, rolled_back, stopped
from lockgate.errors import CutoverInvalid, LockgateError, StaleToken, UnknownName
from lockgate.transform.cycle import declared_route, ensure_route

Cycle = Callable[[Sequence[str]], str]
_ACTIONS = {Stage.SHADOW: Action.SHADOW, Stage.CANARY: Action.CANARY, Stage.PROMOTED: Action.PROMOTE}


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A decision to roll back, and when the edition that consumers read now was published; None: there is none.

    `unrecorded` says why the decision could not be written down; whoever looks next does it, from the target.
    """

    decision: Decision
    edition: Edition | None
    unrecorded: str = ""

    @property
    def age_seconds(self) -> float | None:
        """How old the data is that consumers read now."""
        return (self.decision.at - self.edition.published_at).total_seconds() if self.edition else None


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """Where an entity's route stands, what its gates say, and what was last found and decided."""

    entity: str
    route: Route
    group: str
    shown: tuple[Edition, ...]
    gates: tuple[GateAnswer, ...]
    comparison: Evidence | None
    decision: Decision | None
    plan: Plan | None
    moved_at: datetime | None


def make_plan(wiring: Wiring, name: str, stage: Stage, share: int | None, candidate: str | None, *, by: str) -> Plan:
    """Freezes the steps that lead an entity, and its group with it, to a stage; nothing is moved.

    Raises:
        CutoverInvalid: the way there is not one forwards, or its keys cannot be split.
        UnknownName: there is no such entity or implementation.
    """
    group = group_of(wiring, entity_of(wiring, name))
    try_note_moves(wiring, group)
    moving = [_moving(wiring, entity, candidate) for entity in group]
    first = policy_of(wiring, group[0]).shares[0]
    steps = planned(moving, stage, share if share is not None else first)
    plan = Plan(
        plan_id="",
        entities=tuple(one.entity for one in moving),
        begun=tuple(one.route for one in moving),
        pairs=tuple(one.pair for one in moving),
        steps=steps,
        made_at=wiring.clock(),
        made_by=by,
    )
    return wiring.store.cutovers.add_plan(plan)


def _moving(wiring: Wiring, entity: Entity, candidate: str | None) -> Moving:
    route = ensure_route(entity, wiring.warehouse)
    chosen = candidate or route.candidate or entity.route.candidate
    if chosen == route.incumbent:
        raise CutoverInvalid(f"{chosen} is the incumbent of {entity.name} already", entity=entity.name)
    if route.candidate != chosen and route.is_answering:
        hint = f"Roll back first: lockgate cutover rollback {entity.name}"
        message = f"{route.candidate} answers for {entity.name}, so {chosen} cannot become its candidate"
        raise CutoverInvalid(message, hint=hint, entity=entity.name)
    if route.candidate != chosen:
        route = replace(route, stage=Stage.OFF, share=0)
    pair = pair_of(wiring, entity, route.incumbent, chosen)
    for name in (pair.incumbent, pair.candidate):
        wiring.revisions.located(entity.implementation(name))  # a plan is not made for a revision that is not there
    runs = {gate: wiring.project.gates[gate].runs for gate in entity.route.gates}
    return Moving(route, pair, runs, unsplittable(entity))


def apply_plan(
    wiring: Wiring, plan_id: str, cycle: Cycle, listener: Listener, *, by: str, reason: str = ""
) -> PlanResult:
    """Does the steps of a plan that are not done yet, up to the first that is refused.

    `cycle` builds and compares the entities of those names once. `reason` is kept with the decisions.

    Raises:
        UnknownName: there is no such plan.
        StaleToken: somebody else moved a route since the plan was made.
    """
    plan = wiring.store.cutovers.plan(plan_id)
    try:
        return applied(plan, _Hands(wiring, cycle, _By(by, reason)), listener)
    except StaleToken:
        try_note_moves(wiring, [entity_of(wiring, name) for name in plan.entities])
        raise


class _Hands:
    """What applying a plan does, by this wiring; see `lockgate.cutover.Hands`."""

    def __init__(self, wiring: Wiring, cycle: Cycle, by: _By) -> None:
        self._wiring = wiring
        self._cycle = cycle
        self._by = by

    def routes(self, entities: Sequence[str]) -> tuple[Route, ...]:
        return tuple(ensure_route(entity_of(self._wiring, name), self._wiring.warehouse) for name in entities)

    def move(self, plan: Plan, step: PlanStep) -> str:
        now = self.routes(plan.entities)
        approvals = [
            approval_of(self._wiring, entity_of(self._wiring, pair.entity), pair)
            for pair, before, after in zip(plan.pairs, now, step.routes, strict=True)
            if after.share > before.share
        ]
        refused = next((one.refused for one in approvals if one.refused), "")
        if not refused:
            note_moves(self._wiring, [entity_of(self._wiring, name) for name in plan.entities])
            self._wiring.warehouse.set_routes(step.routes, seen={one.entity: one.editions for one in approvals})
        return refused

    def pairs(self, plan: Plan) -> tuple[Pair, ...]:
        entities = [entity_of(self._wiring, pair.entity) for pair in plan.pairs]
        return tuple(
            pair_of(self._wiring, entity, pair.incumbent, pair.candidate)
            for entity, pair in zip(entities, plan.pairs, strict=True)
        )

    def cycle(self, entities: Sequence[str]) -> str:
        return self._cycle(entities)

    def gates(self, gate: str, plan: Plan) -> tuple[GateAnswer, ...]:
        found = []
        for pair, route in zip(self.pairs(plan), self.routes(plan.entities), strict=True):
            if gate in entity_of(self._wiring, pair.entity).route.gates:
                seen = seen_of(self._wiring, pair, route)
                found.append(gate_answer(self._wiring.project.gates[gate], seen))
                warn_of_signatures(
                    self._wiring, route, gate_answers(self._wiring, entity_of(self._wiring, pair.entity), seen)
                )
        return tuple(found)

    def done(self, plan: Plan, position: int) -> StepOutcome | None:
        known = self._wiring.store.cutovers.outcomes(plan.plan_id)
        return next((one for one in known if one.position == position and one.status is StepStatus.DONE), None)

    def ended(self, plan: Plan, outcome: StepOutcome) -> None:
        self._wiring.store.cutovers.set_outcome(plan.plan_id, outcome, self._wiring.clock())

    def moved(self, plan: Plan, step: PlanStep, gates: Sequence[GateAnswer]) -> None:
        for pair, before, route in zip(plan.pairs, plan.before(step), step.routes, strict=True):
            decide(
                self._wiring,
                Decision(
                    decision_id=0,
                    entity=route.entity,
                    action=_ACTIONS[route.stage],
                    answer=_ACTIONS[route.stage].answer,
                    before=before,
                    after=replace(route, token=route.token + 1),
                    by=self._by.name,
                    reason=f"plan {plan.plan_id}" + (f": {self._by.reason}" if self._by.reason else ""),
                    at=self._wiring.clock(),
                    plan_id=plan.plan_id,
                    gates=tuple(one for one in gates if one.entity == route.entity),
                    facts={"candidate_revision": pair.candidate_revision},
                ),
            )


def roll_back(wiring: Wiring, name: str, *, by: str, reason: str, off: bool = False) -> tuple[RolledBack, ...]:
    """Gives everything back to the incumbents of an entity and its group; nothing is built for it.

    The candidate goes on in the shadow; with `off`, nothing of it is built any more.

    Raises:
        CutoverInvalid: the candidate answers for nothing.
        StaleToken: somebody else moved the route at the same moment.
    """
    group = group_of(wiring, entity_of(wiring, name))
    before = {one.name: ensure_route(one, wiring.warehouse) for one in group}
    try:
        back = [_back(before[one.name], off=off) for one in group if one.name == name or before[one.name].is_answering]
    except CutoverInvalid:
        try_note_moves(wiring, group)  # it may have been done before, by one that died
        raise
    after = wiring.warehouse.set_routes(back)  # of all that follows, nothing may keep this from being done
    done: list[RolledBack] = []
    for one in after:
        unrecorded = done[0].unrecorded if done else ""
        done.append(_rolled_back(wiring, before[one.entity], one, _By(by, reason), unrecorded))
    return tuple(done)


@dataclass(frozen=True, slots=True)
class _By:
    """Who decides, and why."""

    name: str
    reason: str


def _back(route: Route, *, off: bool) -> Route:
    if off and route.stage is Stage.SHADOW:
        return stopped(route)
    back = rolled_back(route)
    return stopped(back) if off else back


def _rolled_back(wiring: Wiring, before: Route, after: Route, by: _By, unrecorded: str) -> RolledBack:
    """Writes down what was done; where the control plane is away (`unrecorded`: known to be), it stays done."""
    action = Action.ROLL_BACK if before.is_answering else Action.STOP
    decision = _decision(wiring, action, before, after, by)
    entity = entity_of(wiring, after.entity)
    if not unrecorded:
        try:
            note_move(wiring, entity, before)
            decision = decide(wiring, decision)
        except LockgateError as error:
            from lockgate.app.recorder import told

            unrecorded = told(error)
    release_incumbent(wiring, entity, after)
    return RolledBack(decision, next(iter(_shown(wiring, entity, after.incumbent)), None), unrecorded)


def retire(wiring: Wiring, name: str, *, by: str, reason: str) -> tuple[Decision, ...]:
    """Ends a cutover: the promoted candidate is the incumbent, and the old one is not built any more.

    Raises:
        CutoverInvalid: nothing is promoted.
        StaleToken: somebody else moved the route at the same moment.
    """
    group = group_of(wiring, entity_of(wiring, name))
    before = {one.name: ensure_route(one, wiring.warehouse) for one in group}
    note_moves(wiring, group)
    after = wiring.warehouse.set_routes([retired(route) for route in before.values()])
    who = _By(by, reason)
    return tuple(decide(wiring, _decision(wiring, Action.RETIRE, before[one.entity], one, who)) for one in after)


def _decision(wiring: Wiring, action: Action, before: Route, after: Route, by: _By) -> Decision:
    entity, facts = entity_of(wiring, before.entity), {}
    if before.candidate is not None and before.candidate in entity.implementations:
        with suppress(LockgateError):  # a roll-back needs the target alone; without it no revision may advance
            facts["candidate_revision"] = wiring.revision(entity.implementations[before.candidate])
    return Decision(
        decision_id=0,
        entity=entity.name,
        action=action,
        answer=action.answer,
        before=before,
        after=after,
        by=by.name,
        reason=by.reason,
        at=wiring.clock(),
        facts=facts,
    )


def _shown(wiring: Wiring, entity: Entity, implementation: str | None = None) -> tuple[Edition, ...]:
    """The editions that the served view stands on, of one implementation or of both."""
    numbers = wiring.warehouse.shown(entity.name)
    return tuple(
        edition
        for edition in wiring.warehouse.editions(entity.name)
        if edition.number in numbers and implementation in {None, edition.implementation}
    )


def statuses(wiring: Wiring, names: Sequence[str]) -> tuple[RouteStatus, ...]:
    """Where the routes of these entities stand, or of all where none is named.

    Raises:
        UnknownName: there is no such entity.
    """
    entities = [entity_of(wiring, name) for name in names] or list(wiring.project.entities.values())
    try_note_moves(wiring, entities)
    return tuple(_status(wiring, entity) for entity in entities)


def _status(wiring: Wiring, entity: Entity) -> RouteStatus:
    route = ensure_route(entity, wiring.warehouse)
    decisions = wiring.store.cutovers.decisions(entity.name, limit=1)
    plans = wiring.store.cutovers.plans_of(entity.name, limit=1)
    seen, gates = gates_seen(wiring, entity)
    return RouteStatus(
        entity=entity.name,
        route=route,
        group=entity.group,
        shown=_shown(wiring, entity),
        gates=gates,
        comparison=next(iter(seen.of(EvidenceKind.COMPARISON, None)), None) if seen else None,
        decision=next(iter(decisions), None),
        plan=next(iter(plans), None),
        moved_at=decisions[0].at if decisions else None,
    )


def gates_seen(wiring: Wiring, entity: Entity) -> tuple[Seen | None, tuple[GateAnswer, ...]]:
    """What is known of an entity's sides, and what its gates say of it; nothing where one is not there.

    A route that was never stored is taken as declared: to look changes nothing.
    """
    route = wiring.warehouse.route(entity.name) or declared_route(entity)
    if not {route.incumbent, route.candidate} <= entity.implementations.keys():
        return None, ()
    seen = seen_of(wiring, pair_of(wiring, entity, route.incumbent, route.candidate), route)
    return seen, gate_answers(wiring, entity, seen)


def asked_gates(wiring: Wiring, names: Sequence[str]) -> tuple[GateAnswer, ...]:
    """What gates say now of every entity that goes through them: those of these names, or all.

    Raises:
        UnknownName: there is no gate of a name.
    """
    known = wiring.project.gates
    for name in names:
        if name not in known:
            message = f"there is no gate {name!r}; there are {', '.join(known) or 'none'}"
            raise UnknownName(message, hint=did_you_mean(name, known), name=name)
    answers = (one for entity in wiring.project.entities.values() for one in gates_seen(wiring, entity)[1])
    return tuple(one for one in answers if not names or one.gate in names)


def sign(wiring: Wiring, name: str, gate: str, role: str, *, by: str, reason: str) -> Evidence:
    """Signs an entity's gate for the route as it stands.

    Raises:
        CutoverInvalid: the gate wants no signature, or not of one with this role.
        UnknownName: there is no such entity or gate.
    """
    entity = entity_of(wiring, name)
    declared = wiring.project.gates.get(gate)
    if declared is None or declared.sign_off is None or gate not in entity.route.gates:
        raise CutoverInvalid(f"{name} has no gate {gate!r} that wants a signature", entity=name)
    if role not in declared.sign_off.roles or by not in wiring.project.roles.get(role, frozenset()):
        hint = f"It wants one of: {', '.join(declared.sign_off.roles)}; `roles` in lockgate.yml says who has which."
        raise CutoverInvalid(f"{by} does not sign {gate} as {role}", hint=hint, entity=name)
    return _recorded(wiring, entity, EvidenceKind.SIGN_OFF, {"gate": gate, "role": role, "reason": reason}, by=by)


def record_score(wiring: Wiring, name: str, value: float, *, by: str, reason: str) -> Evidence:
    """Records a score of an entity's candidate.

    Raises:
        CutoverInvalid: it has no candidate, or the score is not a number.
        UnknownName: there is no such entity.
    """
    if not math.isfinite(value):
        raise CutoverInvalid(f"{value} is not a score", hint="Give a finite number.")
    return _recorded(wiring, entity_of(wiring, name), EvidenceKind.SCORE, {"value": value, "reason": reason}, by=by)


def _recorded(wiring: Wiring, entity: Entity, kind: EvidenceKind, facts: Mapping[str, object], *, by: str) -> Evidence:
    """Evidence that a person gives, of the pair and the route as they stand."""
    route = ensure_route(entity, wiring.warehouse)
    pair = pair_of(wiring, entity, route.incumbent, route.candidate or entity.route.candidate)
    log, now = wiring.store.evidence, wiring.clock()
    number = log.add_evidence(kind, pair, route.token, now, by=by, facts=facts)
    return Evidence(number, kind, pair, route.token, now, by, facts)
