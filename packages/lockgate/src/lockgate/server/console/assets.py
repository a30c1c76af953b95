"""The files that pages bring along: style, script and picture, each under an address that changes with its content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from lockgate.server.problems import Fault, Refusal

PATH = "/static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# What is asked for by its digest never changes; without one it may be kept for a moment.
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=300"


@cache
def _content(name: str) -> bytes | None:
    """A file's content; None where the console has no such file."""
    known = {each.name for each in files("lockgate.server.console").joinpath("static").iterdir()}
    if name not in known or name[name.rfind(".") :] not in _TYPES:
        return None
    return files("lockgate.server.console").joinpath("static", name).read_bytes()


@cache
def asset(name: str) -> str:
    """The address of a file, with a digest of what is in it."""
    content = _content(name)
    if content is None:
        raise LookupError(name)
    return f"{PATH}/{name}?v={sha256(content).hexdigest()[:12]}"


async def static_file(request: Request) -> Response:
    """A file that pages bring along."""
    name = str(request.path_params["name"])
    content = _content(name)
    if content is None:
        raise Refusal(Fault.NOT_FOUND, "there is no such file")
    is_newest = request.query_params.get("v") == asset(name).rpartition("=")[2]
    kept = _FOR_EVER if is_newest else _FOR_A_WHILE
    headers = {"Cache-Control": kept, "Content-Type": f"{_TYPES[name[name.rfind('.') :]]}; charset=utf-8"}
    return Response(content, headers=headers)
