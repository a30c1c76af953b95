"""Begins and ends sessions, for pages and for the API alike."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request

from lockgate.core.access import Caller, SignedIn
from lockgate.errors import SignInRefused
from lockgate.server.changing import changing
from lockgate.server.desk import Desk, desk_of


async def begin_session(request: Request, name: str, password: str) -> SignedIn:
    """The session of whoever has this password; the audit names only who has an account, as people type passwords here.

    Raises:
        SignInRefused: name or password are not right, or nobody signs in for a while; which of it, nobody is told.
        ControlPlaneUnavailable: it does not answer.
    """
    desk = desk_of(request)
    subject = name if await desk.known_callers.has_person(name) else ""
    address = request.client.host if request.client else ""
    async with changing(request, subject) as change:
        try:
            signed_in = await desk.hash(desk.service.access.sign_in, name, password, address=address)
        except SignInRefused:
            change.tell(locked_until=await _locked_until(desk, subject))
            raise
        change.tell(session=signed_in.session.session_id)
    desk.known_callers.forget()
    return signed_in


async def _locked_until(desk: Desk, name: str) -> datetime | None:
    """Until when an account is locked, which the audit is told and the caller is not; None where it is not locked."""
    people = await desk.ask(desk.service.access.people)
    return next((person.locked_until for person in people if person.name == name), None)


async def end_session(desk: Desk, caller: Caller) -> None:
    """Ends a caller's session, where they have one: at once here, within a second everywhere."""
    if caller.session_id is not None:
        await desk.ask(desk.service.access.sign_out, caller.session_id)
        desk.known_callers.forget()
