"""What takes long is found out once for all who wait, and by nobody who has other work to do."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lockgate.core.deadline import remaining_seconds
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Refusal
from lockgate.server.shared_calls import SharedCalls
from lockgate.server.threads import Threads


def asking(ask, *, seconds: float = 20.0):
    """What somebody gets who asks."""

    async def asked():
        calls = SharedCalls(Threads(Options(threads=2, calls_waiting=1)), seconds=seconds)
        try:
            return await ask(calls)
        finally:
            calls.close()

    return asyncio.run(asked())


def test_those_who_ask_about_the_same_wait_for_one_call():
    made, go_on = [], threading.Event()

    def look():
        made.append(go_on.wait(20))
        return len(made)

    async def ask(calls):
        many = [asyncio.ensure_future(calls.call("seven", look)) for _ in range(5)]
        other = asyncio.ensure_future(calls.call("eight", remaining_seconds))
        assert await other <= 20
        many[0].cancel()
        go_on.set()
        return await asyncio.gather(*many[1:])

    assert asking(ask) == [1] * 4
    assert made == [True]


def test_who_asks_later_is_told_what_is_so_then():
    made = []

    async def ask(calls):
        return [await calls.call("seven", lambda: made.append(1) or len(made)) for _ in range(2)]

    assert asking(ask) == [1, 2]


def test_what_takes_too_long_goes_on_and_is_joined_by_who_asks_again():
    made, go_on = [], threading.Event()

    def look():
        made.append(go_on.wait(20))

    async def ask(calls):
        for _ in range(2):
            with pytest.raises(Refusal) as caught:
                await calls.call("seven", look)
            assert caught.value.fault is Fault.OVERLOADED
        go_on.set()
        while not made:  # noqa: ASYNC110  a thread tells nobody
            await asyncio.sleep(0.01)

    asking(ask, seconds=0.1)
    assert made == [True]


def test_an_error_comes_to_everybody():
    def fail():
        raise ValueError("no such rows")

    async def ask(calls):
        return await asyncio.gather(*(calls.call("seven", fail) for _ in range(3)), return_exceptions=True)

    assert [str(each) for each in asking(ask)] == ["no such rows"] * 3
