"""Showing consumers what was built and held back; where they read a candidate, the controller is asked first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lockgate.app.controller import judge, warn_of_held
from lockgate.app.deciding import held_editions
from lockgate.app.pairs import comparison_of, group_of, not_level, pair_of
from lockgate.app.side_comparison import compared_sides
from lockgate.core.cutover import Decision
from lockgate.core.entity import Entity
from lockgate.core.gate import Answer
from lockgate.core.route import Edition, Route
from lockgate.core.run import PublishResult, Release
from lockgate.errors import LockgateError, StaleToken
from lockgate.flow import Facts, Step, execute
from lockgate.transform.cycle import ensure_route, selected
from lockgate.transform.router import UNDER_WAY

if TYPE_CHECKING:
    from lockgate.app.recorder import Recorder
    from lockgate.app.wiring import Wiring

MOVED = "somebody else moved its route meanwhile; repeat the command"


class Publishing:
    """What is held back of entities, and of those that move together with them."""

    def __init__(self, wiring: Wiring, names: Sequence[str]) -> None:
        """Nothing is shown before `executed`.

        Raises:
            UnknownName: there is no such entity.
        """
        self._wiring = wiring
        groups = [group_of(wiring, entity) for entity in selected(wiring.project.entities, names)]
        self._groups = {group[0].name: group for group in groups}
        self._releases: list[Release] = []
        self._decisions: list[Decision] = []
        self._incomparable: dict[str, str] = {}

    def executed(self, recorder: Recorder) -> PublishResult:
        """Shows one group after the other: what became of each entity."""
        results = execute([self._step(group, recorder) for group in self._groups.values()], recorder)
        errors = {result.step: result.error for result in results if result.error is not None}
        return PublishResult(recorder.run_id, tuple(self._releases), tuple(self._decisions), errors)

    def _step(self, group: Sequence[Entity], recorder: Recorder) -> Step:
        return Step(f"publish {', '.join(entity.name for entity in group)}", partial(self._publish, group, recorder))

    def _publish(self, group: Sequence[Entity], recorder: Recorder) -> Facts:
        """Shows a group; a route that was moved meanwhile is read anew once."""
        before = [self._held(entity) for entity in group]
        try:
            self._show(group)
        except StaleToken:
            self._show(group)
        releases = [self._release(entity, held, group) for entity, held in zip(group, before, strict=True)]
        for entity in group:
            warn_of_held(self._wiring, entity)
        self._releases.extend(releases)
        for edition in (one for release in releases for one in release.shown):
            recorder.released(edition)
        shown, held = (sum(len(getattr(one, name)) for one in releases) for name in ("shown", "held"))
        return {"shown": shown, "held back": held}

    def _held(self, entity: Entity) -> tuple[Edition, ...]:
        route = ensure_route(entity, self._wiring.warehouse)
        return tuple(held_editions(self._wiring, entity, route).values())

    def _show(self, group: Sequence[Entity]) -> None:
        """Has routes under way judged, as a run does; then shows what is held of routes whose candidate nobody reads.

        Where a candidate that consumers read stays held, so does all of its group.
        """
        warehouse = self._wiring.warehouse
        self._compare([entity for entity in group if self._lacks_comparison(entity)])
        if any(ensure_route(entity, warehouse).stage in UNDER_WAY for entity in group):
            self._decisions.extend(judge(self._wiring, group, publishes=True))
        routes = {entity.name: ensure_route(entity, warehouse) for entity in group}
        held = {entity.name: held_editions(self._wiring, entity, routes[entity.name]) for entity in group}
        if any(_waits(entity, routes[entity.name], held[entity.name]) for entity in group):
            return
        for name, route in routes.items():
            shown = tuple(one for side, one in held[name].items() if side == route.incumbent or not self._refused(name))
            warehouse.release(shown, token=route.token)

    def _lacks_comparison(self, entity: Entity) -> bool:
        """Whether what is held was not compared under this route, of which consumers read both sides.

        So it is where another run has built since this one compared.
        """
        route = ensure_route(entity, self._wiring.warehouse)
        if not route.is_answering or route.stage not in UNDER_WAY or not self._held(entity):
            return False
        try:
            pair = pair_of(self._wiring, entity, route.incumbent, route.candidate)
        except LockgateError:  # the release tells
            return False
        found = comparison_of(self._wiring, pair)
        return found is None or found.token != route.token

    def _compare(self, entities: Sequence[Entity]) -> None:
        """Holds both sides of each against each other; why some cannot be is told of what stays held back."""
        found = compared_sides(self._wiring, [one.name for one in entities], lambda *_: None) if entities else ()
        self._incomparable = {one.entity: one.error.message for one in found if one.error is not None}

    def _refused(self, entity: str) -> str:
        """Why the entity's candidate was just rolled back or stopped; empty where it was not."""
        return next((one.reason for one in self._decisions if one.entity == entity and one.is_backwards), "")

    def _release(self, entity: Entity, before: Sequence[Edition], group: Sequence[Entity]) -> Release:
        """What became of an entity's editions that were held before."""
        numbers = {edition.number for edition in before}
        editions = self._wiring.warehouse.editions(entity.name)
        shown = tuple(one for one in editions if one.number in numbers and not one.is_held)
        held = self._held(entity)
        if refused := self._refused(entity.name):
            return Release(entity.name, shown, held, refused, Answer.NO_GO)
        if not held:
            return Release(entity.name, shown)
        because = next(filter(None, map(self._not_level, group)), MOVED)
        return Release(entity.name, shown, held, because, Answer.NOT_ENOUGH)

    def _not_level(self, entity: Entity) -> str:
        """Why it is not known that both sides of an entity are level; empty where it is, or nobody reads both."""
        route = ensure_route(entity, self._wiring.warehouse)
        if not route.is_answering:
            return ""
        if reason := self._incomparable.get(entity.name):
            return f"{entity.name}: {reason}"
        try:
            return not_level(self._wiring, entity, pair_of(self._wiring, entity, route.incumbent, route.candidate))
        except LockgateError as error:
            return error.message


def _waits(entity: Entity, route: Route, held: Mapping[str, Edition]) -> bool:
    """Whether what is held waits for the controller: consumers read the candidate, or it has gates to go through.

    Where the dbt switch alone has a candidate answer, the controller does not judge it.
    """
    if not held or not route.is_answering:
        return False
    return route.stage in UNDER_WAY or (route.candidate in held and bool(entity.route.gates))
