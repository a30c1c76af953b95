"""The project's lineage for whoever asks: found out beside the event loop, once for all who wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.server.options import Options
from lockgate.server.threads import Threads

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

# What was found, or stood in the way, after everybody who waited had left is told to who comes within so long.
FRESH_SECONDS = 5.0


class LineageLook:
    """One thread of its own: whoever works lineage out takes none of others; called in the event loop alone."""

    def __init__(
        self, find: Callable[[], FoundLineage], options: Options, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`find` is quick where nothing has changed; `clock` is in seconds."""
        self._find = find
        self._clock = clock
        self._ended_at: float | None = None
        self._threads = Threads(replace(options, threads=1, calls_waiting=1))
        self._under_way: Future[FoundLineage] | None = None

    async def within(self, seconds: float) -> FoundLineage | None:
        """The lineage, as it is now; None where that takes longer, and goes on.

        Raises:
            LockgateError: what stands in the way of it.
            Exception: it is a defect.
        """
        future = self._under_way
        if future is None or self._is_old():
            self._ended_at = None
            future = self._under_way = self._threads.begin(self._found)
        await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        if not future.done():
            return None
        if self._under_way is future:
            self._under_way = None
        return future.result()

    def _found(self) -> FoundLineage:
        try:
            return self._find()
        finally:
            self._ended_at = self._clock()

    def _is_old(self) -> bool:
        """Whether what is under way has ended, and so long ago that it may be otherwise now."""
        return self._ended_at is not None and self._clock() - self._ended_at > FRESH_SECONDS

    def close(self) -> None:
        """Lets what is under way end."""
        self._threads.close()
