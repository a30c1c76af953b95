"""The project's lineage for whoever asks: found out beside the event loop, once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.server.options import Options
from lockgate.server.threads import Threads

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage


class LineageLook:
    """One thread of its own: whoever works lineage out takes none of others; called in the event loop alone."""

    def __init__(self, find: Callable[[], FoundLineage], options: Options) -> None:
        """`find` is quick where nothing has changed."""
        self._find = find
        self._threads = Threads(replace(options, threads=1, calls_waiting=1))
        self._under_way: Future[FoundLineage] | None = None

    async def within(self, seconds: float) -> FoundLineage | None:
        """The lineage, as it is now; None where that takes longer, and goes on.

        Raises:
            LockgateError: what stands in the way of it.
        """
        future = self._under_way
        if future is None:
            future = self._under_way = self._threads.begin(self._find)
        await asyncio.wait([asyncio.wrap_future(future)], timeout=seconds)
        if not future.done():
            return None
        if self._under_way is future:
            self._under_way = None
        return future.result()

    def close(self) -> None:
        """Lets what is under way end."""
        self._threads.close()
