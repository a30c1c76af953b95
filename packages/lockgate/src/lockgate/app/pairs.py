"""An entity's two sides as they are now: which implementations, at which revisions, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from lockgate.app.wiring import Wiring
from lockgate.core.bucket import BUCKETED_KINDS
from lockgate.core.entity import Entity
from lockgate.core.gate import Evidence, EvidenceKind, GateAnswer, GateDeclaration, Pair
from lockgate.core.policy import Policy
from lockgate.core.route import Edition, Route
from lockgate.cutover import Seen, gate_answer, unproven
from lockgate.errors import CutoverInvalid

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
    revisions = [wiring.revision(entity.implementation(name)) for name in (incumbent, candidate)]
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


def allowed_rows(wiring: Wiring, entity: Entity) -> int:
    """How many rows may differ unexplained and the entity's sides are level: as many as the strictest gate says."""
    stated = (gate.unexplained_differences for gate in gates_of(wiring, entity))
    return min((rows for rows in stated if rows is not None), default=0)


def agreement_of(entity: Entity) -> str:
    """A digest of how the entity's sides are compared: what was found under another agreement proves nothing now."""
    declared = entity.comparison
    said = (sorted(declared.rules.items()), sorted(declared.excluded), declared.expected, entity.contract)
    return sha256(repr(said).encode()).hexdigest()[:16]


def seen_of(wiring: Wiring, pair: Pair, route: Route) -> Seen:
    """What is known of a pair now."""
    traffic = wiring.store.evidence.traffic(pair, route.token)
    return Seen(pair, _evidence_of(wiring, pair), route.token, wiring.clock(), traffic)


def _evidence_of(wiring: Wiring, pair: Pair) -> tuple[Evidence, ...]:
    """The pair's evidence, newest first, without what does not hold any more."""
    return holding(wiring, pair.entity, wiring.store.evidence.evidence(pair=pair, limit=MOST_EVIDENCE))


def holding(wiring: Wiring, entity: str, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence about an entity without what does not hold any more.

    That is a comparison made under another agreement, and a signature of one who has not that role now.
    """
    agreement = agreement_of(wiring.project.entities[entity])
    roles = wiring.project.roles

    def holds(one: Evidence) -> bool:
        if one.kind is EvidenceKind.COMPARISON:
            return one.facts.get("agreement") == agreement
        return one.kind is not EvidenceKind.SIGN_OFF or one.by in roles.get(str(one.facts["role"]), frozenset())

    return tuple(one for one in evidence if holds(one))


@dataclass(frozen=True, slots=True)
class Approval:
    """Whether the candidate may answer for more: `refused` says why not; the `editions` of both sides were looked at.

    Whoever moves the route by it names these to the target, which refuses where others were published meanwhile.
    """

    entity: str
    editions: frozenset[int]
    refused: str = ""


def approval_of(wiring: Wiring, entity: Entity, pair: Pair) -> Approval:
    """Whether the candidate may answer for more, whatever gates say.

    The newest editions of both sides must have been compared with each other, at just these revisions, and have been
    found level: more rows may differ unexplained only where a gate says how many. Neither may be held back: consumers
    would be shown an older one in its place.
    """
    sides = _newest(wiring, pair)
    held = next((one for one in sides if one and one.is_held), None)
    refused = not_level(wiring, entity, pair)
    if held is not None and not refused:
        told = f"edition {held.number} of {held.implementation} is held back"
        refused = f"{entity.name}: {told}: lockgate publish {entity.name}"
    return Approval(entity.name, frozenset(one.number for one in sides if one), refused)


def _newest(wiring: Wiring, pair: Pair) -> tuple[Edition | None, Edition | None]:
    """The newest edition of the candidate and of the incumbent."""
    newest = {edition.implementation: edition for edition in wiring.warehouse.editions(pair.entity)}
    return newest.get(pair.candidate), newest.get(pair.incumbent)


def not_level(wiring: Wiring, entity: Entity, pair: Pair) -> str:
    """Why it is not known that the newest editions of both sides are level; empty where it is."""
    found = comparison_of(wiring, pair)
    if found is None:
        ours, theirs = (edition.number if edition else "none" for edition in _newest(wiring, pair))
        sides = f"edition {ours} of {pair.candidate}", f"edition {theirs} of {pair.incumbent}"
        return f"{entity.name}: {sides[0]} was not compared at this revision with {sides[1]}: lockgate run"
    said = unproven(found, allowed_rows(wiring, entity))
    return f"{entity.name}: {said}" if said else ""


def comparison_of(wiring: Wiring, pair: Pair) -> Evidence | None:
    """The comparison of the newest editions of both sides; None where the newest one is of others."""
    newest = {edition.number if edition else None for edition in _newest(wiring, pair)}
    found = next((one for one in _evidence_of(wiring, pair) if one.kind is EvidenceKind.COMPARISON), None)
    return found if found is not None and set(cast("list[int]", found.facts["editions"])) == newest else None


def gate_answers(wiring: Wiring, entity: Entity, seen: Seen) -> tuple[GateAnswer, ...]:
    """What each of the entity's gates says of what is known."""
    return tuple(gate_answer(gate, seen) for gate in gates_of(wiring, entity))
