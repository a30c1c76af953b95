"""What the gates of many entities say, asked in two statements however many entities there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate.app.entity_states import Stood
from lockgate.app.pairs import gate_answers, gates_of, holding
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Engine, Implementation
from lockgate.core.gate import GateAnswer, Pair, Traffic
from lockgate.cutover import Seen

# Beyond the comparisons that a gate asks for: what people signed, of whom there may be several.
_FEWEST = 20


def gates_now(wiring: Wiring, entities: Sequence[Stood]) -> Mapping[str, tuple[GateAnswer, ...]]:
    """What each gate says now of these entities; one without a candidate, or without gates, is left out."""
    pairs = {one.entity.name: pair for one, pair in _pairs(wiring, entities)}
    if not pairs:
        return {}
    each = max(_FEWEST, *(gate.runs for gate in wiring.project.gates.values()))
    evidence = wiring.store.glances.newest_evidence(list(pairs), each=each)
    stood = {one.entity.name: one for one in entities}
    traffic = wiring.store.glances.traffic({name: stood[name].route.token for name in pairs})
    found: dict[str, tuple[GateAnswer, ...]] = {}
    for name, pair in pairs.items():
        known = holding(wiring, name, evidence.get(pair, ()))
        seen = traffic.get((name, pair.incumbent_revision, pair.candidate_revision), Traffic())
        told = Seen(pair, known, stood[name].route.token, wiring.clock(), seen)
        found[name] = gate_answers(wiring, stood[name].entity, told)
    return found


def _pairs(wiring: Wiring, entities: Sequence[Stood]) -> list[tuple[Stood, Pair]]:
    """The two sides of each entity that has both and goes through gates; a project's revision is read once."""
    revision = _Revisions(wiring)
    found = []
    for one in entities:
        entity, route = one.entity, one.route
        if route.candidate is None or not {route.incumbent, route.candidate} <= entity.implementations.keys():
            continue
        if gates_of(wiring, entity):
            sides = (route.incumbent, route.candidate)
            revisions = [revision.of(entity.implementation(name)) for name in sides]
            found.append((one, Pair(entity.name, *sides, *revisions)))
    return found


class _Revisions:
    """Revisions as they are now, each dbt project's read once, and that of rule sets of one name, which is of them all.

    See `RuleBook.revision`: a rule set can read the others of its name.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._known: dict[tuple[str, ...], str] = {}

    def of(self, implementation: Implementation) -> str:
        is_rules = implementation.engine is Engine.RULES
        own = (implementation.name,) if is_rules else (str(implementation.path), implementation.git_revision)
        if own not in self._known:
            self._known[own] = self._wiring.revision(implementation)
        return self._known[own]
