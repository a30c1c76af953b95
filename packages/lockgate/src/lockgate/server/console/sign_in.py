"""Signing in and out: a session begins with a secret of its own, whatever the browser sent before."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import Caller, CallerKind
from lockgate.errors import SignInRefused
from lockgate.server.changing import changing
from lockgate.server.console.rendering import page, see
from lockgate.server.cookies import forget_session, keep_session
from lockgate.server.desk import desk_of
from lockgate.server.forms import read_form
from lockgate.server.next_page import next_page
from lockgate.server.origin import is_cross_site
from lockgate.server.signing import begin_session, end_session

TEMPLATE = "sign_in.html.jinja"


async def sign_in_page(request: Request) -> Response:
    """Show the form to sign in; who has signed in goes on.

    Facts: `problem` why the last try was refused, or empty; `name` what was typed before; `next` where to go after.
    """
    caller: Caller = request.state.caller
    following = next_page(request.query_params.get("next", ""))
    if caller.kind in {CallerKind.PERSON, CallerKind.LOCAL}:
        return see(following)
    if is_cross_site(request.headers):
        # A link from elsewhere comes without the cookie (SameSite=Strict); asked for by our own page, it has it.
        return page(request, "arriving.html.jinja", next=following)
    return page(request, TEMPLATE, problem="", name="", next=following)


async def sign_in(request: Request) -> Response:
    """Sign in by name and password."""
    desk = desk_of(request)
    form = await read_form(request, desk, has_token=False)
    name, following = form.get("name", ""), next_page(form.get("next", ""))
    try:
        before = request.state.caller.session_id
        signed_in = await begin_session(request, name, form.get("password", ""), instead_of=before)
    except SignInRefused as error:
        headers = {"WWW-Authenticate": 'Bearer realm="lockgate"'}
        status = HTTPStatus.UNAUTHORIZED
        return page(request, TEMPLATE, status=status, headers=headers, problem=error.message, name=name, next=following)
    response = see(following)
    keep_session(response, signed_in.secret, desk.options.mode)
    return response


async def sign_out(request: Request) -> Response:
    """Sign out."""
    desk = desk_of(request)
    await read_form(request, desk)
    caller: Caller = request.state.caller
    async with changing(request, str(caller)):
        await end_session(desk, caller)
    response = see("/sign-in", said="signed-out")
    forget_session(response, desk.options.mode)
    return response
