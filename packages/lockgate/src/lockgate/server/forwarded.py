"""Whose address a request comes from, where proxies that are trusted stand before the server (`X-Forwarded-For`)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain

from starlette.requests import Request
from starlette.types import Scope

from lockgate.settings import Network

HEADER = b"x-forwarded-for"

Address = IPv4Address | IPv6Address


def with_callers_address(scope: Scope, trusted: Sequence[Network]) -> Scope:
    """The request with the caller's address as its client's: that of the peer, unless the peer is a trusted proxy.

    Each proxy adds whom it was called by at the end, so the caller is the last one whom no trusted proxy is. What is
    written before that, anybody may have written. The header stays, for whoever asks whether a proxy stood between.
    """
    peer = _parsed(scope["client"][0]) if trusted and scope.get("client") else None
    if peer is None or not _is_one_of(peer, trusted):
        return scope
    caller = peer
    lines = (value.decode("latin-1").split(",") for name, value in scope["headers"] if name == HEADER)
    for written in reversed([*chain.from_iterable(lines)]):
        address = _parsed(written.strip())
        if address is None:
            break
        caller = address
        if not _is_one_of(address, trusted):
            break
    return {**scope, "client": (str(caller), 0)}


def address_of(request: Request) -> str:
    """Where a request comes from; empty where that cannot be told."""
    return request.client.host if request.client else ""


def _is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parsed(written: str) -> Address | None:
    """An address, which some proxies write with its port; one of IPv4 also where it is written as one of IPv6."""
    host, bracket, _ = written.removeprefix("[").partition("]")
    if not bracket and written.count(":") == 1:
        host = written.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(host.partition("%")[0])
        return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    return None
