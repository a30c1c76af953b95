"""The pages of runs: which there were, and how one of them goes on, step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.record import RecordStatus
from lockgate.server.console.job_view import lasted
from lockgate.server.console.listing import ROWS, Asked, Number, asked, choices, rows_of
from lockgate.server.console.rendering import fragment, page
from lockgate.server.console.run_view import RunView, executed, lines_of
from lockgate.server.console.streaming import Sight, live
from lockgate.server.desk import Desk, desk_of

RunId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class RunsAsked(Asked):
    """Which runs to list."""

    status: RecordStatus | None = None
    before: Number | None = None


async def runs_page(request: Request) -> Response:
    """List runs."""
    desk, query = desk_of(request), asked(request, RunsAsked)
    read = partial(desk.service.archive.runs, status=query.status, before=query.before, limit=ROWS + 1)
    runs = rows_of(request, await desk.ask(read), lambda run: run.run_id)
    facts: dict[str, Any] = {"asked": query, "statuses": choices("any status", RecordStatus), "lasted": lasted}
    return page(request, "runs.html.jinja", runs=runs, now=datetime.now(UTC), **facts)


async def run_page(request: Request, run_id: RunId) -> Response:
    """Show a run."""
    asked(request, Asked)
    view = await _seen(desk_of(request), run_id)
    return page(request, "run_page.html.jinja", view=view, **_facts())


async def run_live(request: Request, run_id: RunId) -> Response:
    """A run, drawn anew as it goes on."""
    desk = desk_of(request)

    async def look() -> Sight[RunView]:
        view = await _seen(desk, run_id)
        return Sight(view, is_final=view.is_final)

    def draw(view: RunView) -> str:
        return fragment(request, "run_part.html.jinja", view=view, **_facts())

    return await live(request, look, draw)


async def _seen(desk: Desk, run_id: int) -> RunView:
    run = await desk.ask(desk.service.archive.run, run_id)
    return RunView(run, executed(await desk.ask(desk.service.archive.executions, run_id)))


def _facts() -> dict[str, Any]:
    return {"now": datetime.now(UTC), "lasted": lasted, "lines_of": lines_of}
