"""The pages of loads, and of the records that they set aside."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.load import LoadStatus
from lockgate.server.console.job_view import lasted
from lockgate.server.console.listing import ROWS, Asked, Name, Number, asked, choices, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

LoadId = Annotated[int, Path(ge=1, le=2**63 - 1)]
FEW_RECORDS, MANY_RECORDS = 100, 1000


class LoadsAsked(Asked):
    """Which loads to list."""

    stream: Name | None = None
    status: LoadStatus | None = None
    before: Number | None = None


class RecordsAsked(Asked):
    """Which rejected records to list, and how many."""

    stream: Name | None = None
    most: Literal["100", "1000"] = "100"


async def loads_page(request: Request) -> Response:
    """List loads."""
    desk, query = desk_of(request), asked(request, LoadsAsked)
    archive = desk.service.archive
    read = partial(archive.loads, query.stream, status=query.status, before=query.before, limit=ROWS + 1)
    loads = rows_of(request, await desk.ask(read), lambda load: load.load_id)
    streams = choices("every stream", archive.streams)
    stored = (status for status in LoadStatus if status is not LoadStatus.UNCHANGED)
    facts: dict[str, Any] = {
        "asked": query,
        "streams": streams,
        "statuses": choices("any status", stored),
        "lasted": lasted,
    }
    return page(request, "loads.html.jinja", loads=loads, now=datetime.now(UTC), **facts)


async def load_page(request: Request, load_id: LoadId) -> Response:
    """Show a load."""
    desk = desk_of(request)
    asked(request, Asked)
    load = await desk.ask(desk.service.archive.load, load_id)
    return page(request, "load.html.jinja", load=load, now=datetime.now(UTC), lasted=lasted)


async def quarantine_page(request: Request) -> Response:
    """List the newest records that were set aside: where they stood and why, without what was in them."""
    desk, query = desk_of(request), asked(request, RecordsAsked)
    archive, most = desk.service.archive, int(query.most)
    found = await desk.ask(partial(archive.quarantine, query.stream, limit=most + 1))
    facts: dict[str, Any] = {"asked": query, "streams": choices("every stream", archive.streams), "many": MANY_RECORDS}
    return page(request, "quarantine.html.jinja", records=found[:most], has_more=len(found) > most, most=most, **facts)
