"""Who is known, as one process remembers it: never older than half a second, and without asking for each request."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import structlog

from lockgate.app.access import Access
from lockgate.core.access import Caller, TokenFacts
from lockgate.errors import LockgateError
from lockgate.govern.known import Known
from lockgate.server.problems import Refusal
from lockgate.server.shared_calls import heeded

FRESH_SECONDS = 0.5
"""How old what is known may be, as a rule."""
STALE_SECONDS = 1.0
"""How old it may be while the control plane does not answer; after that nobody is known."""
REREAD_SECONDS = 0.1
"""How often, at most, all is read again because somebody is not known."""
TOUCH_SECONDS = 15.0
MOST_TOKENS = 4096

Got = TypeVar("Got")


class Ask(Protocol):
    """Calls what blocks, in a thread."""

    async def __call__(self, function: Callable[..., Got], *given: Any) -> Got:
        """What the function gives."""


class KnownCallers:
    """People, their sessions and tokens; tokens whose signature was verified are remembered by their digest."""

    def __init__(
        self,
        access: Access,
        ask: Ask,
        verify: Ask,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Nobody, until somebody asks: `ask` leads to the control plane, `verify` to what reads tokens."""
        self._access = access
        self._ask = ask
        self._verify = verify
        self._clock = clock
        self._sleep = sleep
        self._known: Known | None = None
        self._read_at = self._checked_at = -math.inf
        self._changes = self._seen_changes = 0
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

    async def has_person(self, name: str) -> bool:
        """Whether somebody of that name has an account.

        Raises:
            ControlPlaneUnavailable: nobody can tell.
        """
        return name in (await self._fresh()).people

    async def of_session(self, secret: str, *, is_seen: bool = True) -> Caller | None:
        """Whose session this is; `is_seen` has it last on.

        Raises:
            ControlPlaneUnavailable: nobody can tell.
        """
        return await self._found(lambda known: known.caller_of_session(secret), is_seen=is_seen)

    async def of_token(self, text: str, *, is_seen: bool = True) -> Caller | None:
        """Whose token this is; `is_seen` has the session that it came of last on.

        Raises:
            TokenRefused: it is none of this project's.
            SecretMissing: there is no key to verify it with.
            ControlPlaneUnavailable: nobody can tell.
        """
        digest = sha256(text.encode()).digest()
        facts = self._facts.get(digest)
        if facts is None:
            facts = await self._verify(self._access.read_token, text)
            if len(self._facts) >= MOST_TOKENS:
                self._facts.clear()
            self._facts[digest] = facts
        return await self._found(lambda known: known.caller_of_token(facts), is_seen=is_seen)

    def forget(self) -> None:
        """Has the next request look again: something was changed here, and whoever did it sees that it was."""
        self._changes += 1

    async def _found(self, look: Callable[[Known], Caller | None], *, is_seen: bool) -> Caller | None:
        """Who is found; they may have come, or been seen elsewhere, since all was read: so it is read once more."""
        arrived = self._clock()
        caller = look(await self._fresh())
        if caller is None and self._read_at < arrived:
            caller = look(await self._read_since(arrived))
        if is_seen and caller is not None and caller.session_id is not None:
            self._seen.add(caller.session_id)
        return caller

    async def _fresh(self) -> Known:
        oldest = self._clock() - FRESH_SECONDS
        try:
            while self._known is None or self._checked_at < oldest or self._seen_changes < self._changes:
                await self._join(self._check)
        except (LockgateError, Refusal):
            if self._known is None or self._clock() - self._checked_at > STALE_SECONDS:
                raise
        return self._known

    async def _read_since(self, moment: float) -> Known:
        """All of it, as it was at the moment or later; whoever makes names up has it read ten times a second."""
        while self._known is None or self._read_at < moment:
            await self._sleep(max(0.0, self._read_at + REREAD_SECONDS - self._clock()))
            if self._read_at < moment:
                await self._join(self._read)
        return self._known

    async def _join(self, look: Callable[[], Any]) -> None:
        """Waits for the look that is under way, or else for this one, which others wait for too.

        One that has ended is none under way, though whoever waits for it was not told yet: who joined it would not
        wait at all, and whoever asks in a loop would ask for ever.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(look())
            self._checking.add_done_callback(heeded)
        await asyncio.shield(self._checking)

    async def _check(self) -> None:
        began, changes = self._clock(), self._changes
        epoch = await self._ask(self._access.epoch)
        if self._known is None:
            await self._read()
        elif self._known.epoch != epoch:
            self._facts.clear()
            await self._read()
        self._checked_at, self._seen_changes = max(began, self._checked_at), changes
        self._touch(began)

    async def _read(self) -> None:
        began = self._clock()
        self._known = await self._ask(self._access.known)
        self._read_at = self._checked_at = began

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
