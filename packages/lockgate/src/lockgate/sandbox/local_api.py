"""A local HTTP server of routes, for stand-ins of vendors' APIs: it keeps every request with its answer."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NOTHING = 204, 304


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request as it came, and how it was answered: JSON, or None where it was something else or a fault."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    answer: Any = None

    def asks(self, name: str, otherwise: str = "") -> str:
        """A parameter of the query."""
        return dict(self.query).get(name, otherwise)

    def document(self) -> Any:
        """Its body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What is answered: a document of JSON, or content, or pieces of content that come while the client waits."""

    status: int = 200
    document: Any = None
    content: bytes | None = None
    pieces: Iterator[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Hangs:
    """What may happen in the place of an answer: the connection ends, before anything is done or `after` it was."""

    def __init__(self, *, after: bool = False) -> None:
        """Before, unless it is said."""
        self.after = after


Handler = Callable[..., ApiAnswer]
Route = tuple[str, str, Handler]


class LocalApi:
    """To be used in a `with` block; a subclass gives the routes and says how it refuses.

    `faults` are met by the next requests, one each; None lets one through. What ends as one of `refusing` is out of
    order. `requests` are those that came.
    """

    def __init__(self, *, port: int = 0) -> None:
        """Listen on this machine alone; on a free port where none is given."""
        self.requests: list[ApiRequest] = []
        self.faults: deque[ApiAnswer | Hangs | None] = deque()
        self.refusing: set[str] = set()
        self.ended = Event()
        self._server = _Quiet(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True

    def routes(self) -> tuple[Route, ...]:
        """Method, pattern of the whole path, and what answers; the pattern's groups are its arguments."""
        raise NotImplementedError

    def refused(self, status: int, said: str) -> ApiAnswer:
        """A refusal in the vendor's shape."""
        raise NotImplementedError

    def turned_away(self, request: ApiRequest) -> ApiAnswer | None:
        """What whoever may not ask at all is answered; here anybody may."""
        del request
        return None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Starts it."""
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answered(self, request: ApiRequest) -> ApiAnswer:
        """The answer to a request."""
        if any(request.path.endswith(end) for end in self.refusing):
            return self.refused(500, "out of order")
        away = self.turned_away(request)
        if away is not None:
            return away
        for method, pattern, answer in self.routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return answer(request, *(unquote(part) for part in found.groups()))
        return self.refused(404, "page not found")


class _Quiet(ThreadingHTTPServer):
    """Says nothing of clients that go away."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Keeps still."""


def _handler(api: LocalApi) -> type[BaseHTTPRequestHandler]:
    class Line(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            """Reads a request, and writes its answer."""
            request = _read(self)
            fault = api.faults.popleft() if api.faults else None
            if isinstance(fault, Hangs) and not fault.after:
                api.requests.append(request)
                self.close_connection = True
                return
            answer = fault if isinstance(fault, ApiAnswer) else api.answered(request)
            told = (0, None) if isinstance(fault, ApiAnswer) else (answer.status, answer.document)
            api.requests.append(replace(request, status=told[0], answer=told[1]))
            if isinstance(fault, Hangs):
                self.close_connection = True
                return
            with suppress(OSError):
                _write(self, answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  as the library names it
            """Keeps still."""

    for method in _METHODS:
        setattr(Line, f"do_{method}", Line.answer)
    return Line


def _read(line: BaseHTTPRequestHandler) -> ApiRequest:
    parts = urlsplit(line.path)
    headers = {name.lower(): value for name, value in line.headers.items()}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join(_chunks(line))
    else:
        body = line.rfile.read(int(headers.get("content-length", "0")))
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return ApiRequest(line.command, parts.path, query, headers, body)


def _chunks(line: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while size := int(line.rfile.readline().split(b";")[0], 16):
        yield line.rfile.read(size)
        line.rfile.readline()
    line.rfile.readline()


def _write(line: BaseHTTPRequestHandler, answer: ApiAnswer) -> None:
    line.send_response(answer.status)
    for name, value in answer.headers.items():
        line.send_header(name, value)
    if answer.pieces is not None:
        line.send_header("content-type", answer.content_type)
        line.send_header("transfer-encoding", "chunked")
        line.end_headers()
        for piece in answer.pieces:
            if piece:
                line.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.wfile.write(b"0\r\n\r\n")
        return
    content = answer.content if answer.content is not None else json.dumps(answer.document).encode()
    if answer.status in _NOTHING:
        content = b""
    else:
        line.send_header("content-type", answer.content_type)
        line.send_header("content-length", str(len(content)))
    line.end_headers()
    line.wfile.write(content)
