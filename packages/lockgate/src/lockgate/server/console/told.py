"""The pages of what was told and written down: notices and the audit."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import AuditEntry
from lockgate.core.notice import DeliveryStatus
from lockgate.server.console.listing import ROWS, Asked, Name, Number, asked, choices, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

_BY_JOB = ("job.cancel", "job.retry")
_BY_ENTITY = ("cutover", "gate", "plan", "dbt")


class NoticesAsked(Asked):
    """Which notices to list."""

    status: DeliveryStatus | None = None
    before: Number | None = None


class AuditAsked(Asked):
    """Which entries of the audit to list."""

    actor: Name | None = None
    action: Name | None = None
    subject: Name | None = None
    before: Number | None = None


async def notices_page(request: Request) -> Response:
    """List notices, one line for each channel."""
    desk, query = desk_of(request), asked(request, NoticesAsked)
    read = partial(desk.service.archive.notices, query.status, before=query.before, limit=ROWS + 1)
    notices = rows_of(request, await desk.ask(read), lambda each: each.number)
    statuses = choices("any status", DeliveryStatus)
    return page(request, "notices.html.jinja", notices=notices, asked=query, statuses=statuses)


async def audit_page(request: Request) -> Response:
    """List who changed what."""
    desk, query = desk_of(request), asked(request, AuditAsked)
    wanted = {"actor": query.actor, "action": query.action, "subject": query.subject}
    read = partial(desk.service.access.audit, **wanted, before=query.before, limit=ROWS + 1)
    entries = rows_of(request, await desk.ask(read), lambda entry: entry.audit_id)
    known = tuple(desk.service.names())
    paths = {entry.audit_id: subject_path(entry, known) for entry in entries.rows}
    return page(request, "audit.html.jinja", entries=entries, asked=query, paths=paths)


def subject_path(entry: AuditEntry, entities: tuple[str, ...]) -> str:
    """The page of what an entry is about; empty where it has none."""
    if entry.action in _BY_JOB:
        return f"/jobs/{quote(entry.subject, safe='')}"
    job = entry.facts.get("job")
    if entry.action == "job.submit" and isinstance(job, str):
        return f"/jobs/{quote(job, safe='')}"
    if entry.subject in entities and entry.action.partition(".")[0] in (*_BY_ENTITY, "job"):
        return f"/entities/{quote(entry.subject, safe='')}"
    return ""
