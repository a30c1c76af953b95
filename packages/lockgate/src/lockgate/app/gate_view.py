"""A gate of an entity, with what it says now, the evidence that it saw, and who may sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lockgate.app.asked_at_once import gates_now
from lockgate.app.cutting_over import gates_seen
from lockgate.app.entities import entity_of
from lockgate.app.entity_states import standings_of
from lockgate.app.wiring import Wiring
from lockgate.core.gate import Evidence, EvidenceKind, GateAnswer, GateDeclaration
from lockgate.core.nearness import did_you_mean
from lockgate.core.route import Route
from lockgate.errors import UnknownName
from lockgate.transform.cycle import declared_route


@dataclass(frozen=True, slots=True)
class AskedGate:
    """A gate that entities go through, with what it says of each of them now; None where there is no candidate."""

    gate: GateDeclaration
    answers: Mapping[str, GateAnswer | None]


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate of one entity. `signed` are the signatures that count, `people` who has which of the roles that sign."""

    gate: GateDeclaration
    entity: str
    route: Route
    answer: GateAnswer | None
    evidence: Mapping[int, Evidence]
    signed: tuple[Evidence, ...]
    people: Mapping[str, tuple[str, ...]]

    def roles_of(self, name: str) -> tuple[str, ...]:
        """The roles in which somebody may sign, of those that the gate asks for."""
        return tuple(role for role, people in self.people.items() if name in people)


def asked_gates(wiring: Wiring) -> tuple[AskedGate, ...]:
    """Every gate of the project, in a number of statements that does not grow with its entities."""
    entities = standings_of(wiring)
    said = gates_now(wiring, entities)
    found = {(name, answer.gate): answer for name, answers in said.items() for answer in answers}
    return tuple(
        AskedGate(
            gate,
            {
                one.entity.name: found.get((one.entity.name, gate.name))
                for one in entities
                if gate.name in one.entity.route.gates
            },
        )
        for gate in wiring.project.gates.values()
    )


def gate_view(wiring: Wiring, name: str, gate: str) -> GateView:
    """A gate of an entity as it stands now.

    Raises:
        UnknownName: there is no such entity, or it does not go through that gate.
    """
    entity = entity_of(wiring, name)
    if gate not in entity.route.gates:
        known = ", ".join(entity.route.gates) or "none"
        hint = did_you_mean(gate, entity.route.gates)
        raise UnknownName(f"{name} goes through no gate {gate!r}; it has {known}", hint=hint, name=gate)
    declared, route = wiring.project.gates[gate], wiring.warehouse.route(name) or declared_route(entity)
    seen, answers = gates_seen(wiring, entity)
    answer = next((one for one in answers if one.gate == gate), None)
    wanted = {number for one in answer.conditions for number in one.evidence} if answer else set()
    known_evidence = seen.evidence if seen else ()
    roles = declared.sign_off.roles if declared.sign_off else ()
    return GateView(
        gate=declared,
        entity=name,
        route=route,
        answer=answer,
        evidence={one.evidence_id: one for one in known_evidence if one.evidence_id in wanted},
        signed=tuple(one for one in known_evidence if _counts(one, gate, route)),
        people={role: tuple(sorted(wiring.project.roles.get(role, ()))) for role in roles},
    )


def _counts(one: Evidence, gate: str, route: Route) -> bool:
    return one.kind is EvidenceKind.SIGN_OFF and one.facts["gate"] == gate and one.token == route.token
