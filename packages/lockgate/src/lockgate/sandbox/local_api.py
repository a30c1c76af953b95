"""A local HTTP server of routes, for stand-ins of vendors' APIs: it keeps every request with its answer."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

from lockgate.sandbox.local_server import ApiRequest, LocalServer, write_head

_NOTHING = 204, 304


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


class LocalApi(LocalServer):
    """To be used in a `with` block; a subclass gives the routes and says how it refuses.

    `faults` are met by the next requests, one each; None lets one through. What ends as one of `refusing` is out of
    order. `requests` are those that came.
    """

    def __init__(self, *, port: int = 0) -> None:
        """Listen on this machine alone; on a free port where none is given."""
        super().__init__(port=port, protocol="HTTP/1.1")
        self.requests: list[ApiRequest] = []
        self.faults: deque[ApiAnswer | Hangs | None] = deque()
        self.refusing: set[str] = set()

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

    def take(self, line: BaseHTTPRequestHandler, request: ApiRequest) -> None:
        """See `LocalServer`."""
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, Hangs) and not fault.after:
            self.requests.append(request)
            line.close_connection = True
            return
        answer = fault if isinstance(fault, ApiAnswer) else self.answered(request)
        told = (0, None) if isinstance(fault, ApiAnswer) else (answer.status, answer.document)
        self.requests.append(replace(request, status=told[0], answer=told[1]))
        if isinstance(fault, Hangs):
            line.close_connection = True
            return
        _write(line, answer)


def _write(line: BaseHTTPRequestHandler, answer: ApiAnswer) -> None:
    typed = {**answer.headers, "content-type": answer.content_type}
    if answer.pieces is not None:
        write_head(line, answer.status, {**typed, "transfer-encoding": "chunked"})
        for piece in answer.pieces:
            if piece:
                line.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.wfile.write(b"0\r\n\r\n")
        return
    if answer.status in _NOTHING:
        write_head(line, answer.status, answer.headers)
        return
    content = answer.content if answer.content is not None else json.dumps(answer.document).encode()
    write_head(line, answer.status, {**typed, "content-length": str(len(content))})
    line.wfile.write(content)
