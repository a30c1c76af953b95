"""The guard before every route: whoever may not is refused before its handler is asked, and before its body is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from inspect import iscoroutinefunction, signature

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from lockgate.core.access import CallerKind
from lockgate.errors import LockgateError, NotAllowed, UnknownName
from lockgate.server.access import ANYONE, READERS, Allowed
from lockgate.server.admission import Admitted, unauthenticated
from lockgate.server.changing import code_of, tell_refused, was_told
from lockgate.server.problems import Refusal, status_of

# Whoever sends something else has not said what is to be done to what.
UNDERSTOOD = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


@dataclass(frozen=True, slots=True)
class Door:
    """Who may call a route, and what the audit calls the change that it makes, where it makes one.

    What a page refuses is told by a page, and who has not signed in may do so.
    """

    method: str
    path: str
    allowed: Allowed
    change: str = ""
    is_page: bool = False

    def allowed_by(self, method: str) -> Allowed:
        """Whom a method is for: another one than the route's tells what methods there are, to whoever has a role."""
        return self.allowed if method == self.method or self.allowed is ANYONE else READERS


class GuardedRoute(APIRoute):
    """A route that asks its door first; one without a door answers nobody."""

    door: Door

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers those who may.

        Raises:
            Refusal: nobody knows who calls.
            NotAllowed: the caller has none of the roles.
            UnknownName: the path names something by a character that no name has.
        """
        await enter(scope, self.door)
        if "\0" in scope["path"]:
            raise UnknownName("nothing has a name with a NUL character in it")
        try:
            await self._answer(scope, receive, send)
        except (Refusal, LockgateError) as error:
            await self._tell(scope, error)
            raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers by the handler alone where it takes the request alone: FastAPI finds nothing to do for it then."""
        if not self._takes_the_request_alone or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    @cached_property
    def _takes_the_request_alone(self) -> bool:
        return iscoroutinefunction(self.endpoint) and list(signature(self.endpoint).parameters) == ["request"]

    async def _tell(self, scope: Scope, error: Refusal | LockgateError) -> None:
        """Writes down a change that was understood and refused before it was begun."""
        request = Request(scope)
        is_change = bool(self.door.change) and scope["method"] == self.door.method
        is_known = scope["state"]["caller"].kind is not CallerKind.NOBODY
        if is_change and is_known and not was_told(request) and _status(error) in UNDERSTOOD:
            await tell_refused(request, self.door.change, code_of(error))


def _status(error: Refusal | LockgateError) -> HTTPStatus:
    return error.fault.status if isinstance(error, Refusal) else status_of(error)


def guard(api: FastAPI, door: Door) -> None:
    """Sets a door before the route that was added last."""
    route = api.router.routes[-1]
    assert isinstance(route, GuardedRoute)  # noqa: S101  the router makes no others
    route.door = door


async def enter(scope: Scope, door: Door) -> None:
    """Returns where the caller may; that a change was refused for want of a role is written down.

    Raises:
        Refusal: nobody knows who calls.
        NotAllowed: the caller has none of the roles.
        ControlPlaneUnavailable: nobody can tell who calls, or which roles they have.
    """
    admitted: Admitted = scope["state"]["admitted"]
    allowed = door.allowed_by(scope["method"])
    if admitted.caller.may(allowed):
        return
    if admitted.caller.kind is CallerKind.NOBODY:
        raise admitted.why_not or unauthenticated()
    if door.change and scope["method"] == door.method:
        await tell_refused(Request(scope), door.change, NotAllowed.code)
    raise NotAllowed(f"this takes one of the roles {', '.join(sorted(allowed or ()))}")


def door_of(scope: Scope) -> Door | None:
    """The door that a request has come to; none where no route takes its path."""
    return getattr(scope.get("route"), "door", None)
