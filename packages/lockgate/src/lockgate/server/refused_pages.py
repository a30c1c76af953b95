"""What a page tells where it refuses: the way to sign in, or the problem as a page."""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from lockgate.server.console.rendering import page
from lockgate.server.doors import door_of
from lockgate.server.next_page import START, sign_in_path

# What the problem document says itself, and a page says in its own way.
_OF_THE_DOCUMENT = frozenset({"content-length", "content-type"})
# What people read in place of what a machine does: they were filling in a form.
_SESSION_ENDED = {
    "title": "Your session has ended",
    "detail": "What you sent was not done: nobody is signed in here any more.",
    "hint": "Sign in; then you come back to the page, and can send its form again.",
}


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
    and `correlationId`, which may be empty; `sign_in`, the way to sign in and come back to the page of the form.
    """
    is_unknown = problem.status_code == HTTPStatus.UNAUTHORIZED
    if is_unknown and request.method == "GET":
        return RedirectResponse(sign_in_path(request.url.path, request.url.query), HTTPStatus.SEE_OTHER)
    members = {"detail": "", "hint": "", "errors": [], "correlationId": "", **json.loads(bytes(problem.body))}
    headers = {name: value for name, value in problem.headers.items() if name not in _OF_THE_DOCUMENT}
    if is_unknown and "authorization" not in request.headers:
        members |= _SESSION_ENDED
    facts = {"problem": members, "sign_in": sign_in_path(*_page_of_form(request))}
    return page(request, "problem.html.jinja", status=problem.status_code, headers=headers, **facts)


def _page_of_form(request: Request) -> tuple[str, str]:
    """Path and query of the page that a form stands on.

    It is the one that sent it or, where that only answered another form, the nearest one above that can be asked for.
    """
    try:
        sender = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        sender = urlsplit("")
    if sender.netloc == request.url.netloc and _is_page(request, unquote(sender.path)):
        return unquote(sender.path), sender.query
    path = request.url.path
    while path and not _is_page(request, path):
        path = path.rpartition("/")[0]
    return path or START, ""


def _is_page(request: Request, path: str) -> bool:
    """Whether a page takes the path that somebody can look at."""
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    for route in request.app.router.routes:
        if route.matches(scope)[0] is Match.FULL:
            door = getattr(route, "door", None)
            return door is not None and door.is_page
    return False
