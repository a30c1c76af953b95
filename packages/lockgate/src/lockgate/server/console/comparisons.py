"""The pages of comparisons: which were made, what one of them found, and rows that differ."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.adapters.reports.comparison import sample_blocks, touched_of
from lockgate.app.archive import KeptComparison
from lockgate.app.touching import is_touching, unknown_yet, why_unknown, with_touches
from lockgate.core.comparison import Comparison, Verdict
from lockgate.server.console.comparison_view import line_of, view_of
from lockgate.server.console.lineage import PATIENCE_SECONDS
from lockgate.server.console.lineage_view import node_path
from lockgate.server.console.listing import ROWS, Asked, Name, Number, asked, choices, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import Desk, desk_of
from lockgate.server.problems import Refusal

ComparisonId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ComparisonsAsked(Asked):
    """Which comparisons to list."""

    entity: Name | None = None
    verdict: Verdict | None = None
    before: Number | None = None


class RowsAsked(Asked):
    """Whether values are shown beside the keys."""

    values: bool = False


async def comparisons_page(request: Request) -> Response:
    """List what was compared."""
    desk, query = desk_of(request), asked(request, ComparisonsAsked)
    read = partial(desk.service.archive.comparisons, verdict=query.verdict, before=query.before, limit=ROWS + 1)
    found = await desk.ask(read, query.entity)
    lines = rows_of(request, [line_of(record) for record in found], lambda line: line.number)
    facts: dict[str, Any] = {
        "entities": choices("every entity", desk.service.names()),
        "verdicts": choices("any verdict", Verdict),
    }
    return page(request, "comparisons.html.jinja", lines=lines, asked=query, **facts)


async def comparison_page(request: Request, comparison_id: ComparisonId) -> Response:
    """Show what a comparison found."""
    desk = desk_of(request)
    asked(request, Asked)
    kept = await desk.ask(desk.service.archive.comparison, comparison_id)
    found, is_waiting = await _touching(desk, kept)
    facts: dict[str, Any] = {"touched": touched_of(found.touches), "is_waiting": is_waiting, "node_path": node_path}
    return page(request, "comparison_page.html.jinja", view=view_of(kept), **facts)


async def _touching(desk: Desk, kept: KeptComparison) -> tuple[Comparison, bool]:
    """A comparison with what it touches by the project as it is now; and whether that is still being worked out."""
    found = kept.comparison
    if not is_touching(found):
        return found, False
    try:
        lineage = await desk.lineage.within(PATIENCE_SECONDS)
        if lineage is None:
            return unknown_yet(found, "the lineage is being worked out"), True
        return await desk.threads.call(with_touches, found, kept.request.renamed, lambda: lineage), False
    except Refusal as refusal:
        return unknown_yet(found, str(refusal)), False
    except Exception as error:  # noqa: BLE001  the verdict stands, whatever is the matter with lineage
        return unknown_yet(found, why_unknown(error)), False


async def differing_rows(request: Request, comparison_id: ComparisonId) -> Response:
    """Look for rows that differ, anew, in the editions that were compared."""
    desk, query = desk_of(request), asked(request, RowsAsked)
    archive = desk.service.archive
    kept = await desk.ask(archive.comparison, comparison_id)
    look = partial(archive.differing_rows, comparison_id, are_values_shown=query.values)
    found = await desk.comparing.call((comparison_id, query.values), look)
    facts: dict[str, Any] = {"blocks": sample_blocks(found), "are_shown": query.values, "counts": found.rows}
    return page(request, "comparison_rows.html.jinja", view=view_of(kept), **facts)
