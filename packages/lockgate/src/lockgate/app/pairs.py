"""An entity's two sides as they are now: which implementations, at which revisions, and what is known of them."""

from __future__ import annotations

from typing import cast

from lockgate.app.wiring import Wiring
from lockgate.core.bucket import BUCKETED_KINDS
from lockgate.core.entity import Entity
from lockgate.core.gate import EvidenceKind, GateAnswer, GateDeclaration, Pair
from lockgate.core.policy import Policy
from lockgate.core.route import Route
from lockgate.cutover import Seen, gate_answer
from lockgate.errors import CutoverInvalid, UnknownName

# The newest pieces of evidence that are looked at; a gate asks for a thousand runs at most.
MOST_EVIDENCE = 10_000


def group_of(wiring: Wiring, entity: Entity) -> tuple[Entity, ...]:
    """The entities that move together with one, itself among them, by name."""
    if not entity.group:
        return (entity,)
    mine = [one for one in wiring.project.entities.values() if one.group == entity.group]
    return tuple(sorted(mine, key=lambda one: one.name))


def pair_of(wiring: Wiring, entity: Entity, incumbent: str, candidate: str | None) -> Pair:
    """Two implementations of an entity at the revisions of their files.

    Raises:
        CutoverInvalid: there is no candidate.
        UnknownName: the project has no such implementation any more.
    """
    if candidate is None:
        hint = "Name one under `route.candidate`, or with --candidate."
        raise CutoverInvalid(f"{entity.name} has no candidate", hint=hint, entity=entity.name)
    for name in (incumbent, candidate):
        if name not in entity.implementations:
            known = ", ".join(entity.implementations)
            raise UnknownName(f"{entity.name} has no implementation {name!r}; it has {known}", name=name)
    revisions = [wiring.revision(entity.implementations[name]) for name in (incumbent, candidate)]
    return Pair(entity.name, incumbent, candidate, *revisions)


def unsplittable(entity: Entity) -> str:
    """Why an entity's rows cannot be split between two sides by their key; empty where they can."""
    names = (entity.bucket_by,) if entity.bucket_by else entity.contract.key
    odd = [one for one in map(entity.contract.column, names) if one.type.kind not in BUCKETED_KINDS]
    return f"{odd[0].name} is {odd[0].type}, and only integer, text, uuid and date columns have buckets" if odd else ""


def policy_of(wiring: Wiring, entity: Entity) -> Policy:
    """How the entity's route moves by itself."""
    named = entity.route.policy
    return wiring.project.policies[named] if named else Policy()


def gates_of(wiring: Wiring, entity: Entity) -> tuple[GateDeclaration, ...]:
    """The gates that the entity passes before its candidate answers more."""
    return tuple(wiring.project.gates[name] for name in entity.route.gates)


def seen_of(wiring: Wiring, pair: Pair, route: Route) -> Seen:
    """What is known of a pair now."""
    log = wiring.store.evidence
    evidence = log.evidence(pair=pair, limit=MOST_EVIDENCE)
    return Seen(pair, evidence, route.token, wiring.clock(), log.traffic(pair.entity, route.token))


def unapproved(wiring: Wiring, entity: Entity, pair: Pair) -> str:
    """Why what the candidate would show was not seen by the entity's gates; empty where it was, or there are none.

    Its newest edition that is not held must be one of those that were compared at just these revisions.
    """
    newest = [one for one in wiring.warehouse.editions(entity.name) if one.implementation == pair.candidate]
    free = [one.number for one in newest if not one.is_held][-1:]
    if not free or not entity.route.gates:
        return ""
    found = wiring.store.evidence.evidence(pair=pair, limit=MOST_EVIDENCE)
    compared = (one.facts["editions"] for one in found if one.kind is EvidenceKind.COMPARISON)
    if any(free[0] in cast("list[int]", editions) for editions in compared):
        return ""
    return f"{entity.name}: edition {free[0]} of {pair.candidate} was not compared at this revision: lockgate run"


def gate_answers(wiring: Wiring, entity: Entity, seen: Seen) -> tuple[GateAnswer, ...]:
    """What each of the entity's gates says of what is known."""
    return tuple(gate_answer(gate, seen) for gate in gates_of(wiring, entity))
