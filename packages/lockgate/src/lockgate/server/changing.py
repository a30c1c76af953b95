"""Writes the audit at the door: what somebody begins to change is told before it is done, and how it went after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import Request

from lockgate.core.access import ANSWERED, AuditOutcome, Caller
from lockgate.errors import LockgateError
from lockgate.govern import auditing
from lockgate.govern.changes import Told
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forwarded import address_of
from lockgate.server.problems import Refusal
from lockgate.server.under_way import following

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

    def leave_begun(self) -> None:
        """Leaves the entry to whoever does the change beside this request: it is ended once that is over."""
        self.goes_on = True

    def take_back_up(self) -> None:
        """Has the entry ended with this request after all."""
        self.goes_on = False


@asynccontextmanager
async def changing(request: Request, what: str | Told = "", **facts: object) -> AsyncIterator[Change]:
    """While this lasts, the request's route makes its `change`, to a subject or as other doors tell it too.

    One entry of the audit tells who began it, before; and after, that it was done, or refused or failed as what was
    raised says. What goes on in a thread when nobody waits for it any more ends the entry itself. Where the server does
    not live to tell, the entry stays begun.

    Raises:
        ControlPlaneUnavailable: the entry cannot be written: nothing may be changed, unless it is a roll-back.
    """
    desk, action = desk_of(request), request.scope["route"].door.change
    request.state.is_told = True
    told = what if isinstance(what, Told) else Told(action, what, facts)
    audit_id = await _begun(desk, request, action, told.subject, {**told.facts})
    change = Change(audit_id)
    with following() as begun:
        try:
            yield change
        except BaseException as error:
            await _broken_off(desk, change, begun, error)
            raise
    if not change.goes_on:
        await _ended(desk, audit_id, AuditOutcome.DONE, change.facts)


async def _broken_off(desk: Desk, change: Change, begun: Sequence[Future[Any]], error: BaseException) -> None:
    """Tells how a change went that ended by an error, as soon as that can be told."""
    going_on = [each for each in begun if not each.done()]
    if going_on:
        going_on[-1].add_done_callback(partial(_went_late, desk, change, error))
    elif isinstance(error, Exception):
        await _ended(desk, change.audit_id, outcome_of(error), {**change.facts, "code": code_of(error)})


def _went_late(desk: Desk, change: Change, error: BaseException, done: Future[Any]) -> None:
    """Tells how a change went that nobody waited for any more; called in the thread that has done it, or not."""
    raised = error if done.cancelled() else done.exception()
    if change.audit_id is None or (raised is None and change.goes_on):
        return
    facts = change.facts if raised is None else {**change.facts, "code": code_of(raised)}
    try:
        desk.audit.end(change.audit_id, AuditOutcome.DONE if raised is None else outcome_of(raised), facts)
    except LockgateError as failed:
        structlog.get_logger().error("the audit was not ended", audit_id=change.audit_id, exc_info=failed)


async def tell_refused(request: Request, action: str, code: str) -> None:
    """Writes down that a change was refused before it was begun; where it cannot be written, the log."""
    await _tell(request, action, "", AuditOutcome.REFUSED, {"path": request.url.path, "code": code})


async def tell_answered(request: Request, subject: str, **facts: object) -> None:
    """Writes down what somebody is about to be given; many share a transaction, and nobody is answered before it ends.

    Raises:
        ControlPlaneUnavailable: the entry cannot be written.
    """
    desk = desk_of(request)
    caller: Caller = request.state.caller
    await desk.answer(desk.audit.tell(caller, ANSWERED, subject, address=address_of(request), facts=facts))


def was_told(request: Request) -> bool:
    """Whether the audit has an entry of the request's change."""
    return bool(request.scope["state"].get("is_told"))


async def tell_done(request: Request, action: str, subject: str, **facts: object) -> None:
    """Writes down what was done along with a change that has its own entry; where it cannot be written, the log."""
    await _tell(request, action, subject, AuditOutcome.DONE, facts)


async def _tell(request: Request, action: str, subject: str, outcome: AuditOutcome, facts: dict[str, object]) -> None:
    desk = desk_of(request)
    try:
        audit_id = await _begin(desk, request, action, subject, facts)
    except (LockgateError, Refusal) as error:
        structlog.get_logger().warning("the audit was not written", action=action, exc_info=error)
        return
    await _ended(desk, audit_id, outcome, {})


def outcome_of(error: BaseException) -> AuditOutcome:
    """Whether a change was refused, or was begun and failed."""
    if isinstance(error, Refusal) and error.fault.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return AuditOutcome.REFUSED
    return auditing.outcome_of(error)


def code_of(error: BaseException) -> str:
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
    begun = desk.audit.begin(caller, action, subject, address=address_of(request), facts=facts)
    return await desk.answer(begun)


async def _ended(desk: Desk, audit_id: int | None, outcome: AuditOutcome, facts: dict[str, object]) -> None:
    """Tells how a change went; what was done is not undone because that cannot be written."""
    if audit_id is None:
        return
    try:
        await desk.answer(desk.audit.end(audit_id, outcome, facts))
    except (LockgateError, Refusal) as error:
        structlog.get_logger().error("the audit was not ended", audit_id=audit_id, exc_info=error)
