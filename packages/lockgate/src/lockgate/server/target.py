"""What a request's first line and headers say, apart from what they mean: its target, and how many bytes they are."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.types import Scope

_SCHEMES = (b"http://", b"https://")
_LINE = len(b"  HTTP/1.1\r\n\r\n")
_COLON_AND_END = len(b": \r\n")


def in_origin_form(scope: Scope) -> Scope:
    """The request with a path as its target, where that is a whole address, whose host then stands for `Host`.

    (RFC 9112, section 3.2.2.)
    """
    raw: bytes = scope["raw_path"]
    if not raw.lower().startswith(_SCHEMES):
        return scope
    authority, _, path = raw.partition(b"://")[2].partition(b"/")
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    named = {"raw_path": b"/" + path, "path": unquote(f"/{path.decode('ascii')}")}
    return {**scope, **named, "headers": [(b"host", authority), *headers]}


def head_bytes(scope: Scope) -> int:
    """How many bytes a request's line and headers have."""
    query = scope["query_string"]
    line = len(scope["method"]) + len(scope["raw_path"]) + (len(query) + 1 if query else 0) + _LINE
    return line + sum(len(name) + len(value) + _COLON_AND_END for name, value in scope["headers"])
