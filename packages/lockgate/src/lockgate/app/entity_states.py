"""Every entity as it stands now: its route, its editions, who would answer for it, and what is odd about that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lockgate.app.switching import stale_view
from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity
from lockgate.core.job import RoutedBy
from lockgate.core.route import Arm, Edition, Route, Stage, Standing
from lockgate.errors import EngineOff
from lockgate.transform.cycle import declared_route
from lockgate.transform.router import DbtSwitches, TransformationModeRouter, warning_of


@dataclass(frozen=True, slots=True)
class EntityState:
    """An entity as callers see it: who would answer for it now, and why; nobody where `answers` is None.

    `warning` tells that its served view shows something else, or what is older than what the other side has.
    """

    name: str
    key: tuple[str, ...]
    contract: Mapping[str, str]
    implementations: Mapping[str, str]
    stage: Stage
    incumbent: str
    candidate: str | None
    share: int
    answers: str | None
    routed_by: RoutedBy | None
    is_dbt_enabled: bool
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Stood:
    """An entity of the project with the route in force, and its editions, oldest first."""

    entity: Entity
    route: Route
    editions: tuple[Edition, ...]
    shown: Mapping[int, Arm]

    @property
    def read(self) -> Edition | None:
        """The edition that consumers read most of; None where nothing is shown."""
        answering = Arm.CANDIDATE if self.route.idle_arm is Arm.INCUMBENT else Arm.INCUMBENT
        found = {self.shown[one.number]: one for one in self.editions if one.number in self.shown}
        return found.get(answering) or next(iter(found.values()), None)


def standings_of(wiring: Wiring) -> tuple[Stood, ...]:
    """Every entity, in the project's order, in a fixed number of statements.

    Where no route is stored it is the declared one, under the token 0; whoever looks writes nothing.
    """
    found = wiring.warehouse.standings()
    return tuple(_stood(entity, found) for entity in wiring.project.entities.values())


def _stood(entity: Entity, found: Mapping[str, Standing]) -> Stood:
    standing = found.get(entity.name, Standing(entity.name))
    return Stood(entity, standing.route or declared_route(entity), standing.editions, standing.shown)


def states_of(wiring: Wiring) -> tuple[EntityState, ...]:
    """Every entity as callers see it, in the project's order."""
    switches = wiring.switches()
    return tuple(state_of(one, switches) for one in standings_of(wiring))


def state_of(stood: Stood, switches: DbtSwitches) -> EntityState:
    """An entity as callers see it."""
    entity, route = stood.entity, stood.route
    router = TransformationModeRouter(lambda: switches, lambda _: route)
    state = EntityState(
        name=entity.name,
        key=entity.contract.key,
        contract={column.name: str(column.type) for column in entity.contract.columns},
        implementations={each.name: each.engine.value for each in entity.implementations.values()},
        stage=route.stage,
        incumbent=route.incumbent,
        candidate=route.candidate,
        share=route.share,
        answers=None,
        routed_by=None,
        is_dbt_enabled=switches.is_enabled(entity.name),
    )
    try:
        choice = router.choose(entity)
    except EngineOff:
        return state
    warning = warning_of(route, choice) or stale_view(route, stood.editions)
    return replace(state, answers=choice.implementation, routed_by=choice.routed_by, warning=warning)
