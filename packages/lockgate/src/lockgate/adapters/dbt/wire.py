"""Messages between Lockgate and its dbt processes: one JSON object a line, of bounded length, over a socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

MAX_MESSAGE_BYTES = 64 << 20
_CHUNK = 1 << 16


class ConnectionEnded(Exception):
    """The other side has gone, or sent what is no message."""


def send(connection: socket.socket, message: Mapping[str, object]) -> None:
    """Sends one message."""
    connection.sendall(json.dumps(message, ensure_ascii=True, default=str).encode() + b"\n")


class Inbox:
    """The messages that arrive on one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        """The next message; `deadline` is a time of `time.monotonic()`.

        Raises:
            TimeoutError: nothing whole arrived by the deadline.
            ConnectionEnded: the other side has gone, or a message is too long or no JSON object.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            message = json.loads(line)
        except ValueError as error:
            raise ConnectionEnded("a message is not JSON") from error
        if not isinstance(message, dict):
            raise ConnectionEnded("a message is not an object")
        return message

    def _fill(self, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            chunk = self._connection.recv(_CHUNK)
        except ConnectionError as error:
            raise ConnectionEnded("the connection broke") from error
        if not chunk or len(self._buffer) + len(chunk) > MAX_MESSAGE_BYTES:
            raise ConnectionEnded("the other side has gone" if not chunk else "a message is too long")
        self._buffer += chunk
