"""An HTTP server on this machine alone, for the stand-ins of other people's services: a thread a connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LOOK_SECONDS = 0.01


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
        return loads(self.body)


class LocalServer:
    """To be used in a `with` block; a subclass takes the requests. `ended` is set once it is to stop."""

    def __init__(self, *, port: int = 0, protocol: str = "HTTP/1.0") -> None:
        """Listen on a port, a free one where none is given; by `HTTP/1.1` a connection is used again."""
        self.ended = Event()
        self._server = _Quiet(("127.0.0.1", port), _handler(self, protocol))
        self._server.daemon_threads = True

    def take(self, line: BaseHTTPRequestHandler, request: ApiRequest) -> None:
        """Answers a request on its connection, or does what a server should not."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Starts it."""
        Thread(target=self._server.serve_forever, args=(_LOOK_SECONDS,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


def write_head(line: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str]) -> None:
    """Writes a status and the headers after it."""
    line.send_response(status)
    for name, value in headers.items():
        line.send_header(name, value)
    line.end_headers()


class _Quiet(ThreadingHTTPServer):
    """Says nothing of clients that go away."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Keeps still."""


def _handler(server: LocalServer, protocol: str) -> type[BaseHTTPRequestHandler]:
    class Line(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = protocol
        disable_nagle_algorithm = True

        def take(self) -> None:
            """Reads a request, and has it answered."""
            try:
                server.take(self, _read(self))
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  as the library names it
            """Keeps still."""

    for method in _METHODS:
        setattr(Line, f"do_{method}", Line.take)
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
