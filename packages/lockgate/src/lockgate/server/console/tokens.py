"""The page of machines' tokens: one is shown when it is made, and never again; admins make and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import MachineToken, Role
from lockgate.errors import AccessError, AccountRefused, LockgateError, UnknownName
from lockgate.govern.changes import adding_token
from lockgate.govern.tokens import DEFAULT_LIFETIME
from lockgate.server.changing import changing
from lockgate.server.console.chosen_roles import chosen_roles
from lockgate.server.console.listing import ROWS, Asked, Name, asked, rows_of
from lockgate.server.console.rendering import page, see
from lockgate.server.desk import desk_of
from lockgate.server.forms import read_form
from lockgate.server.problems import status_of

PATH = "/tokens"
TokenId = Annotated[str, Path(description="The id of a token.")]
MOST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class TokenTyped:
    """What stands in the form that makes a token."""

    name: str = ""
    roles: frozenset[Role] = frozenset({Role.OPERATOR})
    days: str = str(DEFAULT_LIFETIME.days)


class TokensAsked(Asked):
    """Which tokens to list."""

    before: Name | None = None


async def tokens_page(request: Request) -> Response:
    """Show the tokens that machines have.

    Facts: `tokens` the newest first, `roles` every one that there is, `now`, `error` why a change was refused, or
    none; `typed` what stands in the form, `key` what tells it
    from every other; `made` the token just made and `text` itself, else None and empty.
    """
    return await _drawn(request, asked(request, TokensAsked))


async def add_token(request: Request) -> Response:
    """Make a token for a machine, and show it this once; a form that is sent again, as by a reload, makes no other."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    name, roles, by = form.get("name", ""), chosen_roles(form), str(request.state.caller)
    days, key = form.get("days", ""), form.get("key", "")
    wish = f"{by} {key}" if key else ""
    try:
        async with changing(request, adding_token(name, roles, _number(days))) as change:
            add = partial(desk.service.access.add_token, name, roles, lifetime=_lifetime(days), by=by, wish=wish)
            made, text = await desk.ask(add)
            change.tell(token=made.token_id)
    except (AccessError, UnknownName) as error:
        return await _drawn(request, TokensAsked(), error=error, typed=TokenTyped(name, roles, days))
    desk.known_callers.forget()
    return await _drawn(request, TokensAsked(), made=made, text=text)


async def revoke_token(request: Request, token_id: TokenId) -> Response:
    """Revoke a token."""
    desk = desk_of(request)
    await read_form(request, desk)
    try:
        async with changing(request, token_id):
            await desk.ask(desk.service.access.revoke_token, token_id)
    except (AccessError, UnknownName) as error:
        return await _drawn(request, TokensAsked(), error=error)
    desk.known_callers.forget()
    return see(PATH, said="revoked")


def _lifetime(days: str) -> timedelta:
    """How long a token is good for; the policy knows how long it may be.

    Raises:
        AccountRefused: it is no number of days.
    """
    number = _number(days)
    if number is None:
        raise AccountRefused("a token lasts a whole number of days")
    return timedelta(days=number)


def _number(days: str) -> int | None:
    return int(days) if days.isascii() and days.isdigit() and len(days) <= MOST_DIGITS else None


async def _drawn(
    request: Request,
    query: TokensAsked,
    *,
    error: LockgateError | None = None,
    typed: TokenTyped | None = None,
    made: MachineToken | None = None,
    text: str = "",
) -> Response:
    desk = desk_of(request)
    read = partial(desk.service.access.list_tokens, before=query.before, limit=ROWS + 1)
    tokens = rows_of(request, await desk.ask(read), lambda token: token.token_id, path=PATH)
    status = HTTPStatus.OK if error is None else status_of(error)
    facts: dict[str, Any] = {"tokens": tokens, "roles": tuple(Role), "now": datetime.now(UTC)}
    facts |= {"error": error, "typed": typed or TokenTyped(), "key": token_hex(), "made": made, "text": text}
    return page(request, "tokens.html.jinja", status=status, **facts)
