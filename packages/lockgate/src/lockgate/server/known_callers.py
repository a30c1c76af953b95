"""Who is known, as one process remembers it: never older than half a second, and without asking for each request."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from lockgate.core.access import Caller
from lockgate.errors import LockgateError
from lockgate.server.problems import Refusal

if TYPE_CHECKING:
    from lockgate.app.access import Access
    from lockgate.core.access import TokenFacts
    from lockgate.govern.known import Known

FRESH_SECONDS = 0.5
"""How old what is known may be, as a rule."""
STALE_SECONDS = 1.0
"""How old it may be while the control plane does not answer; after that nobody is known."""
TOUCH_SECONDS = 15.0
MOST_TOKENS = 4096

Got = TypeVar("Got")


class Ask(Protocol):
    """Calls what blocks, in a thread."""

    async def __call__(self, function: Callable[..., Got], *given: Any) -> Got:
        """What the function gives."""


class KnownCallers:
    """People, their sessions and tokens; tokens whose signature was verified are remembered by their digest."""

    def __init__(self, access: Access, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody, until somebody asks."""
        self._access = access
        self._ask = ask
        self._clock = clock
        self._known: Known | None = None
        self._checked_at = -math.inf
        self._checking: asyncio.Task[None] | None = None
        self._facts: dict[bytes, TokenFacts] = {}
        self._seen: set[str] = set()
        self._touched_at = -math.inf
        self._touching: asyncio.Task[None] | None = None

    async def has_people(self) -> bool:
        """Whether anybody has an account.

        Raises:
            ControlPlaneUnavailable: nobody can tell.
        """
        return (await self._fresh()).has_people

    async def of_session(self, secret: str, *, is_seen: bool = True) -> Caller | None:
        """Whose session this is; `is_seen` has it last on.

        Raises:
            ControlPlaneUnavailable: nobody can tell.
        """
        caller = await self._found(lambda known: known.caller_of_session(secret))
        if caller is not None and caller.session_id is not None and is_seen:
            self._seen.add(caller.session_id)
        return caller

    async def of_token(self, text: str) -> Caller | None:
        """Whose token this is.

        Raises:
            TokenRefused: it is none of this project's.
            ControlPlaneUnavailable: nobody can tell.
        """
        digest = sha256(text.encode()).digest()
        facts = self._facts.get(digest)
        if facts is None:
            facts = self._access.read_token(text)
            if len(self._facts) >= MOST_TOKENS:
                self._facts.clear()
            self._facts[digest] = facts
        return await self._found(lambda known: known.caller_of_token(facts))

    async def _found(self, look: Callable[[Known], Caller | None]) -> Caller | None:
        """Who is found; it may have been a moment ago that they came, so one more look tells that nobody is."""
        arrived = self._clock()
        caller = look(await self._fresh())
        if caller is None and self._checked_at < arrived:
            caller = look(await self._as_of(arrived))
        return caller

    async def _fresh(self) -> Known:
        now = self._clock()
        if self._known is not None and now - self._checked_at <= FRESH_SECONDS:
            return self._known
        try:
            return await self._as_of(now - FRESH_SECONDS)
        except (LockgateError, Refusal):
            if self._known is not None and self._clock() - self._checked_at <= STALE_SECONDS:
                return self._known
            raise

    async def _as_of(self, moment: float) -> Known:
        """What is known by a check that began at the moment or later; those who wait share one."""
        while self._known is None or self._checked_at < moment:
            if self._checking is None:
                self._checking = asyncio.ensure_future(self._check())
                self._checking.add_done_callback(self._checked)
            await asyncio.shield(self._checking)
        return self._known

    async def _check(self) -> None:
        began = self._clock()
        epoch = await self._ask(self._access.epoch)
        if self._known is None or self._known.epoch != epoch:
            self._known = await self._ask(self._access.known)
            self._facts.clear()  # a key may have been taken away
        self._checked_at = began
        self._touch(began)

    def _checked(self, check: asyncio.Task[None]) -> None:
        self._checking = None
        if not check.cancelled():
            check.exception()  # whoever waits for it raises it; nobody may be left

    def _touch(self, now: float) -> None:
        """Tells which sessions were seen, now and then."""
        if self._seen and self._touching is None and now - self._touched_at >= TOUCH_SECONDS:
            seen, self._seen, self._touched_at = tuple(self._seen), set(), now
            self._touching = asyncio.ensure_future(self._tell(seen))
            self._touching.add_done_callback(self._touched)

    def _touched(self, _: asyncio.Task[None]) -> None:
        self._touching = None

    async def _tell(self, seen: tuple[str, ...]) -> None:
        try:
            await self._ask(self._access.touch, seen)
        except (LockgateError, Refusal) as error:
            structlog.get_logger().warning("that sessions go on was not written", exc_info=error)
