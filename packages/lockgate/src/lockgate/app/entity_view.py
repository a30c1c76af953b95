"""One entity, looked at closely: its sides, what was built and compared of them, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.app.asked_at_once import gates_now
from lockgate.app.entities import entity_of
from lockgate.app.entity_states import Stood, state_of
from lockgate.app.glance import FAILED_WITHIN, Glance, Known, glance_of, loads_read
from lockgate.app.look import ShownEdition
from lockgate.app.pairs import gates_of, group_of, pair_of, policy_of, unsplittable
from lockgate.app.plan_view import PlanHead, plan_head
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Decision
from lockgate.core.entity import Entity, Implementation
from lockgate.core.gate import GateDeclaration, Traffic
from lockgate.core.policy import Policy
from lockgate.core.record import ComparisonHead, ExecutionHead
from lockgate.core.relation import Column, Relation
from lockgate.core.route import Arm, Route, Stage
from lockgate.errors import LockgateError
from lockgate.transform.cycle import declared_route

MOST_COMPARISONS = 40
MOST_EXECUTIONS = 80
MOST_DECISIONS = 10
MOST_PLANS = 3


@dataclass(frozen=True, slots=True)
class Side:
    """An implementation of the entity; `arm` is the side of the route on which it stands, if it does.

    `revision` is a digest of its files now, or what keeps them from being read where `is_lost`.
    """

    implementation: Implementation
    place: str
    revision: str
    arm: Arm | None
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class EntityView:
    """All that is shown of one entity; lists have the newest first.

    `unsplittable` says why its keys cannot be split between two sides; empty where they can. `traffic` is what both
    sides made of the same requests since the route was moved last.
    """

    glance: Glance
    members: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    bucket_by: str
    served: Relation
    sides: tuple[Side, ...]
    gates: tuple[GateDeclaration, ...]
    policy: Policy
    unsplittable: str
    traffic: Traffic
    comparisons: tuple[ComparisonHead, ...]
    executions: tuple[ExecutionHead, ...]
    editions: tuple[ShownEdition, ...]
    decisions: tuple[Decision, ...]
    plans: tuple[PlanHead, ...]

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.glance.state.name

    @property
    def route(self) -> Route:
        """The route in force."""
        return self.glance.route

    @property
    def goals(self) -> tuple[Stage, ...]:
        """The stages that a plan can lead to from here."""
        order = (Stage.SHADOW, Stage.CANARY, Stage.PROMOTED)
        now = self.route.stage
        ahead = order[order.index(now) + (now is not Stage.CANARY) :] if now in order else order
        return tuple(stage for stage in ahead if stage is not Stage.CANARY or not self.unsplittable)

    @property
    def candidates(self) -> tuple[str, ...]:
        """The implementations that can become the candidate, the one of the route first."""
        others = [name for name in self.glance.state.implementations if name != self.route.incumbent]
        return tuple(sorted(others, key=lambda name: name != self.route.candidate))


def entity_view(wiring: Wiring, name: str) -> EntityView:
    """One entity, in a number of statements that does not grow with what there is.

    Raises:
        UnknownName: there is no such entity.
    """
    entity = entity_of(wiring, name)
    stood = _stood(wiring, entity)
    glances = wiring.store.glances
    comparisons = glances.comparisons(name, limit=MOST_COMPARISONS)
    decisions = wiring.store.cutovers.decisions(name, limit=MOST_DECISIONS)
    known = Known(
        comparisons={one.entity: one for one in comparisons[:1]},
        decisions={one.entity: one for one in decisions[:1]},
        gates=gates_now(wiring, (stood,)),
        failed=glances.failed_jobs(wiring.clock() - FAILED_WITHIN),
        loaded_at=glances.loaded_at(loads_read((stood,))),
        now=wiring.clock(),
    )
    return EntityView(
        glance=glance_of(wiring, stood, state_of(stood, wiring.switches()), known),
        members=tuple(one.name for one in group_of(wiring, entity)),
        key=entity.contract.key,
        columns=entity.contract.columns,
        bucket_by=entity.bucket_by,
        served=entity.served,
        sides=tuple(_side(wiring, one, stood.route) for one in entity.implementations.values()),
        gates=gates_of(wiring, entity),
        policy=policy_of(wiring, entity),
        unsplittable=unsplittable(entity),
        traffic=_traffic(wiring, stood),
        comparisons=comparisons,
        executions=glances.executions(name, limit=MOST_EXECUTIONS),
        editions=tuple(ShownEdition(one, stood.shown.get(one.number)) for one in reversed(stood.editions)),
        decisions=decisions,
        plans=_plans(wiring, name),
    )


def _stood(wiring: Wiring, entity: Entity) -> Stood:
    warehouse = wiring.warehouse
    route = warehouse.route(entity.name) or declared_route(entity)
    return Stood(entity, route, warehouse.editions(entity.name), warehouse.shown(entity.name))


def _side(wiring: Wiring, implementation: Implementation, route: Route) -> Side:
    """An implementation at the revision that its files have now, or why they cannot be read."""
    arm = route.arm_of(implementation.name)
    place = wiring.places.relative(str(implementation.path))
    try:
        wiring.revisions.located(implementation)
        return Side(implementation, place, wiring.revision(implementation), arm)
    except LockgateError as error:
        return Side(implementation, place, error.message, arm, is_lost=True)


def _traffic(wiring: Wiring, stood: Stood) -> Traffic:
    route = stood.route
    if route.candidate is None or not {route.incumbent, route.candidate} <= stood.entity.implementations.keys():
        return Traffic()
    pair = pair_of(wiring, stood.entity, route.incumbent, route.candidate)
    return wiring.store.evidence.traffic(pair, route.token)


def _plans(wiring: Wiring, name: str) -> tuple[PlanHead, ...]:
    """The newest plans that move the entity."""
    log = wiring.store.cutovers
    mine = log.plans_of(name, limit=MOST_PLANS)
    return tuple(plan_head(plan, log.outcomes(plan.plan_id)) for plan in mine)
