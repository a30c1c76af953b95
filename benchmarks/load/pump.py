"""Requests as fast as they are answered, over a few connections, with as little work for each as Python allows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import cast

import uvloop

from load.exchange import Lost, Reading

OK = 200


class _Sender(asyncio.Protocol):
    """A connection that sends the next request when it has the answer to the last one."""

    def __init__(self, pump: _Pump) -> None:
        self._pump = pump
        self._reading = Reading()
        self._transport: asyncio.Transport | None = None
        self._place = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._reading.take(data)
        except Lost as lost:
            self._pump.fail(lost)
            return
        if answer is None:
            return
        if answer.status != OK:
            self._pump.fail(Lost(f"{answer.status}: {answer.body[:300]!r}"))
            return
        self._pump.bodies[self._place] = answer.body
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pump.fail(exc or Lost("the connection was closed"))

    def _send(self) -> None:
        number = next(self._pump.numbers)
        if self._transport is None or number >= self._pump.count:
            self._pump.end_one()
            return
        self._place = number % len(self._pump.messages)
        self._transport.write(self._pump.messages[self._place])


class _Pump:
    """What the connections share."""

    def __init__(self, messages: Sequence[bytes], connections: int, wanted: int) -> None:
        self.messages = messages
        self.bodies = [b""] * len(messages)
        self.numbers = count()
        self.count = wanted
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = connections

    def end_one(self) -> None:
        self._left -= 1
        if self._left == 0 and not self.done.done():
            self.done.set_result(None)

    def fail(self, why: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(why)


def pump(host: str, port: int, messages: Sequence[bytes], connections: int, wanted: int) -> list[bytes]:
    """Sends so many requests, the messages in turn: the last answer to each message.

    Raises:
        Lost: one was answered with another status than 200, or not at all.
    """

    async def pumped() -> list[bytes]:
        shared = _Pump(messages, connections, wanted)
        loop = asyncio.get_running_loop()
        opened = [await loop.create_connection(lambda: _Sender(shared), host, port) for _ in range(connections)]
        await shared.done
        for transport, _ in opened:
            transport.close()
        return shared.bodies

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(pumped())
