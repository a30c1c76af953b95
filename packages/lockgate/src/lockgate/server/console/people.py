"""The page of people: who has an account, and what each is trusted with; admins change that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import Role
from lockgate.errors import AccessError, UnknownName
from lockgate.server.changing import changing
from lockgate.server.console.chosen_roles import chosen_roles
from lockgate.server.console.rendering import page, see
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forms import read_form
from lockgate.server.problems import status_of

PersonName = Annotated[str, Path(description="The name of an account.")]


async def people_page(request: Request) -> Response:
    """Show who has an account.

    Facts: `people` by name, `roles` every one that there is, `now`, `problem` why a change was refused, or empty.
    """
    return await _drawn(request, desk_of(request), "", HTTPStatus.OK)


async def add_person(request: Request) -> Response:
    """Give somebody an account, with a first password and roles."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    name, password, roles = form.get("name", ""), form.get("password", ""), chosen_roles(form)
    add = partial(desk.hash, desk.service.access.add_person, name, password, roles)
    return await _changed(request, desk, name, add, said="added", roles=sorted(roles))


async def set_roles(request: Request, name: PersonName) -> Response:
    """Set somebody's roles."""
    desk = desk_of(request)
    roles = chosen_roles(await read_form(request, desk))
    change = partial(desk.ask, desk.service.access.set_roles, name, roles)
    return await _changed(request, desk, name, change, said="saved", roles=sorted(roles))


async def set_password(request: Request, name: PersonName) -> Response:
    """Set somebody's password; their sessions end."""
    desk = desk_of(request)
    password = (await read_form(request, desk)).get("password", "")
    change = partial(desk.hash, desk.service.access.set_password, name, password)
    return await _changed(request, desk, name, change, said="saved")


async def disable_person(request: Request, name: PersonName) -> Response:
    """Let somebody sign in no more; their sessions end."""
    desk = desk_of(request)
    await read_form(request, desk)
    change = partial(desk.ask, desk.service.access.set_enabled, name, is_enabled=False)
    return await _changed(request, desk, name, change, said="saved")


async def enable_person(request: Request, name: PersonName) -> Response:
    """Let somebody sign in again."""
    desk = desk_of(request)
    await read_form(request, desk)
    change = partial(desk.ask, desk.service.access.set_enabled, name, is_enabled=True)
    return await _changed(request, desk, name, change, said="saved")


async def unlock_person(request: Request, name: PersonName) -> Response:
    """End a lock-out."""
    desk = desk_of(request)
    await read_form(request, desk)
    change = partial(desk.ask, desk.service.access.unlock, name)
    return await _changed(request, desk, name, change, said="saved")


async def remove_person(request: Request, name: PersonName) -> Response:
    """Take somebody's account away."""
    desk = desk_of(request)
    await read_form(request, desk)
    change = partial(desk.ask, desk.service.access.remove_person, name)
    return await _changed(request, desk, name, change, said="removed")


async def _changed(
    request: Request, desk: Desk, name: str, change: Callable[[], Awaitable[object]], *, said: str, **facts: object
) -> Response:
    """What is shown after a change: the page again, with why where it was refused."""
    try:
        async with changing(request, name, **facts):
            await change()
    except (AccessError, UnknownName) as error:
        return await _drawn(request, desk, error.message, status_of(error))
    desk.known_callers.forget()
    return see("/people", said=said)


async def _drawn(request: Request, desk: Desk, problem: str, status: HTTPStatus) -> Response:
    people = sorted(await desk.ask(desk.service.access.people), key=lambda person: person.name)
    now, roles = datetime.now(UTC), tuple(Role)
    return page(request, "people.html.jinja", status=status, people=people, roles=roles, now=now, problem=problem)
