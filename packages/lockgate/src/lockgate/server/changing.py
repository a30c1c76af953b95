"""Writes the audit at the door: what somebody begins to change is told before it is done, and how it went after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from starlette.requests import Request

from lockgate.core.access import AuditOutcome, Caller
from lockgate.errors import LockgateError, NotAllowed
from lockgate.server.desk import Desk, desk_of
from lockgate.server.problems import Refusal, status_of

# The way back is never held up: by an audit that cannot be written, or only slowly.
NEVER_HELD_UP = frozenset({"cutover.roll-back"})
AUDIT_SECONDS = 1.0


class Change:
    """What is told of a change once it is done."""

    def __init__(self, audit_id: int | None) -> None:
        """Nothing but its outcome so far."""
        self.audit_id = audit_id
        self.facts: dict[str, object] = {}
        self.goes_on = False

    def tell(self, **facts: object) -> None:
        """Adds facts: names and counts, no secret and no row's value."""
        self.facts.update(facts)

    def leave_begun(self) -> int | None:
        """The entry's number, for whoever does the change beside this request: it ends the entry once that is over."""
        self.goes_on = True
        return self.audit_id


@asynccontextmanager
async def changing(request: Request, subject: str = "", **facts: object) -> AsyncIterator[Change]:
    """While this lasts, what the request's route calls its `change` is done to `subject`.

    One entry of the audit tells who began it, before; and after, that it was done, or refused or failed as what was
    raised says. Where the server does not live to tell, the entry stays begun.

    Raises:
        ControlPlaneUnavailable: the entry cannot be written: nothing may be changed, unless it is a roll-back.
    """
    desk, action = desk_of(request), request.scope["route"].door.change
    audit_id = await _begun(desk, request, action, subject, facts)
    change = Change(audit_id)
    try:
        yield change
    except Exception as error:
        await _ended(desk, audit_id, outcome_of(error), {**change.facts, "code": code_of(error)})
        raise
    if not change.goes_on:
        await _ended(desk, audit_id, AuditOutcome.DONE, change.facts)


async def tell_refused(request: Request, action: str) -> None:
    """Writes down that somebody wanted to change what their roles do not allow; where it cannot be written, the log."""
    desk = desk_of(request)
    facts: dict[str, object] = {"path": request.url.path, "code": NotAllowed.code}
    try:
        audit_id = await _begin(desk, request, action, "", facts)
    except (LockgateError, Refusal) as error:
        structlog.get_logger().warning("the audit was not written", action=action, exc_info=error)
        return
    await _ended(desk, audit_id, AuditOutcome.REFUSED, {})


def outcome_of(error: Exception) -> AuditOutcome:
    """Whether a change was refused, or was begun and failed."""
    if isinstance(error, Refusal):
        status = error.fault.status
    elif isinstance(error, LockgateError):
        status = status_of(error)
    else:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    return AuditOutcome.REFUSED if status < HTTPStatus.INTERNAL_SERVER_ERROR else AuditOutcome.FAILED


def code_of(error: Exception) -> str:
    """The code that an error is looked up by."""
    return error.fault.code if isinstance(error, Refusal) else str(getattr(error, "code", "") or "LG811")


async def _begun(desk: Desk, request: Request, action: str, subject: str, facts: dict[str, object]) -> int | None:
    if action not in NEVER_HELD_UP:
        return await _begin(desk, request, action, subject, facts)
    try:
        async with asyncio.timeout(AUDIT_SECONDS):
            return await _begin(desk, request, action, subject, facts)
    except (LockgateError, Refusal, TimeoutError) as error:
        structlog.get_logger().error("changed without an audit", action=action, subject=subject, exc_info=error)
        return None


async def _begin(desk: Desk, request: Request, action: str, subject: str, facts: dict[str, object]) -> int:
    caller: Caller = request.state.caller
    address = request.client.host if request.client else ""
    return await desk.answer(desk.audit.begin(caller, action, subject, address=address, facts=facts))


async def _ended(desk: Desk, audit_id: int | None, outcome: AuditOutcome, facts: dict[str, object]) -> None:
    """Tells how a change went; what was done is not undone because that cannot be written."""
    if audit_id is None:
        return
    try:
        await desk.answer(desk.audit.end(audit_id, outcome, facts))
    except (LockgateError, Refusal) as error:
        structlog.get_logger().error("the audit was not ended", audit_id=audit_id, exc_info=error)
