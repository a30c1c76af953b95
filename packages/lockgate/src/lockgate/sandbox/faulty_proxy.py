"""A TCP proxy before a database, which misbehaves in the ways that networks and dying servers do."""

from __future__ import annotations

import socket
import struct
import threading
from enum import StrEnum
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
CHUNK = 65_536


class Fault(StrEnum):
    """What becomes of connections, of those that stand, too."""

    NONE = "none"
    REFUSED = "refused"
    CLOSED = "closed"
    RESET = "reset"
    SILENT = "silent"
    SLOW = "slow"
    CUT = "cut"
    GARBAGE = "garbage"


class FaultyProxy:
    """Listens on a port of its own until it is closed; `url` is the database's by way of it."""

    def __init__(self, url: str) -> None:
        """Hands everything on at first."""
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener = self._listening(0)
        self._port = self._listener.getsockname()[1]
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._port}").geturl()
        self._fault = Fault.NONE
        self._changed = threading.Event()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    @property
    def fault(self) -> Fault:
        """What is wrong now; it may be set at any time."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        """What is to be wrong from now on."""
        before, self._fault = self._fault, fault
        changed, self._changed = self._changed, threading.Event()
        changed.set()
        if Fault.REFUSED in (before, fault):
            self._end()
        if before is Fault.REFUSED:
            self._listener = self._listening(self._port)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Ends every connection."""
        self._end()

    def _end(self) -> None:
        self._listener.close()
        for one in list(self._open):
            _reset(one)

    def _listening(self, port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=64)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._fault is Fault.CLOSED:
            client.close()
            return
        server = socket.create_connection(self._server)
        self._open |= {client, server}
        there = threading.Thread(target=self._carry, args=(client, server), daemon=True)
        there.start()
        self._carry(server, client, is_answer=True)
        there.join()
        self._open -= {client, server}

    def _carry(self, source: socket.socket, sink: socket.socket, *, is_answer: bool = False) -> None:
        """Carries bytes one way; what is wrong is wrong with answers."""
        try:
            while data := source.recv(CHUNK):
                if not self._handed_on(data, sink, is_answer=is_answer):
                    _reset(sink)
                    break
        except OSError:
            pass
        for one in (source, sink):
            one.close()

    def _handed_on(self, data: bytes, sink: socket.socket, *, is_answer: bool) -> bool:
        """Whether the connection is to go on."""
        fault, changed = self._fault, self._changed
        if fault is Fault.NONE or not is_answer:
            sink.sendall(data)
        elif fault is Fault.SILENT:
            changed.wait()
            sink.sendall(data)
        elif fault is Fault.SLOW:
            for place in range(len(data)):
                sink.sendall(data[place : place + 1])
                changed.wait(0.5)
        elif fault is Fault.GARBAGE:
            sink.sendall(b"HTTP/1.1 200 OK\r\n\r\nnot a database\n")
        elif fault is Fault.CUT:
            sink.sendall(data[: len(data) // 2])
            return False
        else:
            return False
        return True


def _reset(one: socket.socket) -> None:
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
