"""The socket that a server listens on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import sys

BACKLOG = 2048
# Linux: a classic BPF program of instructions (code, jump if true, if false, value) that drops what asks for a
# connection, and lets everything else through: the rest of a handshake that has begun.
_SO_ATTACH_FILTER = 26
_FLAGS, _SYN_AND_ACK, _SYN = 13, 0x12, 0x02
_DROP_NEW = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, _FLAGS),
        (0x54, 0, 0, _SYN_AND_ACK),
        (0x15, 0, 1, _SYN),
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 0xFFFFFFFF),
    )
)
# Of a socket that listens, the kernel keeps the length of its queue where others have their unacknowledged segments.
_QUEUED = slice(24, 28)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, for one process or several; port 0 is any free one.

    Raises:
        OSError: the address is taken, or none of this machine.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def turn_away(listener: socket.socket) -> None:
    """Lets no new connection begin, while those that have begun can still be accepted.

    Closing a socket would reset whatever waits in its queue. Where there is no such filter, nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(_DROP_NEW)
    count = len(_DROP_NEW) // struct.calcsize("HBBI")
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(program)))


def queued(listener: socket.socket) -> int:
    """How many connections wait to be accepted; 0 where nobody can tell."""
    if not sys.platform.startswith("linux"):
        return 0
    told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _QUEUED.stop)
    return int.from_bytes(told[_QUEUED], sys.byteorder)


def give_up(listener: socket.socket) -> None:
    """Lets this process listen no more: once none does, whoever connects is refused.

    The socket's number stays taken, by a socket that does nothing, for those that will close it.
    """
    with socket.socket(listener.family, listener.type) as idle:
        os.dup2(idle.fileno(), listener.fileno(), inheritable=False)
