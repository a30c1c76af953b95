"""The whole project at a glance: where each entity stands, what was last found of it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lockgate.app.asked_at_once import gates_now
from lockgate.app.entity_states import EntityState, Stood, standings_of, state_of
from lockgate.app.pairs import gates_of
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Action, Decision
from lockgate.core.gate import Answer, GateAnswer
from lockgate.core.record import ComparisonHead
from lockgate.core.route import Edition, Route
from lockgate.transform.router import lacks_candidate

RECENT_DECISIONS = 8
FAILED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Glance:
    """One entity at a glance.

    `read` is the edition that consumers read most of, `age` how old its oldest input is and `oldest` how old it may be
    (None: nobody says). `alarms` tells in sentences what somebody should look at.
    """

    state: EntityState
    route: Route
    group: str
    read: Edition | None
    age: timedelta | None
    oldest: timedelta | None
    comparison: ComparisonHead | None
    gates: tuple[GateAnswer, ...]
    decision: Decision | None
    failed_jobs: int
    alarms: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """Whether what consumers read is older than it may be."""
        return self.age is not None and self.oldest is not None and self.age > self.oldest


@dataclass(frozen=True, slots=True)
class Overview:
    """Every entity at a glance, and what concerns none of them alone."""

    entities: tuple[Glance, ...]
    decisions: tuple[Decision, ...]
    failed_loads: tuple[str, ...]
    set_aside: int
    is_dbt_enabled: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of all entities."""

    comparisons: Mapping[str, ComparisonHead]
    decisions: Mapping[str, Decision]
    gates: Mapping[str, tuple[GateAnswer, ...]]
    failed: Mapping[str, int]
    loaded_at: Mapping[int, datetime]
    now: datetime


def overview(wiring: Wiring) -> Overview:
    """The project as it stands now, in a number of statements that does not grow with its entities."""
    entities, switches = standings_of(wiring), wiring.switches()
    glances, now = wiring.store.glances, wiring.clock()
    known = Known(
        comparisons=glances.newest_comparisons(),
        decisions=glances.newest_decisions(),
        gates=gates_now(wiring, entities),
        failed=glances.failed_jobs(now - FAILED_WITHIN),
        loaded_at=glances.loaded_at(loads_read(entities)),
        now=now,
    )
    return Overview(
        entities=tuple(glance_of(wiring, one, state_of(one, switches), known) for one in entities),
        decisions=wiring.store.cutovers.decisions(limit=RECENT_DECISIONS),
        failed_loads=glances.failed_loads(),
        set_aside=glances.set_aside(wiring.warehouse.pins()),
        is_dbt_enabled=switches.is_enabled_for_all,
        at=now,
    )


def loads_read(entities: Sequence[Stood]) -> list[int]:
    """The newest loads that what consumers read was made of."""
    return sorted({pin.last_load for one in entities if one.read for pin in one.read.pins})


def glance_of(wiring: Wiring, stood: Stood, state: EntityState, known: Known) -> Glance:
    """An entity at a glance, by what was found of all."""
    name, age = state.name, _age(stood.read, known)
    bounds = [gate.freshness for gate in gates_of(wiring, stood.entity) if gate.freshness is not None]
    gates, decision = known.gates.get(name, ()), known.decisions.get(name)
    oldest = min(bounds, default=None)
    return Glance(
        state=state,
        route=stood.route,
        group=stood.entity.group,
        read=stood.read,
        age=age,
        oldest=oldest,
        comparison=known.comparisons.get(name),
        gates=gates,
        decision=decision,
        failed_jobs=known.failed.get(name, 0),
        alarms=tuple(alarms_of(stood, state, gates, decision)),
    )


def _age(read: Edition | None, known: Known) -> timedelta | None:
    """How old the oldest input of an edition is; of what was loaded by nobody we know, how old itself."""
    if read is None:
        return None
    landed = [known.loaded_at.get(pin.last_load) for pin in read.pins]
    told = [at for at in landed if at is not None]
    oldest = min(told) if told and len(told) == len(landed) else read.published_at
    return max(known.now - oldest, timedelta(0))


def alarms_of(stood: Stood, state: EntityState, gates: Sequence[GateAnswer], decision: Decision | None) -> list[str]:
    """What somebody should look at, in sentences; empty where all is well."""
    route, found = stood.route, []
    if state.answers is None:
        found.append("nobody answers: dbt is switched off, and there is no rule set")
    if state.warning:
        found.append(state.warning)
    if lacks_candidate(stood.entity, route):
        found.append(f"its candidate {route.candidate} was taken out of the project")
    if decision is not None and decision.is_backwards and decision.after.token == route.token:
        done = "rolled back" if decision.action is Action.ROLL_BACK else "stopped"
        found.append(f"{done} by {decision.by}: {decision.reason}")
    if route.is_answering:
        found += [f"gate {one.gate}: {one.answer}" for one in gates if one.answer is Answer.NO_GO]
        held = sorted(edition.number for edition in held_of(stood))
        found += [f"held back from consumers: edition {number}" for number in held]
    return found


def held_of(stood: Stood) -> tuple[Edition, ...]:
    """The newest edition of each side, where it is held back from consumers."""
    newest = {edition.implementation: edition for edition in stood.editions}
    sides = (newest.get(name or "") for name in (stood.route.incumbent, stood.route.candidate))
    return tuple(edition for edition in sides if edition is not None and edition.is_held)
