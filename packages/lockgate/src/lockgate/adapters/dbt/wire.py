"""Messages between Lockgate and its dbt processes: one JSON object a packet, of bounded length, over a socket pair."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

MAX_MESSAGE_BYTES = 192 << 10
_MAX_DESCRIPTORS = 1

Message: TypeAlias = dict[str, Any]


class ConnectionEnded(Exception):
    """The other side has gone, or sent what is no message."""


class MessageTooLong(Exception):
    """A message is longer than a packet may be."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends. A packet arrives whole or not at all, also from a process that is killed."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Mapping[str, object], *descriptors: int) -> None:
    """Sends one message, with descriptors for the other process to own.

    Raises:
        MessageTooLong: nothing was sent.
        OSError: the other side has gone.
    """
    packet = json.dumps(message, default=str).encode()
    if len(packet) > MAX_MESSAGE_BYTES:
        raise MessageTooLong(f"a message of {len(packet)} bytes; at most {MAX_MESSAGE_BYTES} are sent")
    socket.send_fds(connection, [packet], descriptors)


def receive(connection: socket.socket, deadline: float | None = None) -> Message:
    """The next message; `deadline` is a time of `time.monotonic()`.

    Raises:
        TimeoutError: none arrived by the deadline.
        ConnectionEnded: the other side has gone, or it was no message.
    """
    return receive_with_descriptors(connection, deadline)[0]


def receive_with_descriptors(connection: socket.socket, deadline: float | None = None) -> tuple[Message, list[int]]:
    """The next message and the descriptors that came with it; raises what `receive` does."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    try:
        packet, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES, _MAX_DESCRIPTORS)
        message = json.loads(packet) if packet else None
    except (ConnectionError, ValueError) as error:
        raise ConnectionEnded("the connection broke") from error
    if not isinstance(message, dict):
        raise ConnectionEnded("the other side has gone")
    return message, descriptors
