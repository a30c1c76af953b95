"""Who may call: callers of this machine while developing, and whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from lockgate.server.options import Mode, Options
from lockgate.server.problems import Fault, Refusal

OPEN_TO_ALL = frozenset({"/api/health"})
# Where one of these stands, the peer is not who asks.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="lockgate"'}


def admit(path: str, headers: Headers, peer: str | None, options: Options) -> str:
    """Who calls: `token`, `loopback` or, on a route that is open to all, `anyone`.

    Raises:
        Refusal: the caller may not, or comes from a page of another site.
    """
    _refuse_foreign(headers)
    sent = headers.getlist("authorization")
    if sent:
        _check_token(sent, options.token)
        return "token"
    if path in OPEN_TO_ALL:
        return "anyone"
    if options.mode is Mode.PRODUCTION:
        raise _unauthenticated("a token is needed")
    if not _is_loopback(peer) or any(name in headers for name in _FORWARDED):
        raise _unauthenticated("without a token only callers on this machine are served")
    if not _is_loopback(_host(headers)):
        detail = "without a token, Host must be this machine: localhost or a loopback address"
        raise Refusal(Fault.FORBIDDEN, detail, hint="Call http://localhost, or send a token.")
    return "loopback"


def _refuse_foreign(headers: Headers) -> None:
    """Refuses what a page of another site has a browser send; our own pages name the host that they came from."""
    for origin in headers.getlist("origin"):
        scheme, _, authority = origin.lower().partition("://")
        if scheme not in {"http", "https"} or authority != headers.get("host", "").lower():
            raise Refusal(Fault.FORBIDDEN, "a request from a page of another origin is not served")


def _check_token(sent: Sequence[str], token: str | None) -> None:
    """Returns where exactly the right token was sent."""
    scheme, _, given = sent[0].partition(" ")
    right = hmac.compare_digest(given.strip().encode(), (token or "").encode())
    if len(sent) > 1 or scheme.lower() != "bearer" or token is None or not right:
        raise _unauthenticated("the token is not the right one")


def _unauthenticated(detail: str) -> Refusal:
    hint = "Send `Authorization: Bearer` and the token that the secret `api-token` holds."
    return Refusal(Fault.UNAUTHENTICATED, detail, hint=hint, headers=_CHALLENGE)


def _host(headers: Headers) -> str | None:
    """The name or address in `Host`, without its port."""
    hosts = headers.getlist("host")
    try:
        return urlsplit(f"//{hosts[0]}").hostname if len(hosts) == 1 else None
    except ValueError:
        return None


def _is_loopback(name: str | None) -> bool:
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
