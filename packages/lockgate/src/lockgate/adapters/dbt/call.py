"""A call of the executor while it waits for its processes: until when, and whether somebody asked it to stop."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lockgate.adapters.dbt.wire import ConnectionEnded, Message, receive
from lockgate.errors import DbtCancelled, DbtError, DbtTimedOut


class Call:
    """One invocation under way. `cancel` may be called from any thread."""

    def __init__(self, workshop: str, *, timeout_seconds: float, patience_seconds: float) -> None:
        """`patience_seconds` are given to processes that were asked to end."""
        self.workshop = workshop
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._stopped: DbtError | None = None

    def cancel(self) -> None:
        """Asks the process that is waited for to end, and every later one not to begin."""
        self._stop(DbtCancelled())

    @contextmanager
    def waiting_on(self, connection: socket.socket) -> Iterator[None]:
        """While the block runs, what stops this call closes our side of `connection`."""
        with self._lock:
            self._connection = connection
            if self._stopped is not None:
                _half_close(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connection = None

    def messages(self, connection: socket.socket) -> Iterator[Message]:
        """What arrives on a connection, up to its end; where this call's time is over, its process is asked to end."""
        with suppress(ConnectionEnded):
            while True:
                yield self._next(connection)

    def refuse_if_stopped(self) -> None:
        """Raises what stopped this call.

        Raises:
            DbtTimedOut: its time was over.
            DbtCancelled: somebody cancelled it.
        """
        if self._stopped is not None:
            raise self._stopped

    def _next(self, connection: socket.socket) -> Message:
        try:
            return receive(connection, self._deadline)
        except TimeoutError:
            self._stop(DbtTimedOut(f"dbt was stopped after {self._timeout_seconds:g} s", workshop=self.workshop))
        try:
            return receive(connection, time.monotonic() + self._patience_seconds)
        except TimeoutError as error:
            raise ConnectionEnded("it does not end") from error

    def _stop(self, reason: DbtError) -> None:
        with self._lock:
            self._stopped = self._stopped or reason
            if self._connection is not None:
                _half_close(self._connection)


def _half_close(connection: socket.socket) -> None:
    """Tells the process that serves a connection to end, and goes on listening."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


def end(connection: socket.socket, *, patience_seconds: float) -> None:
    """Ends the process that serves a connection and waits until it is gone."""
    _half_close(connection)
    deadline = time.monotonic() + patience_seconds
    with connection, suppress(ConnectionEnded, TimeoutError):
        while True:
            receive(connection, deadline)
