"""Ends a server without cutting anybody off: signals are heeded a moment before the server closes its connections."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lockgate.server.desk import Desk

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heeding_signals(desk: Desk) -> Iterator[None]:
    """While this lasts, a signal to end first tells the desk, then whoever handled it before.

    Between the two, callers that wait are answered, and answers ask clients to close their connections. A second
    signal is passed on at once. Outside the main thread, where there are no signals, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def pass_on(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    def heed(number: int, frame: FrameType | None) -> None:
        if desk.is_stopping:
            pass_on(number, frame)
            return
        loop.call_soon_threadsafe(desk.stop)
        loop.call_soon_threadsafe(loop.call_later, desk.options.drain_seconds, pass_on, number, frame)

    for number in SIGNALS:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
