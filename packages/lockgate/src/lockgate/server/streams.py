"""Live parts that are watched in this process: how many, by whom, and one look at a time for all who watch the same."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lockgate.server.options import Options
from lockgate.server.problems import overloaded
from lockgate.server.shared_calls import heeded

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen of a subject, or will be; `began_at` on the process's own clock."""

    seen: asyncio.Future[Any]
    began_at: float


class Streams:
    """The live parts that are open; used in the event loop alone."""

    def __init__(self, options: Options) -> None:
        """None, and as many as the options allow."""
        self._options = options
        self._of: Counter[str] = Counter()
        self._at: Counter[str] = Counter()
        self._looks: dict[str, _Look] = {}

    def __len__(self) -> int:
        """How many there are."""
        return self._of.total()

    def enter(self, caller: str, subject: str) -> None:
        """Counts one more, until `leave`.

        Raises:
            Refusal: there are as many as may be, or that caller has as many.
        """
        if len(self) >= self._options.streams:
            raise overloaded("too many pages are watched live")
        if self._of[caller] >= self._options.streams_a_caller:
            raise overloaded("you watch too many pages live")
        self._of[caller] += 1
        self._at[subject] += 1

    def leave(self, caller: str, subject: str) -> None:
        """Counts one less; what nobody watches any more is forgotten."""
        for counts, name in ((self._of, caller), (self._at, subject)):
            counts[name] -= 1
            if counts[name] <= 0:
                del counts[name]
        if subject not in self._at:
            self._looks.pop(subject, None)

    async def look(self, subject: str, look: Callable[[], Awaitable[Seen]], *, fresh_seconds: float) -> Seen:
        """What is seen of a subject, by a look that is under way, or that began no longer ago than so many seconds."""
        last, now = self._looks.get(subject), time.monotonic()
        if last is None or (last.seen.done() and last.began_at < now - fresh_seconds):
            last = _Look(asyncio.ensure_future(look()), now)
            last.seen.add_done_callback(heeded)
            self._looks[subject] = last
        seen: Seen = await asyncio.shield(last.seen)
        return seen
