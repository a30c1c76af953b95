"""Live parts of pages: drawn on the server, and sent again whenever what they show has changed.

Source: server-sent events (WHATWG HTML, 9.2). Events: `part` with the markup, `end` once nothing will change any more,
`gone` where whoever watches may no longer; a stream that just breaks off is opened again by the browser: that is what
happens where nobody can tell for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lockgate.errors import LockgateError
from lockgate.server.desk import Desk, desk_of
from lockgate.server.live import still_admitted
from lockgate.server.problems import Refusal

LOOK_SECONDS = 0.5
"""Between two looks at what is shown, and at whether it may be shown; at least a second must hold revocation."""
ALIVE_SECONDS = 10.0
"""A stream on which nothing happens says so, for proxies that would close it."""
AGAIN_MILLISECONDS = 2000

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Sight(Generic[Facts]):
    """What is seen at one look; `is_final` where the next one would see the same."""

    facts: Facts
    is_final: bool


Look = Callable[[], Awaitable[Sight[Facts]]]


async def live(request: Request, look: Look[Facts], draw: Callable[[Facts], str]) -> Response:
    """A part of a page as a stream, until it is final, the server stops, or the caller may not or does not watch.

    `look` is asked twice a second, once for all who watch the same address; `draw` writes what has changed since.

    Raises:
        Refusal: as many streams as may be are open already, or the caller has as many.
        LockgateError: what the first look met.
    """
    desk, caller, subject = desk_of(request), str(request.state.caller), str(request.url)
    desk.streams.enter(caller, subject)
    seat = ExitStack()
    seat.callback(desk.streams.leave, caller, subject)

    async def shared() -> Sight[Facts]:
        return await desk.streams.look(subject, look, fresh_seconds=LOOK_SECONDS / 2)

    try:
        seen = await shared()
    except BaseException:
        seat.close()
        raise
    return _Counted(_events(request, desk, seen, shared, draw), seat)


class _Counted(StreamingResponse):
    """A stream that is counted until it ends, also where it never began."""

    def __init__(self, events: AsyncIterator[str], seat: ExitStack) -> None:
        """Gives up its seat then."""
        headers = {"Cache-Control": "no-store", "Connection": "close", "X-Accel-Buffering": "no"}
        super().__init__(_seated(events, seat), 200, headers, "text/event-stream")
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._seat.close()


async def _seated(events: AsyncIterator[str], seat: ExitStack) -> AsyncIterator[str]:
    """Events, with the seat given up before the end of the last is sent."""
    try:
        async for each in events:
            yield each
    finally:
        seat.close()


async def _events(
    request: Request, desk: Desk, seen: Sight[Facts], look: Look[Facts], draw: Callable[[Facts], str]
) -> AsyncIterator[str]:
    """The stream."""
    try:
        yield f"retry: {AGAIN_MILLISECONDS}\n\n"
        yield event("part", draw(seen.facts))
        told_at, shown = time.monotonic(), seen.facts
        while not seen.is_final:
            if await _is_over(request, desk):
                return
            if await still_admitted(request) is None:
                yield event("gone")
                return
            seen = await look()
            if seen.facts != shown:
                shown, told_at = seen.facts, time.monotonic()
                yield event("part", draw(shown))
            elif time.monotonic() - told_at >= ALIVE_SECONDS:
                told_at = time.monotonic()
                yield ":\n\n"
        yield event("end")
    except (LockgateError, Refusal) as error:
        structlog.get_logger().info("a live page broke off", exc_info=error)


async def _is_over(request: Request, desk: Desk) -> bool:
    """Waits until the next look is due; whether nobody is there to see it, or the server stops."""
    await asyncio.wait([desk.stopping], timeout=LOOK_SECONDS)
    return desk.is_stopping or await request.is_disconnected()


def event(name: str, text: str = "") -> str:
    """One event; every line of its data is a field of its own."""
    data = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{data}\n"
