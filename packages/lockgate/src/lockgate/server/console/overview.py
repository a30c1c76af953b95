"""The page of every entity: where each stands, and what somebody should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from lockgate.app.glance import Glance, Overview
from lockgate.core.route import Stage
from lockgate.server.console.listing import Asked, Name, Rows, asked, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

MOST_ROWS = 100


class OverviewAsked(Asked):
    """Which entities are shown: of a stage, of a group, with a text in their name, or those with alarms alone."""

    stage: Stage | None = None
    group: Name | None = None
    text: Name = ""
    alarms: bool = False
    before: Name | None = None

    def let_through(self, one: Glance) -> bool:
        """Whether an entity is shown."""
        return (
            self.stage in {None, one.route.stage}
            and self.group in {None, one.group}
            and self.text.casefold() in one.state.name.casefold()
            and (not self.alarms or bool(one.alarms) or one.is_stale)
        )


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What the page shows: sums over all entities, and the entities that the filters let through, some at a time."""

    found: Overview
    stages: tuple[tuple[Stage, int], ...]
    alarmed: int
    failed_jobs: int
    groups: tuple[str, ...]
    rows: Rows[Glance]
    through: int


async def overview_page(request: Request) -> Response:
    """Look at every entity."""
    desk, query = desk_of(request), asked(request, OverviewAsked)
    found = await desk.ask(desk.service.console.overview)
    return page(request, "overview.html.jinja", view=overview_facts(request, found, query), asked=query)


def overview_facts(request: Request, found: Overview, query: OverviewAsked) -> OverviewPage:
    """The page's facts, for what its address asks for."""
    through = [one for one in found.entities if query.let_through(one)]
    counts = Counter(one.route.stage for one in found.entities)
    return OverviewPage(
        found=found,
        stages=tuple((stage, counts[stage]) for stage in Stage if counts[stage]),
        alarmed=sum(bool(one.alarms) or one.is_stale for one in found.entities),
        failed_jobs=sum(one.failed_jobs for one in found.entities),
        groups=tuple(dict.fromkeys(one.group for one in found.entities if one.group)),
        rows=rows_of(request, _behind(through, query.before), lambda one: one.state.name, most=MOST_ROWS),
        through=len(through),
    )


def _behind(entities: Sequence[Glance], name: str | None) -> Sequence[Glance]:
    """What comes behind the entity of that name; all where there is none."""
    places = [place for place, one in enumerate(entities, start=1) if one.state.name == name]
    return entities[places[0] :] if places else entities
