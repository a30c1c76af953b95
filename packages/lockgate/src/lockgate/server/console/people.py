"""The page of people: who has an account, and what each is trusted with; admins change that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lockgate.core.access import Role
from lockgate.errors import AccessError, LockgateError, UnknownName
from lockgate.govern.changes import Told, adding_person, setting_roles
from lockgate.server.changing import changing
from lockgate.server.console.chosen_roles import chosen_roles
from lockgate.server.console.listing import ROWS, Asked, Name, asked, rows_of
from lockgate.server.console.rendering import page, see
from lockgate.server.desk import Desk, desk_of
from lockgate.server.forms import read_form
from lockgate.server.problems import status_of

PATH = "/people"
PersonName = Annotated[str, Path(description="The name of an account.")]


@dataclass(frozen=True, slots=True)
class AccountTyped:
    """What stands in the form that adds somebody; a password is never written back."""

    name: str = ""
    roles: frozenset[Role] = frozenset({Role.VIEWER})


class PeopleAsked(Asked):
    """Which accounts to list: `name` is a part of theirs, `before` the last that was shown."""

    name: Name | None = None
    before: Name | None = None


async def people_page(request: Request) -> Response:
    """Show who has an account.

    Facts: `people` by name, `held_up` by the name of whoever is, `asked` the filter, `roles` every one that there is,
    `now`, `error` why a change was refused, or none; `typed` what stands in the form.
    """
    return await _drawn(request, asked(request, PeopleAsked))


async def add_person(request: Request) -> Response:
    """Give somebody an account, with a first password and roles."""
    desk = desk_of(request)
    form = await read_form(request, desk)
    name, password, roles = form.get("name", ""), form.get("password", ""), chosen_roles(form)
    add = partial(desk.hash, desk.service.access.add_person, name, password, roles)
    told, typed = adding_person(name, roles), AccountTyped(name, roles)
    return await _changed(request, desk, told, add, said="added", typed=typed)


async def set_roles(request: Request, name: PersonName) -> Response:
    """Set somebody's roles."""
    desk = desk_of(request)
    roles = chosen_roles(await read_form(request, desk))
    change = partial(desk.ask, desk.service.access.set_roles, name, roles)
    return await _changed(request, desk, setting_roles(name, roles), change, said="saved")


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
    request: Request,
    desk: Desk,
    what: str | Told,
    change: Callable[[], Awaitable[object]],
    *,
    said: str,
    typed: AccountTyped | None = None,
) -> Response:
    """What is shown after a change: the page again, with why where it was refused."""
    try:
        async with changing(request, what):
            await change()
    except (AccessError, UnknownName) as error:
        return await _drawn(request, PeopleAsked(), error=error, typed=typed)
    desk.known_callers.forget()
    return see(PATH, said=said)


async def _drawn(
    request: Request, query: PeopleAsked, *, error: LockgateError | None = None, typed: AccountTyped | None = None
) -> Response:
    desk = desk_of(request)
    read = partial(desk.service.access.list_people, text=query.name or "", before=query.before, limit=ROWS + 1)
    people = rows_of(request, await desk.ask(read), lambda person: person.name, path=PATH)
    held_up = await desk.ask(desk.service.access.held_up, [person.name for person in people.rows])
    facts: dict[str, Any] = {
        "people": people,
        "held_up": held_up,
        "asked": query,
        "roles": tuple(Role),
        "now": datetime.now(UTC),
    }
    status = HTTPStatus.OK if error is None else status_of(error)
    return page(request, "people.html.jinja", status=status, error=error, typed=typed or AccountTyped(), **facts)
