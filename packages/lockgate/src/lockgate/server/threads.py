"""Runs calls that block, beside the event loop: so many at once, so many waiting, each for so long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from lockgate.server.options import Options
from lockgate.server.problems import Refusal, overloaded
from lockgate.server.under_way import followed

Given = ParamSpec("Given")
Got = TypeVar("Got")


class Threads:
    """A bounded pool of threads."""

    def __init__(self, options: Options) -> None:
        """As many threads and waiting calls as the options allow."""
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="lockgate-api")
        self._places = threading.BoundedSemaphore(options.threads + options.calls_waiting)
        self._seconds = options.answer_seconds

    async def call(self, function: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Got:
        """What a blocking function gives, called in a thread with this task's context.

        Raises:
            Refusal: too many calls wait, or this one has taken too long.
        """
        return await self.wait(self.begin(function, *given, **named))

    def begin(self, function: Callable[Given, Got], *given: Given.args, **named: Given.kwargs) -> Future[Got]:
        """What a blocking function will give, called in a thread with this task's context.

        Raises:
            Refusal: too many calls wait.
        """
        if not self._places.acquire(blocking=False):
            raise overloaded("too many requests wait for a thread")
        context = copy_context()
        future: Future[Got] = self._pool.submit(lambda: context.run(function, *given, **named))
        future.add_done_callback(lambda _: self._places.release())
        return followed(future)

    async def wait(self, future: Future[Got]) -> Got:
        """What a call gives that is made elsewhere.

        Raises:
            Refusal: it has taken too long.
        """
        deadline = asyncio.timeout(self._seconds)
        try:
            async with deadline:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if deadline.expired():
                raise unanswered(self._seconds) from None
            raise

    def close(self) -> None:
        """Lets calls under way end; those that wait are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def unanswered(seconds: float) -> Refusal:
    """The refusal of what was not answered within so many seconds."""
    return overloaded(f"there was no answer after {seconds:g} s")
