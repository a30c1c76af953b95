"""A local HTTP server that takes notices as a vendor's protocol says, or misbehaves as receivers do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from lockgate.sandbox.local_server import ApiRequest, LocalServer, write_head

_DRIPS, _DRIP_SECONDS = 200, 0.05


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


Protocol = Callable[[ApiRequest], Answer]


class Receiver(LocalServer):
    """A server on this machine alone, to be used in a `with` block. `meanwhile` goes before the protocol."""

    def __init__(self, protocol: Protocol, *, port: int = 0, told: Callable[[ApiRequest], None] | None = None) -> None:
        """Answer as `protocol` says; `told` hears of each request that was taken."""
        super().__init__(port=port)
        self.taken: list[ApiRequest] = []
        self.refused: list[Answer] = []
        self.meanwhile: Answer | Misbehaviour | None = None
        self._protocol = protocol
        self._told = told

    def _answer(self, request: ApiRequest) -> Answer:
        answer = self._protocol(request) if request.method == "POST" else Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        if answer.status < 300:  # noqa: PLR2004  the statuses of success (RFC 9110, 15.3)
            self.taken.append(request)
            if self._told is not None:
                self._told(request)
        else:
            self.refused.append(answer)
        return answer

    def take(self, line: BaseHTTPRequestHandler, request: ApiRequest) -> None:
        """See `LocalServer`."""
        odd = self.meanwhile
        if isinstance(odd, Misbehaviour):
            self._misbehave(line, request, odd)
            return
        answer = odd or self._answer(request)
        body = answer.body.encode()
        write_head(line, answer.status, {**answer.headers, "content-length": str(len(body))})
        line.wfile.write(body)

    def _misbehave(self, line: BaseHTTPRequestHandler, request: ApiRequest, odd: Misbehaviour) -> None:
        if odd is Misbehaviour.HANG:
            self.ended.wait(_DRIPS * _DRIP_SECONDS)
            return
        if odd is Misbehaviour.DRIP_BODY:
            self._answer(request)
        line.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if odd is Misbehaviour.DRIP_BODY else b""))
        for _ in range(_DRIPS):
            if self.ended.is_set():
                return
            time.sleep(_DRIP_SECONDS)
            line.wfile.write(b"x: y\r\n")
