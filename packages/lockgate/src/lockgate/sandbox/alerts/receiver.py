"""A local HTTP server that takes notices as a vendor's protocol says, or misbehaves as receivers do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

_DRIPS, _DRIP_SECONDS = 200, 0.05


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Any:
        """Its body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; below 300 the request counts as taken."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Misbehaviour(Enum):
    """What a receiver may do in the place of an answer."""

    DRIP = auto()  # a head that comes byte by byte
    HANG = auto()  # nothing comes
    DRIP_BODY = auto()  # a head that takes the notice, then a body that does not end


Protocol = Callable[[Request], Answer]


class Receiver:
    """A server on this machine alone, to be used in a `with` block. `meanwhile` goes before the protocol."""

    def __init__(self, protocol: Protocol, *, port: int = 0, told: Callable[[Request], None] | None = None) -> None:
        """Answer as `protocol` says; `told` hears of each request that was taken."""
        self.taken: list[Request] = []
        self.refused: list[Answer] = []
        self.meanwhile: Answer | Misbehaviour | None = None
        self._protocol = protocol
        self._told = told
        self._ended = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Starts it."""
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: Request) -> Answer:
        answer = self._protocol(request)
        if answer.status < 300:  # noqa: PLR2004  the statuses of success (RFC 9110, 15.3)
            self.taken.append(request)
            if self._told is not None:
                self._told(request)
        else:
            self.refused.append(answer)
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Reads one request a connection."""

            def do_POST(self) -> None:
                """Answers, or misbehaves."""
                size = int(self.headers.get("content-length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.path, headers, self.rfile.read(size))
                with suppress(OSError):
                    receiver._write(self, request)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  as the library names it
                """Keeps still."""

        return Handler

    def _write(self, line: BaseHTTPRequestHandler, request: Request) -> None:
        odd = self.meanwhile
        if isinstance(odd, Misbehaviour):
            self._misbehave(line, request, odd)
            return
        answer = odd or self._answer(request)
        line.send_response(answer.status)
        body = answer.body.encode()
        for name, value in {**answer.headers, "content-length": str(len(body))}.items():
            line.send_header(name, value)
        line.end_headers()
        line.wfile.write(body)

    def _misbehave(self, line: BaseHTTPRequestHandler, request: Request, odd: Misbehaviour) -> None:
        if odd is Misbehaviour.HANG:
            self._ended.wait(_DRIPS * _DRIP_SECONDS)
            return
        if odd is Misbehaviour.DRIP_BODY:
            self._answer(request)
        line.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if odd is Misbehaviour.DRIP_BODY else b""))
        for _ in range(_DRIPS):
            if self._ended.is_set():
                return
            time.sleep(_DRIP_SECONDS)
            line.wfile.write(b"x: y\r\n")
