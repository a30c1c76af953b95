"""The cookie that a browser keeps of whoever has signed in, and the token that their forms carry because of it."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode

from starlette.datastructures import Headers
from starlette.responses import Response

from lockgate.server.options import Mode

# `__Host-` has browsers take it only from this very host, over TLS, for every path (RFC 6265bis, 4.1.3.2).
_NAMES = {Mode.PRODUCTION: "__Host-lockgate", Mode.DEVELOPMENT: "lockgate"}
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def session_secret(headers: Headers, mode: Mode) -> str | None:
    """The secret of a session, where exactly one was sent that can be one."""
    name = _NAMES[mode]
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    found = [value for key, _, value in pairs if key == name]
    return found[0] if len(found) == 1 and _SECRET.fullmatch(found[0]) else None


def keep_session(response: Response, secret: str, mode: Mode) -> None:
    """Has the browser keep a session until it is closed; no script reads it, and no other site has it sent.

    (OWASP, Session Management.)
    """
    is_secure = mode is Mode.PRODUCTION
    response.set_cookie(_NAMES[mode], secret, path="/", httponly=True, samesite="strict", secure=is_secure)


def forget_session(response: Response, mode: Mode) -> None:
    """Has the browser forget it."""
    is_secure = mode is Mode.PRODUCTION
    response.delete_cookie(_NAMES[mode], path="/", httponly=True, samesite="strict", secure=is_secure)


def csrf_token(secret: str) -> str:
    """What the forms of a session carry: nobody makes it without the cookie, and it does not tell the cookie."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), b"lockgate: forms", "sha256")).rstrip(b"=").decode()
