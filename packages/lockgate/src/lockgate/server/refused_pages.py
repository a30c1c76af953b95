"""What a page tells where it refuses: the way to sign in, or the problem as a page."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from lockgate.server.console.rendering import page
from lockgate.server.doors import door_of
from lockgate.server.next_page import sign_in_path

# What the problem document says itself, and a page says in its own way.
_OF_THE_DOCUMENT = frozenset({"content-length", "content-type"})


def wants_page(scope: Scope) -> bool:
    """Whether a person looks at the answer: it is a page's, or there is none and a browser asks for one."""
    door = door_of(scope)
    if door is not None:
        return door.is_page
    accepted = b"".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accepted and not scope["path"].startswith("/api/")


def refused_page(request: Request, problem: Response) -> Response:
    """The page in place of a problem document: who has not signed in and wanted to see something may do so first.

    Facts: `problem`, the members of the document (RFC 9457): `status`, `title`, `code`, and `detail`, `hint`, `errors`
    and `correlationId`, which may be empty.
    """
    if problem.status_code == HTTPStatus.UNAUTHORIZED and request.method == "GET":
        return RedirectResponse(sign_in_path(request.url.path, request.url.query), HTTPStatus.SEE_OTHER)
    members = {"detail": "", "hint": "", "errors": [], "correlationId": "", **json.loads(bytes(problem.body))}
    headers = {name: value for name, value in problem.headers.items() if name not in _OF_THE_DOCUMENT}
    return page(request, "problem.html.jinja", status=problem.status_code, headers=headers, problem=members)
