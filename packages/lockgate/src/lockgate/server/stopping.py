"""Ends a server without cutting anybody off: signals are heeded a moment before the server closes its connections."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lockgate.server.desk import Desk
from lockgate.server.listening import give_up, queued

MOMENT_SECONDS = 0.2
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heeding_signals(desk: Desk) -> Iterator[None]:
    """While this lasts, a signal to end first tells the desk, then whoever handled it before.

    Between the two, callers that wait are answered, and every answer closes its connection: the server has time until
    none is left. A second SIGINT is passed on at once; a second SIGTERM is not, since a supervisor repeats the one that
    its whole group got. Outside the main thread, where there are no signals, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    drains: list[asyncio.Task[None]] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def pass_on(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    def heed(number: int, frame: FrameType | None) -> None:
        if desk.is_stopping:
            if number == signal.SIGINT:
                pass_on(number, frame)
            return
        loop.call_soon_threadsafe(begin, number, frame)

    def begin(number: int, frame: FrameType | None) -> None:
        desk.stop()
        drain = loop.create_task(_drained(desk))
        drain.add_done_callback(lambda _: pass_on(number, frame))
        drains.append(drain)  # the loop itself does not keep it

    for number in SIGNALS:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _drained(desk: Desk) -> None:
    """Returns once no connection is open and none can begin, or the time for that is over.

    A connection that a client keeps is closed by the answer to its next request: closed at once, it could be cut while
    that request is on its way.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + desk.options.drain_seconds
    await asyncio.sleep(MOMENT_SECONDS)  # handshakes that have begun come to their end meanwhile
    await _accepted(desk.listener, deadline)
    while desk.connections and loop.time() < deadline:  # noqa: ASYNC110  connections tell nobody of their end
        await asyncio.sleep(MOMENT_SECONDS / 4)


async def _accepted(listener: socket.socket | None, deadline: float) -> None:
    """Returns once nobody waits to be accepted, by this process or by another one; then it listens no more."""
    if listener is None:
        return
    loop = asyncio.get_running_loop()
    while queued(listener) and loop.time() < deadline:  # noqa: ASYNC110  a queue tells nobody either
        await asyncio.sleep(MOMENT_SECONDS / 20)
    loop.remove_reader(listener.fileno())
    give_up(listener)
