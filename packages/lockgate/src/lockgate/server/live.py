"""Whether whoever watches something live may still watch it."""

from __future__ import annotations

from starlette.requests import Request

from lockgate.core.access import Caller
from lockgate.errors import RetryableError
from lockgate.server.desk import desk_of
from lockgate.server.doors import door_of
from lockgate.server.problems import Fault, Refusal


async def still_admitted(request: Request) -> Caller | None:
    """Who watches, as they are known now; None once they may not: signed out, disabled, of other roles, or unknown.

    Asked for each second, it lets nobody watch for longer. To watch is no sign of life: a session ends all the same.

    Raises:
        RetryableError: nobody can tell just now.
        Refusal: the same, for too many ask.
    """
    door = door_of(request.scope)
    try:
        admitted = await desk_of(request).admission.admit(request.scope, is_seen=False)
    except Refusal as refusal:
        if refusal.fault is Fault.OVERLOADED:
            raise
        return None
    if isinstance(admitted.why_not, RetryableError):
        raise admitted.why_not
    return admitted.caller if door is not None and admitted.caller.may(door.allowed) else None
