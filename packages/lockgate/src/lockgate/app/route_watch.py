"""What a run does about routes under way: it compares both sides before consumers see them, and has them judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from lockgate.app.controller import judge, warn_of_held
from lockgate.app.cycle_evidence import CycleEvidence
from lockgate.app.pairs import group_of
from lockgate.app.wiring import Wiring
from lockgate.core.cutover import Decision
from lockgate.core.entity import Entity
from lockgate.core.execution import Outcome
from lockgate.core.route import Edition, Route
from lockgate.errors import LockgateError
from lockgate.flow import Facts, Step
from lockgate.transform.cycle import Piece, ensure_route
from lockgate.transform.router import UNDER_WAY, lacks_candidate


class RouteWatch:
    """The routes under way of which a run builds both sides."""

    def __init__(
        self,
        wiring: Wiring,
        pieces: Sequence[Piece],
        outcomes: Mapping[str, Outcome],
        made_by: Mapping[str, str],
        *,
        may_advance: bool = True,
    ) -> None:
        """`outcomes` and `made_by` fill up as pieces, named `entity@implementation`, are executed.

        `made_by` has the revision of the files that surely made an output: they did not change meanwhile.
        Without `may_advance`, no route goes forwards by itself: a plan that is being applied does that.
        """
        self._wiring = wiring
        self._may_advance = may_advance
        self._outcomes = outcomes
        self._made_by = made_by
        self._refused: dict[str, LockgateError] = {}
        self._editions: dict[str, Edition] = {}
        self._built = {str(piece) for piece in pieces}
        self.decisions: list[Decision] = []
        self._routes = dict(self._candidates(pieces))
        self._last_steps = {name: f"compare {name}" for name in self._routes} | dict(self._taken_out(pieces))
        self._evidence = {
            name: CycleEvidence(wiring, self._entity(name), route) for name, route in self._routes.items()
        }

    def _candidates(self, pieces: Sequence[Piece]) -> Iterator[tuple[str, Route]]:
        for entity in {piece.entity.name: piece.entity for piece in pieces}.values():
            route = ensure_route(entity, self._wiring.warehouse)
            if route.stage in UNDER_WAY and self._builds_both(route):
                yield entity.name, route

    def _taken_out(self, pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
        """Entities of which the project has no candidate any more, each with the step that publishes its incumbent."""
        for piece in pieces:
            route = ensure_route(piece.entity, self._wiring.warehouse)
            if lacks_candidate(piece.entity, route) and piece.implementation.name == route.incumbent:
                yield piece.entity.name, f"publish {piece}"

    def _builds_both(self, route: Route) -> bool:
        return {f"{route.entity}@{name}" for name in (route.incumbent, route.candidate)} <= self._built

    def _entity(self, name: str) -> Entity:
        return self._wiring.project.entities[name]

    def holds(self, piece: Piece, route: Route) -> bool:
        """Whether an output is compared before consumers see it, under the route in force: they read of both sides.

        A side that is built alone waits for the other one where rows of both are shown; and a candidate that gates have
        to approve waits for them.
        """
        if not route.is_answering:
            return False
        is_gated = piece.implementation.name == route.candidate and bool(piece.entity.route.gates)
        return is_gated or route.idle_arm is None or self._builds_both(route)

    def published(self, piece: Piece, edition: Edition) -> None:
        """An output is an edition, shown or held back."""
        self._editions[str(piece)] = edition

    def refused(self, piece: Piece, error: LockgateError) -> None:
        """An output could not be published."""
        self._refused[str(piece)] = error

    def steps(self) -> Iterator[Step]:
        """A step that compares each pair, then one that judges it together with its group."""
        for name, route in self._routes.items():
            entity = self._entity(name)
            needs = tuple(f"publish {name}@{side}" for side in _sides(route))
            yield Step(f"compare {name}", partial(self._compare, entity), needs=needs)
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in self._last_steps:
            groups.setdefault(tuple(one.name for one in group_of(self._wiring, self._entity(name))), []).append(name)
        for members, watched in groups.items():
            after = tuple(self._last_steps[name] for name in watched)
            entities = [self._entity(name) for name in members]
            yield Step(f"judge {', '.join(watched)}", partial(self._judge, entities, watched), after=after)

    def notes(self) -> Iterator[Step]:
        """A step for each pair that writes down how both sides were built; neither compares nor judges."""
        for name, route in self._routes.items():
            after = tuple(f"publish {name}@{side}" for side in _sides(route))
            yield Step(f"note {name}", partial(self._note, self._entity(name)), after=after)

    def _note(self, entity: Entity) -> Facts:
        self._tell_executions(entity, held=True)
        return {}

    def _compare(self, entity: Entity) -> Facts:
        route = self._routes[entity.name]
        made_by = {side: self._made_by.get(f"{entity.name}@{side}", "") for side in _sides(route)}
        found = self._evidence[entity.name].compared(lambda *_: None, made_by)
        return {"verdict": found.verdict.value, "unexplained": found.unexplained}

    def _judge(self, entities: Sequence[Entity], watched: Sequence[str]) -> Facts:
        for name in self._routes.keys() & watched:
            self._tell_executions(self._entity(name))
        decided = judge(self._wiring, entities, may_advance=self._may_advance)
        for entity in entities:
            warn_of_held(self._wiring, entity)
        if not decided:
            return {"decided": "nothing"}
        self.decisions.extend(decided)
        return {"decided": decided[0].action.value, "reason": decided[0].reason}

    def _tell_executions(self, entity: Entity, *, held: bool = False) -> None:
        """Writes down how both sides were built; a side that a failed load held up was not executed.

        Of an output that files of another revision may have made, nothing is said. `held` ones wait to be published.
        """
        evidence, route = self._evidence[entity.name], self._routes[entity.name]
        for name in _sides(route):
            side = f"{entity.name}@{name}"
            outcome, edition = self._outcomes.get(side), self._editions.get(side)
            if outcome is None or not evidence.is_of(name, self._made_by.get(side, "")):
                continue
            if name == route.candidate and edition is not None:
                evidence.loaded(edition.pins)
            evidence.executed(outcome, edition, self._refused.get(side), held=held)


def _sides(route: Route) -> tuple[str, ...]:
    return (route.incumbent, route.candidate) if route.candidate else (route.incumbent,)
