"""Blocking calls have bounds: so many at once, so long."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lockgate.server.options import Options
from lockgate.server.problems import Fault, Refusal
from lockgate.server.threads import Threads


def test_a_call_gives_what_the_function_gives():
    async def call() -> int:
        threads = Threads(Options())
        try:
            return await threads.call(divmod, 17, 5)
        finally:
            threads.close()

    assert asyncio.run(call()) == (3, 2)


def test_errors_come_through_also_those_that_look_like_ours():
    def late() -> None:
        raise TimeoutError("the function's own")

    async def call() -> None:
        threads = Threads(Options())
        with pytest.raises(TimeoutError, match="the function's own"):
            await threads.call(late)
        threads.close()

    asyncio.run(call())


def test_calls_above_the_bound_are_refused_until_there_is_room():
    free = threading.Event()

    async def call() -> bool:
        threads = Threads(Options(threads=1, calls_waiting=1))
        under_way = [asyncio.ensure_future(threads.call(free.wait, 20)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            await threads.call(free.wait, 20)
        assert caught.value.fault is Fault.OVERLOADED
        free.set()
        assert await asyncio.gather(*under_way) == [True, True]
        try:
            return await threads.call(free.wait, 20)
        finally:
            threads.close()

    assert asyncio.run(call()) is True


def test_a_call_that_takes_too_long_is_given_up():
    free = threading.Event()

    async def call() -> None:
        threads = Threads(Options(answer_seconds=0.05))
        with pytest.raises(Refusal, match=r"there was no answer after 0\.05 s"):
            await threads.call(free.wait, 20)
        free.set()
        threads.close()

    asyncio.run(call())
