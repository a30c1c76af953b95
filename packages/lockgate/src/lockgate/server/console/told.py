"""The pages of what was told and written down: notices and the audit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import AuditEntry
from lockgate.core.notice import DeliveryStatus
from lockgate.server.console.listing import ROWS, Asked, Name, Number, asked, choices, rows_of
from lockgate.server.console.rendering import page
from lockgate.server.desk import desk_of

_ID = re.compile("[0-9a-f]{32}")
_ROOMS = {"job": "/jobs/", "run": "/runs/", "plan": "/plans/", "decision": "/decisions/"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an entry tells, and the page of what it names, where it has one."""

    name: str
    told: str
    path: str = ""


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
    facts = {entry.audit_id: facts_of(entry) for entry in entries.rows}
    return page(request, "audit.html.jinja", entries=entries, asked=query, paths=paths, facts=facts)


def subject_path(entry: AuditEntry, entities: tuple[str, ...]) -> str:
    """The page of what an entry is about; empty where it has none."""
    if entry.subject in entities:
        return f"/entities/{quote(entry.subject, safe='')}"
    room = {"job.cancel": "jobs", "job.retry": "jobs", "cutover.apply": "plans"}
    if entry.action in room and entry.subject:
        return f"/{room[entry.action]}/{quote(entry.subject, safe='')}"
    return ""


def facts_of(entry: AuditEntry) -> tuple[Fact, ...]:
    """The facts that an entry tells, each with the page of what it names; those that say nothing are left out."""
    return tuple(_fact(name, value) for name, value in entry.facts.items() if value not in (None, "", [], ()))


def _fact(name: str, value: object) -> Fact:
    told = str(value)
    path = f"{_ROOMS[name]}{quote(told, safe='')}" if name in _ROOMS else ""
    return Fact(name.replace("_", " "), told if not _ID.fullmatch(told) else f"{told[:12]}…", path)
