"""Routes that begin and end a session of the API: a token for a password, in the shape of RFC 6749."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import Caller
from lockgate.errors import AccountRefused
from lockgate.server.answers import TokenAnswer
from lockgate.server.bodies import TokenBody, checked
from lockgate.server.changing import changing
from lockgate.server.desk import desk_of
from lockgate.server.reading import read_document
from lockgate.server.rendering import render
from lockgate.server.signing import begin_session, end_session


async def take_token(request: Request) -> Response:
    """Sign in by name and password: a token that is good for an hour."""
    desk = desk_of(request)
    body = checked(TokenBody, await read_document(request, desk.options, desk.threads))
    signed_in = await begin_session(request, body.name, body.password)
    facts = desk.service.access.read_token(signed_in.token)
    seconds = int((facts.expires_at - datetime.now(UTC)).total_seconds())
    answer = TokenAnswer(access_token=signed_in.token, token_type="Bearer", expires_in=max(0, seconds))  # noqa: S106
    return render(answer)


async def give_token_back(request: Request) -> Response:
    """Sign out: the token that is sent is good for nothing any more, nor is its session."""
    desk = desk_of(request)
    caller: Caller = request.state.caller
    async with changing(request, str(caller)):
        if caller.session_id is None:
            raise AccountRefused(f"{caller} has not signed in", hint="An admin revokes a machine's token.")
        await end_session(desk, caller)
    return Response(status_code=HTTPStatus.NO_CONTENT)
