"""Calls that take long, in threads of their own: those about the same subject are made once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from lockgate.core.deadline import within
from lockgate.server.problems import overloaded
from lockgate.server.threads import Threads

Got = TypeVar("Got")


class SharedCalls:
    """What is being found out, by subject; called in the event loop alone."""

    def __init__(self, threads: Threads, *, seconds: float) -> None:
        """In these threads; nobody waits for longer than so many seconds."""
        self._threads = threads
        self._seconds = seconds
        self._under_way: dict[Hashable, Future[Any]] = {}

    async def call(self, subject: Hashable, function: Callable[[], Got]) -> Got:
        """What the function finds, or the one that is at the same subject already.

        Raises:
            Refusal: too many wait, or this has taken too long; it goes on, and whoever asks again waits for it.
        """
        future: Future[Got] | None = self._under_way.get(subject)
        if future is None or future.done():
            with within(self._seconds):
                future = self._threads.begin(function)
            self._forget_ended()
            self._under_way[subject] = future
        deadline = asyncio.timeout(self._seconds)
        try:
            async with deadline:
                return await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError:
            if deadline.expired():
                raise overloaded(f"there was no answer after {self._seconds:g} s") from None
            raise

    def close(self) -> None:
        """Lets what is under way end; what waits is dropped."""
        self._threads.close()

    def _forget_ended(self) -> None:
        self._under_way = {subject: future for subject, future in self._under_way.items() if not future.done()}


def heeded(call: asyncio.Future[Any]) -> None:
    """A callback of a call that several wait for: each of them raises its error, and nobody may be left who does."""
    if not call.cancelled():
        call.exception()
