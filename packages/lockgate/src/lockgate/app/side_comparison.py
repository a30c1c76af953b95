"""Comparing both sides of routes outside a run, as evidence for their gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from lockgate.app.cycle_evidence import CycleEvidence
from lockgate.app.look import newest_editions
from lockgate.app.touching import with_touches
from lockgate.core.comparison import Comparison
from lockgate.core.entity import Entity
from lockgate.core.ports import Progress
from lockgate.core.route import Route
from lockgate.errors import ComparisonInvalid, LockgateError
from lockgate.transform.cycle import ensure_route, selected

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage
    from lockgate.app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class ComparedSides:
    """How the newest editions of both sides of an entity's route compare; or why they cannot be compared."""

    entity: str
    comparison: Comparison | None = None
    error: LockgateError | None = None


def compared_sides(wiring: Wiring, names: Sequence[str], progress: Progress) -> tuple[ComparedSides, ...]:
    """Both sides of each entity's route, held back or not; each comparison is kept for the route's gates.

    What unexplained differences touch is told, by the project as it is now.

    Raises:
        UnknownName: there is no such entity.
    """
    found = [_compared(wiring, entity, progress) for entity in selected(wiring.project.entities, names)]
    return tuple(_touching(wiring, found, progress))


def _touching(wiring: Wiring, found: Sequence[ComparedSides], progress: Progress) -> Iterator[ComparedSides]:
    """The lineage is worked out once for all."""

    @cache
    def lineage() -> FoundLineage:
        from lockgate.app.lineage import lineage_of_project

        progress("reading the lineage of what differs", 0, None)
        return lineage_of_project(wiring)

    for one in found:
        comparison = with_touches(one.comparison, {}, lineage) if one.comparison else None
        yield replace(one, comparison=comparison)


def _compared(wiring: Wiring, entity: Entity, progress: Progress) -> ComparedSides:
    try:
        route = ensure_route(entity, wiring.warehouse)
        evidence = CycleEvidence(wiring, entity, route)
        found = evidence.compared(progress, _made_by(wiring, entity, route, evidence))
    except LockgateError as error:
        return ComparedSides(entity.name, error=error)
    return ComparedSides(entity.name, found)


def _made_by(wiring: Wiring, entity: Entity, route: Route, evidence: CycleEvidence) -> dict[str, str]:
    """The revisions that made both sides' newest editions, where they are those of the files as they are now.

    Raises:
        ComparisonInvalid: an edition was made by other files, so that it says nothing about these.
    """
    newest = newest_editions(wiring, entity)
    made_by = {name: newest[name].revision for name in (route.incumbent, route.candidate) if name in newest}
    for name, revision in made_by.items():
        if not evidence.is_of(name, revision):
            message = f"edition {newest[name].number} of {entity.name}@{name} was made by other files than those of now"
            hint = f"Build it anew: lockgate run --hold --select {entity.name}"
            raise ComparisonInvalid(message, hint=hint, entity=entity.name)
    return made_by
