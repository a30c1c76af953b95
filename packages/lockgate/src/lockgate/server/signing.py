"""Begins and ends sessions, for pages and for the API alike."""

from __future__ import annotations

import structlog
from starlette.requests import Request

from lockgate.app.signing_in import Attempt
from lockgate.core.access import Caller, SignedIn
from lockgate.errors import LockgateError, SignInRefused
from lockgate.govern.accounts import written_name
from lockgate.server.changing import Change, changing
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forwarded import address_of
from lockgate.server.problems import Refusal


async def begin_session(request: Request, name: str, password: str, *, instead_of: str | None = None) -> SignedIn:
    """The session of whoever has this password, in the place of the one that their browser had, if it had one.

    The audit names only who has an account, as people type passwords here. Where too many tried from an address, it is
    told so once in a while, and no more.

    Raises:
        SignInRefused: name or password are not right, or nobody signs in for a while; which of it, nobody is told.
        ControlPlaneUnavailable: it does not answer.
    """
    desk = desk_of(request)
    written = written_name(name)
    subject = written if written is not None and await desk.known_callers.has_person(written) else ""
    attempt: Attempt = await desk.ask(desk.service.access.begin_attempt, address_of(request))
    if not (attempt.is_let_through or attempt.is_first):
        raise SignInRefused
    try:
        async with changing(request, subject) as change:
            signed_in = await _begun(request, (name, password), attempt, change)
            if instead_of is not None:
                await _end_the_one_before(desk, instead_of, change)
    except SignInRefused:
        raise
    except BaseException:
        await _take_back(desk, attempt)
        raise
    desk.known_callers.forget()
    return signed_in


async def _begun(request: Request, given: tuple[str, str], attempt: Attempt, change: Change) -> SignedIn:
    desk, address = desk_of(request), address_of(request)
    access = desk.service.access
    try:
        signed_in = await desk.hash(access.sign_in, *given, address=address, attempt=attempt)
    except SignInRefused:
        change.tell(locked_until=await desk.ask(access.locked_until, given[0], address))
        raise
    change.tell(session=signed_in.session.session_id)
    return signed_in


async def _end_the_one_before(desk: Desk, session_id: str, change: Change) -> None:
    """Ends the session that a browser had; whoever has signed in anew goes on, also where that cannot be done."""
    try:
        if await desk.ask(desk.service.access.sign_out, session_id):
            change.tell(ended=session_id)
    except (LockgateError, Refusal) as error:
        structlog.get_logger().warning("the session before was not ended", exc_info=error)


async def _take_back(desk: Desk, attempt: Attempt) -> None:
    """Forgets an attempt on which nobody looked at the password; where that cannot be done, it counts for a while."""
    try:
        await desk.ask(desk.service.access.take_back, attempt)
    except (LockgateError, Refusal) as error:
        structlog.get_logger().warning("an attempt to sign in stays counted", exc_info=error)


async def end_session(desk: Desk, caller: Caller) -> None:
    """Ends a caller's session, where they have one: at once here, within a second everywhere."""
    if caller.session_id is not None:
        await desk.ask(desk.service.access.sign_out, caller.session_id)
        desk.known_callers.forget()
