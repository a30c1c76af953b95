"""`TransformationModeRouter`: which implementation answers a request, and who answers where that one fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lockgate.core.bucket import BUCKETS
from lockgate.core.entity import Engine, Entity
from lockgate.core.job import Choice, RoutedBy, Switch
from lockgate.core.route import Arm, Route, Stage
from lockgate.errors import EngineOff

UNDER_WAY = frozenset({Stage.SHADOW, Stage.CANARY, Stage.PROMOTED})


@dataclass(frozen=True, slots=True)
class DbtSwitches:
    """`Transformation.Dbt.Enabled`, for all entities and for each: what was switched goes before what the file says.

    dbt answers for an entity where neither all of it nor that entity's is off.
    """

    declared: Mapping[str | None, bool] = field(default_factory=dict)
    stored: Sequence[Switch] = ()

    def is_enabled(self, entity: str) -> bool:
        """Whether dbt may answer for an entity."""
        return self._is_on(None) and self._is_on(entity)

    @property
    def is_enabled_for_all(self) -> bool:
        """Whether dbt may answer at all; single entities may do without it."""
        return self._is_on(None)

    def _is_on(self, what: str | None) -> bool:
        stored = {switch.entity: switch.enabled for switch in self.stored}
        return stored.get(what, self.declared.get(what, True))


class TransformationModeRouter:
    """Chooses by the switch, then by the route in force; a request that names an implementation gets that one."""

    def __init__(self, switches: Callable[[], DbtSwitches], route: Callable[[Entity], Route]) -> None:
        """Ask `switches` and `route` anew for every choice, so that what is changed is in force at once."""
        self._switches = switches
        self._route = route

    def choose(self, entity: Entity, engine: str | None = None) -> Choice:
        """The implementation that answers for all of an entity's rows now.

        Raises:
            UnknownName: the entity has no implementation `engine`.
            EngineOff: dbt would answer, is switched off, and no rule set can take its place.
        """
        is_dbt_on = self._switches().is_enabled(entity.name)
        if engine is not None:
            return _asked_for(entity, engine, is_dbt_on=is_dbt_on)
        route = self._route(entity)
        routed = answering(route)
        if not is_dbt_on and not _is_dbt(entity, routed) and _is_canary_of_dbt(entity, route):
            return Choice(entity.name, routed, RoutedBy.SWITCH)  # which takes dbt's share of the keys away
        if is_dbt_on or not _is_dbt(entity, routed):
            fallback = route.incumbent if routed != route.incumbent else None
            usable = fallback if fallback and (is_dbt_on or not _is_dbt(entity, fallback)) else None
            return Choice(entity.name, routed, RoutedBy.ROUTE, usable)
        return Choice(entity.name, _rules_of(entity, route), RoutedBy.SWITCH)

    def builds(self, entity: Entity) -> tuple[str, ...]:
        """The implementations that a cycle builds: the incumbent, and a candidate under way; dbt only while it is on.

        A candidate that the project has no more is not built: see `lacks_candidate`.

        Raises:
            EngineOff: dbt alone is routed, is switched off, and no rule set can take its place.
        """
        route = self._route(entity)
        is_under_way = route.candidate is not None and route.stage in UNDER_WAY and not lacks_candidate(entity, route)
        routed = (route.incumbent, route.candidate or "") if is_under_way else (route.incumbent,)
        if self._switches().is_enabled(entity.name):
            return routed
        return tuple(name for name in routed if not _is_dbt(entity, name)) or (_rules_of(entity, route),)


def answering(route: Route) -> str:
    """The implementation that answers for a whole table: the candidate once it is promoted, until then the incumbent.

    In canary the incumbent answers: a share of the keys is the served view's affair.
    """
    promoted = route.stage is Stage.PROMOTED and route.candidate is not None
    return route.candidate or route.incumbent if promoted else route.incumbent


def lacks_candidate(entity: Entity, route: Route) -> bool:
    """Whether a cutover is under way to an implementation that was taken out of the project."""
    is_known = route.candidate is None or route.candidate in entity.implementations
    return route.stage in UNDER_WAY and not is_known


def aligned(route: Route, choice: Choice) -> Route:
    """The route with the share that makes its served view show what `choice` says; its stage stays as it is.

    A choice that stands on neither side changes nothing. A canary that dbt is taken out of starts again from nothing.
    """
    arm = route.arm_of(choice.implementation)
    if arm is None or (route.stage is Stage.CANARY and choice.routed_by is not RoutedBy.SWITCH):
        return route
    return replace(route, share=BUCKETS if arm is Arm.CANDIDATE else 0)


def warning_of(route: Route, choice: Choice) -> str:
    """What is odd about a choice that no request asked for: that the served view cannot show it; else nothing."""
    if route.arm_of(choice.implementation) is not None:
        return ""
    return (
        f"{choice.implementation} answers requests for {choice.entity}, and the served view goes on showing the last "
        f"edition of {route.incumbent}: the route names {choice.implementation} no more. Enable dbt again, or route "
        f"{choice.entity} to {choice.implementation}."
    )


def _asked_for(entity: Entity, engine: str, *, is_dbt_on: bool) -> Choice:
    entity.implementation(engine)
    if not is_dbt_on and _is_dbt(entity, engine):
        raise EngineOff(f"dbt is switched off for {entity.name}", entity=entity.name)
    return Choice(entity.name, engine, RoutedBy.REQUEST)


def _is_canary_of_dbt(entity: Entity, route: Route) -> bool:
    return route.stage is Stage.CANARY and _is_dbt(entity, route.candidate or "")


def _is_dbt(entity: Entity, name: str) -> bool:
    """Whether an implementation is a dbt model; one that the project has no more is none."""
    implementation = entity.implementations.get(name)
    return implementation is not None and implementation.engine is Engine.DBT


def _rules_of(entity: Entity, route: Route) -> str:
    """The rule set that takes dbt's place: one that the route names, else the entity's first."""
    for name in (route.incumbent, route.candidate, *entity.implementations):
        implementation = entity.implementations.get(name or "")
        if implementation is not None and implementation.engine is Engine.RULES:
            return implementation.name
    raise EngineOff(f"dbt is switched off for {entity.name}, which has no rule set", entity=entity.name)
