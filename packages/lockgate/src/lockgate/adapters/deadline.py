"""A bound on the whole of one exchange: time-outs of single reads never end with a service that sends byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


class Deadline:
    """Cuts a client's connection off once an exchange has taken too long; for one exchange at a time."""

    def __init__(self, seconds: float) -> None:
        """Allow each exchange so many seconds."""
        self.seconds = seconds
        self.has_passed = False
        self._socket: socket.socket | None = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hears of the connections that the HTTP client makes, as its `trace` extension tells."""
        if event.endswith(_CONNECTED):
            self.watch(info["return_value"].get_extra_info("socket"))

    def watch(self, connection: socket.socket) -> None:
        """Takes a connection that was made otherwise; a duplicate also cuts what was wrapped in TLS meanwhile."""
        self._socket = connection
        if self.has_passed:
            self._cut()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Times what is done meanwhile; a read that waits when time is up ends as if the service had hung up."""
        self.has_passed = False
        timer = Timer(self.seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.has_passed = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
