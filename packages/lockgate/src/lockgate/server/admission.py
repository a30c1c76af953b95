"""Who calls: whoever sends a token, whoever has signed in and, while nobody has an account, callers of this machine."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from lockgate.core.access import Caller, CallerKind, Role
from lockgate.errors import LockgateError, SecretMissing, TokenRefused
from lockgate.server.cookies import csrf_token, session_secret
from lockgate.server.known_callers import KnownCallers
from lockgate.server.options import Mode, Options
from lockgate.server.origin import SAFE, is_cross_site, is_same_origin, refuse_foreign
from lockgate.server.problems import Fault, Refusal

NOBODY = Caller("anyone", CallerKind.NOBODY)
_SHARED = Caller("token", CallerKind.SHARED, frozenset({Role.OPERATOR}))
_LOCAL = Caller("loopback", CallerKind.LOCAL, frozenset(Role))
# Where one of these stands, the peer is not who asks.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="lockgate"'}


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who calls.

    `csrf` is what their forms must carry, where a cookie tells who they are; `why_not` is raised where nobody is known
    and the route is not open to all.
    """

    caller: Caller
    csrf: str = ""
    why_not: Exception | None = None


class Admission:
    """Tells who sends a request, for one process."""

    def __init__(self, options: Options, known: KnownCallers) -> None:
        """By the options, and by those who are known."""
        self._options = options
        self._known = known

    async def admit(self, scope: Scope, *, is_seen: bool = True) -> Admitted:
        """Who calls; `is_seen` has their session last on.

        Raises:
            Refusal: the token is not right, there are several, or it comes from a page of another site.
        """
        headers = Headers(scope=scope)
        refuse_foreign(scope["method"], headers)
        sent = headers.getlist("authorization")
        try:
            if sent:
                return Admitted(await self._by_token(sent, is_seen=is_seen))
            secret = session_secret(headers, self._options.mode)
            if secret and (found := await self._by_cookie(secret, scope["method"], headers, is_seen=is_seen)):
                return found
            return await self._on_this_machine(scope, headers)
        except LockgateError as error:
            return Admitted(NOBODY, why_not=error)

    async def _by_token(self, sent: Sequence[str], *, is_seen: bool) -> Caller:
        """Who sends exactly one right token."""
        scheme, _, given = sent[0].partition(" ")
        if len(sent) > 1 or scheme.lower() != "bearer":
            raise unauthenticated("the token is not the right one")
        shared = self._options.token
        if shared is not None and hmac.compare_digest(given.strip(" ").encode(), shared.encode()):
            return _SHARED
        try:
            caller = await self._known.of_token(given.strip(" "), is_seen=is_seen)
        except (TokenRefused, SecretMissing) as error:
            raise unauthenticated(error.message) from None
        if caller is None:
            raise unauthenticated("the token is not the right one")
        return caller

    async def _by_cookie(self, secret: str, method: str, headers: Headers, *, is_seen: bool) -> Admitted | None:
        """Who has signed in; nobody where a page of another origin has their browser ask."""
        if is_cross_site(headers):
            return None
        caller = await self._known.of_session(secret, is_seen=is_seen)
        if caller is None:
            return None
        if method not in SAFE and not is_same_origin(headers):
            detail = "a change by whoever has signed in must say that it comes from a page of ours"
            raise Refusal(Fault.FORBIDDEN, detail, hint="Send Origin, or a token in place of the cookie.")
        return Admitted(caller, csrf_token(secret))

    async def _on_this_machine(self, scope: Scope, headers: Headers) -> Admitted:
        """Callers of this machine, while it is for developing and nobody has an account."""
        if self._options.mode is Mode.PRODUCTION:
            return Admitted(NOBODY, why_not=unauthenticated())
        peer = scope["client"][0] if scope.get("client") else None
        if not _is_loopback(peer) or any(name in headers for name in _FORWARDED):
            detail = "without a token only callers on this machine are served"
            return Admitted(NOBODY, why_not=unauthenticated(detail))
        if await self._known.has_people():
            return Admitted(NOBODY, why_not=unauthenticated())
        if not _is_loopback(_host(headers)):
            detail = "without a token, Host must be this machine: localhost or a loopback address"
            why_not = Refusal(Fault.FORBIDDEN, detail, hint="Call http://localhost, or send a token.")
            return Admitted(NOBODY, why_not=why_not)
        return Admitted(_LOCAL)


def unauthenticated(detail: str = "sign in, or send a token") -> Refusal:
    """The refusal of a caller whom nobody knows."""
    hint = "Send `Authorization: Bearer` and a token: `lockgate govern token add`, or POST /api/token."
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
