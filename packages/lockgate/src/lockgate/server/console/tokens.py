"""The page of machines' tokens: one is shown when it is made, and never again; admins make and revoke them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import MachineToken, Role
from lockgate.errors import AccessError, AccountRefused, UnknownName
from lockgate.server.changing import changing
from lockgate.server.console.chosen_roles import chosen_roles
from lockgate.server.console.rendering import page, see
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forms import read_form
from lockgate.server.problems import status_of

TokenId = Annotated[str, Path(description="The id of a token.")]
MOST_DIGITS = 4


async def tokens_page(request: Request) -> Response:
    """Show the tokens that machines have.

    Facts: `tokens` the newest first, `roles` every one that there is, `now`, `problem` why a change was refused, or
    empty; `made` the token just made and `text` itself, else None and empty.
    """
    return await _drawn(request, desk_of(request))


async def add_token(request: Request) -> Response:
    """Make a token for a machine, and show it this once."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    name, roles, by = form.get("name", ""), chosen_roles(form), str(request.state.caller)
    try:
        async with changing(request, name, roles=sorted(roles)) as change:
            add = partial(desk.service.access.add_token, name, roles, lifetime=_lifetime(form.get("days", "")), by=by)
            made, text = await desk.ask(add)
            change.tell(token=made.token_id)
    except (AccessError, UnknownName) as error:
        return await _drawn(request, desk, problem=error.message, status=status_of(error))
    desk.known_callers.forget()
    return await _drawn(request, desk, made=made, text=text)


async def revoke_token(request: Request, token_id: TokenId) -> Response:
    """Revoke a token."""
    desk = desk_of(request)
    await read_form(request, desk)
    try:
        async with changing(request, token_id):
            await desk.ask(desk.service.access.revoke_token, token_id)
    except (AccessError, UnknownName) as error:
        return await _drawn(request, desk, problem=error.message, status=status_of(error))
    desk.known_callers.forget()
    return see("/tokens", said="revoked")


def _lifetime(days: str) -> timedelta:
    """How long a token is good for; the policy knows how long it may be.

    Raises:
        AccountRefused: it is no number of days.
    """
    if not (days.isascii() and days.isdigit() and len(days) <= MOST_DIGITS):
        raise AccountRefused("a token lasts a whole number of days")
    return timedelta(days=int(days))


async def _drawn(
    request: Request,
    desk: Desk,
    *,
    problem: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    made: MachineToken | None = None,
    text: str = "",
) -> Response:
    tokens = sorted(await desk.ask(desk.service.access.tokens), key=lambda token: token.created_at, reverse=True)
    now, roles = datetime.now(UTC), tuple(Role)
    return page(
        request,
        "tokens.html.jinja",
        status=status,
        tokens=tokens,
        roles=roles,
        now=now,
        problem=problem,
        made=made,
        text=text,
    )
