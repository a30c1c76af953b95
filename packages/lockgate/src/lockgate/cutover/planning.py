"""Which frozen steps lead from the routes in force to where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lockgate.core.bucket import BUCKETS
from lockgate.core.cutover import PlanStep, StepKind
from lockgate.core.gate import Pair
from lockgate.core.legible import percent
from lockgate.core.route import Route, Stage
from lockgate.errors import CutoverInvalid

_ORDER = (Stage.OFF, Stage.RETIRED, Stage.SHADOW, Stage.CANARY, Stage.PROMOTED)
_BEFORE_SHADOW = frozenset({Stage.OFF, Stage.RETIRED})


@dataclass(frozen=True, slots=True)
class Moving:
    """An entity that is to move: its route, the pair, its gates with how many comparisons each wants.

    `unsound` says why its keys cannot be split between two sides; empty where they can.
    """

    route: Route
    pair: Pair
    gates: Mapping[str, int]
    unsound: str = ""

    @property
    def entity(self) -> str:
        """Its name."""
        return self.route.entity


def planned(moving: Sequence[Moving], stage: Stage, share: int) -> tuple[PlanStep, ...]:
    """The steps that lead a group, one entity as a rule, to a stage; `share` is that of a canary.

    Raises:
        CutoverInvalid: the way there is not one forwards, its keys cannot be split, or the group is torn apart.
    """
    for one in moving:
        _check(one, stage, share)
    _check_together(moving)
    return tuple(_steps(moving, stage, share))


def _check(one: Moving, stage: Stage, share: int) -> None:
    now = one.route.stage
    if stage is Stage.CANARY and one.unsound:
        hint = f"Go from shadow to promoted: lockgate cutover plan {one.entity} --to promoted"
        raise CutoverInvalid(f"{one.entity} cannot be a canary: {one.unsound}", hint=hint, entity=one.entity)
    if _ORDER.index(stage) < _ORDER.index(now):
        hint = f"Roll back first: lockgate cutover rollback {one.entity}"
        raise CutoverInvalid(f"{one.entity} is {now} already, and {stage} lies behind it", hint=hint, entity=one.entity)
    if stage is now and not (stage is Stage.CANARY and share != one.route.share):
        raise CutoverInvalid(f"{one.entity} is {described(one.route)} already", entity=one.entity)


def _check_together(moving: Sequence[Moving]) -> None:
    """Refuses a group that has to go through the shadow first, while consumers read a candidate of it already."""
    behind = [one for one in moving if one.route.stage in _BEFORE_SHADOW]
    ahead = [one for one in moving if one.route.stage in {Stage.CANARY, Stage.PROMOTED}]
    if behind and ahead:
        told = ", ".join(f"{one.entity} is {described(one.route)}" for one in (*ahead, *behind))
        hint = f"Roll back first: {', '.join(f'lockgate cutover rollback {one.entity}' for one in ahead)}"
        raise CutoverInvalid(f"a group moves together, but {told}", hint=hint, entity=ahead[0].entity)


def _steps(moving: Sequence[Moving], stage: Stage, share: int) -> Iterator[PlanStep]:
    routes = [replace(one.route, candidate=one.pair.candidate) for one in moving]
    if any(route.stage in _BEFORE_SHADOW for route in routes):
        routes = [replace(route, stage=Stage.SHADOW) for route in routes]  # whoever answers goes on answering
        yield PlanStep(StepKind.ROUTE, tuple(routes))
        routes = [replace(route, token=route.token + 1) for route in routes]
        cycles = (
            max((runs for one in moving for runs in one.gates.values()), default=1) if stage is not Stage.SHADOW else 1
        )
        yield from [PlanStep(StepKind.CYCLE)] * cycles
    if stage is Stage.SHADOW:
        return
    if not all(route.stage is stage and share < route.share for route in routes):  # less than before needs no gate
        gates = dict.fromkeys(gate for one in moving for gate in one.gates)
        yield from (PlanStep(StepKind.GATE, gate=gate) for gate in gates)
    moved = BUCKETS if stage is Stage.PROMOTED else share
    yield PlanStep(StepKind.ROUTE, tuple(_at(route, stage, moved) for route in routes))


def _at(route: Route, stage: Stage, share: int) -> Route:
    return replace(route, stage=stage, share=share)


def rolled_back(route: Route) -> Route:
    """The route with the incumbent answering for everything; a candidate under way goes on in the shadow.

    Raises:
        CutoverInvalid: the candidate answers for nothing.
    """
    if not route.is_answering:
        raise CutoverInvalid(
            f"{route.entity} is {described(route)}: there is nothing to roll back", entity=route.entity
        )
    return _at(route, Stage.OFF if route.stage is Stage.OFF else Stage.SHADOW, 0)


def stopped(route: Route) -> Route:
    """The route with the candidate out of it: nothing of it is built any more."""
    return _at(route, Stage.OFF, 0)


def retired(route: Route) -> Route:
    """The route once the old incumbent is gone: the promoted candidate is the incumbent.

    Raises:
        CutoverInvalid: nothing was promoted.
    """
    if route.stage is not Stage.PROMOTED or route.candidate is None:
        hint = f"Promote first: lockgate cutover promote {route.entity}"
        raise CutoverInvalid(
            f"{route.entity} is {described(route)}: nothing is promoted", hint=hint, entity=route.entity
        )
    return replace(route, incumbent=route.candidate, candidate=None, stage=Stage.RETIRED, share=0)


def described(route: Route) -> str:
    """A route's stage, with its share where that says more."""
    return f"canary at {percent(route.share)}" if route.stage is Stage.CANARY else route.stage.value
