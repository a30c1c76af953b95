"""The page of every entity: where each stands, and what somebody should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from lockgate.app.glance import Glance, Overview
from lockgate.core.route import Stage
from lockgate.server.console.asking import asked, link
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entities are shown: of a stage, of a group, with a text in their name, or those with alarms alone."""

    stage: str = ""
    group: str = ""
    text: str = ""
    alarms: str = ""

    def let_through(self, one: Glance) -> bool:
        """Whether an entity is shown."""
        return (
            self.stage in {"", one.route.stage}
            and self.group in {"", one.group}
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
    filters: Filters
    shown: tuple[Glance, ...]
    through: int
    more: str


async def overview_page(request: Request) -> Response:
    """Look at every entity."""
    desk = desk_of(request)
    found = await desk.ask(desk.service.console.overview)
    return page(request, "overview.html.jinja", view=overview_facts(found, request))


def overview_facts(found: Overview, request: Request) -> OverviewPage:
    """The page's facts, for the filters that the address has."""
    given = asked(request, ("stage", "group", "text", "alarms", "after"))
    filters = Filters(given["stage"], given["group"], given["text"], given["alarms"])
    through = [one for one in found.entities if filters.let_through(one)]
    shown = _after(through, given["after"])
    more = link("/", {**given, "after": shown[MOST_ROWS - 1].state.name}) if len(shown) > MOST_ROWS else ""
    counts = Counter(one.route.stage for one in found.entities)
    return OverviewPage(
        found=found,
        stages=tuple((stage, counts[stage]) for stage in Stage if counts[stage]),
        alarmed=sum(bool(one.alarms) or one.is_stale for one in found.entities),
        failed_jobs=sum(one.failed_jobs for one in found.entities),
        groups=tuple(dict.fromkeys(one.group for one in found.entities if one.group)),
        filters=filters,
        shown=tuple(shown[:MOST_ROWS]),
        through=len(through),
        more=more,
    )


def _after(entities: Sequence[Glance], name: str) -> Sequence[Glance]:
    """What comes behind the entity of that name; all where there is none."""
    places = [place for place, one in enumerate(entities, start=1) if one.state.name == name]
    return entities[places[0] :] if places else entities
