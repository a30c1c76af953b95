"""Where a request comes from, as the browser says that sends it: `Origin`, `Sec-Fetch-Site` (W3C, Fetch Metadata)."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers

from lockgate.server.problems import Fault, Refusal

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
_OURS = frozenset({"same-origin", "none"})


def refuse_foreign(method: str, headers: Headers) -> None:
    """Returns unless a page of another site has a browser send this; our own pages name the host that they came from.

    Raises:
        Refusal: it has.
    """
    for origin in headers.getlist("origin"):
        if not _is_ours(origin, headers):
            raise Refusal(Fault.FORBIDDEN, "a request from a page of another origin is not served")
    if method not in SAFE and any(site not in _OURS for site in headers.getlist("sec-fetch-site")):
        raise Refusal(Fault.FORBIDDEN, "a change that a page of another origin asks for is not made")


def is_same_origin(headers: Headers) -> bool:
    """Whether the browser says that a page of ours sends this; one that says nothing says no."""
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    return (
        (bool(sites) or bool(origins))
        and all(s == "same-origin" for s in sites)
        and all(_is_ours(origin, headers) for origin in origins)
    )


def is_cross_site(headers: Headers) -> bool:
    """Whether the browser says that a page of another origin has it send this."""
    return any(site not in _OURS for site in headers.getlist("sec-fetch-site"))


def _is_ours(origin: str, headers: Headers) -> bool:
    scheme, _, authority = origin.lower().partition("://")
    return scheme in {"http", "https"} and authority == headers.get("host", "").lower()
