"""HTTP/1.1 for many clients in one process: a connection that is kept, and one request at a time on it.

Clients share two cores with what they measure, so this knows just what `lockgate serve` sends: answers whose length is
told ahead. A client library costs as much for each request as the server does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

_END_OF_HEAD = b"\r\n\r\n"


class Lost(Exception):
    """A connection ended before its answer was whole, or the answer was none that can be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, whose name is given in lower case."""
        begins = self.head.lower().find(b"\r\n" + name.encode() + b":")
        if begins < 0:
            return None
        line, _, _ = self.head[begins + 2 :].partition(b"\r\n")
        return line.partition(b":")[2].strip().decode("latin-1")


def request(method: str, path: str, *, token: str = "", document: object = None) -> bytes:
    """A whole request as it is sent."""
    body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
    headers: Mapping[str, str] = {
        "host": "localhost",
        **({"authorization": f"Bearer {token}"} if token else {}),
        **({"content-type": "application/json"} if body else {}),
        **({"content-length": str(len(body))} if body or method == "POST" else {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Reading:
    """An answer as its bytes come in."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._head_ends = -1
        self._whole = 0

    def take(self, data: bytes) -> Answer | None:
        """The answer, once it is whole.

        Raises:
            Lost: it is none whose length is told ahead.
        """
        self._bytes += data
        if self._head_ends < 0:
            self._head_ends = self._bytes.find(_END_OF_HEAD)
            if self._head_ends < 0:
                return None
            self._whole = self._head_ends + len(_END_OF_HEAD) + self._length()
        if len(self._bytes) < self._whole:
            return None
        head = bytes(self._bytes[: self._head_ends])
        answer = Answer(int(head[9:12]), head, bytes(self._bytes[self._head_ends + len(_END_OF_HEAD) : self._whole]))
        self._bytes.clear()
        self._head_ends = -1
        return answer

    def _length(self) -> int:
        head = bytes(self._bytes[: self._head_ends])
        told = Answer(0, head, b"").header("content-length")
        if not head.startswith(b"HTTP/1.1 ") or told is None or not told.isdigit():
            raise Lost("the answer's length is not told")
        return int(told)


class Connection(asyncio.Protocol):
    """One connection; opened anew where the server has closed it between two requests."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None

    @classmethod
    async def opened(cls, host: str, port: int) -> Connection:
        """A new connection.

        Raises:
            OSError: nobody listens there.
        """
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, message: bytes) -> Answer:
        """The answer to a request.

        Raises:
            Lost: there is none, or none that is whole.
        """
        if self._transport is None:
            raise Lost("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._waiting

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            answer = self._reading.take(data)
        except Lost as lost:
            self._end(lost)
            self.close()
            return
        if answer is None:
            return
        if answer.header("connection") == "close":
            self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._transport = None
        self._end(Lost(f"the connection was closed: {exc or 'by the server'}"))

    def _end(self, why: Lost) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(why)
