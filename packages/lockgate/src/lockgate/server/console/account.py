"""The page of one's own account: the password, and where one is signed in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import Caller, CallerKind
from lockgate.errors import AccessError, AccountRefused, PasswordRefused, UnknownName
from lockgate.server.changing import changing, tell_done
from lockgate.server.console.rendering import page, see
from lockgate.server.cookies import keep_session
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forms import read_form
from lockgate.server.forwarded import address_of

SessionId = Annotated[str, Path(description="The id of a session.")]


async def account_page(request: Request) -> Response:
    """Show one's own account.

    Facts: `person`, `sessions` (the newest first), `current` the id of this one, `problem` why a change was refused.
    """
    return await _drawn(request, desk_of(request), "", HTTPStatus.OK)


async def change_password(request: Request) -> Response:
    """Change one's own password."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    caller = _person(request)
    old, new = form.get("old", ""), form.get("new", "")
    try:
        async with changing(request, caller.name) as change:
            if new != form.get("again", ""):
                raise PasswordRefused("the two new passwords are not the same")
            # All sessions end, also this one: whoever knew the old password is out, and its owner goes on in another.
            change_it = desk.service.access.change_password
            signed_in = await desk.hash(change_it, caller.name, old, new, address=address_of(request))
            change.tell(session=signed_in.session.session_id)
    except AccessError as error:
        return await _drawn(request, desk, error.message, HTTPStatus.UNPROCESSABLE_ENTITY)
    desk.known_callers.forget()
    await tell_done(request, "session.begin", caller.name, session=signed_in.session.session_id)
    response = see("/account", said="password-changed")
    keep_session(response, signed_in.secret, desk.options.mode)
    return response


async def end_own_session(request: Request, session_id: SessionId) -> Response:
    """Sign out elsewhere."""
    desk = desk_of(request)
    await read_form(request, desk)
    caller = _person(request)
    async with changing(request, session_id):
        own = await desk.ask(desk.service.access.sessions, caller.name)
        if session_id not in {session.session_id for session in own}:
            raise UnknownName("you have no session of that id")
        await desk.ask(desk.service.access.sign_out, session_id)
    desk.known_callers.forget()
    return see("/account", said="removed")


def _person(request: Request) -> Caller:
    """Who has an account; tokens and whoever is believed for being on this machine have none."""
    caller: Caller = request.state.caller
    if caller.kind is not CallerKind.PERSON:
        raise AccountRefused(f"{caller} has no account here")
    return caller


async def _drawn(request: Request, desk: Desk, problem: str, status: HTTPStatus) -> Response:
    caller = _person(request)
    access = desk.service.access
    people = await desk.ask(access.people)
    person = next(person for person in people if person.name == caller.name)
    sessions = sorted(await desk.ask(access.sessions, caller.name), key=lambda one: one.began_at, reverse=True)
    current = caller.session_id
    return page(
        request, "account.html.jinja", status=status, person=person, sessions=sessions, current=current, problem=problem
    )
