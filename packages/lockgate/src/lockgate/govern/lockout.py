"""When guessing is stopped: an account rests after wrong passwords in a row, an address after many failures.

Source: NIST SP 800-63B, 5.2.2 (rate limiting), which asks for at most 100 failures in a row; this allows far fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

FAILURES_IN_A_ROW = 5
LONGEST_LOCK = timedelta(minutes=15)

ADDRESS_FAILURES = 20
ADDRESS_WINDOW = timedelta(minutes=5)
# Whoever has one address of IPv6 has its whole network.
_NETWORK_BITS = 64


def lock_after(failures: int) -> timedelta:
    """How long nobody signs in after so many wrong passwords in a row: a minute after five, then twice as long."""
    if failures < FAILURES_IN_A_ROW:
        return timedelta()
    doublings = min(failures - FAILURES_IN_A_ROW, 10)
    return min(timedelta(minutes=1 << doublings), LONGEST_LOCK)


LOCKS: Mapping[int, timedelta] = {
    failures: lock_after(failures) for failures in range(FAILURES_IN_A_ROW, FAILURES_IN_A_ROW + 5)
}
"""By how many failures in a row an account is locked, and for how long; more of them do so as the last."""


def source_of(address: str) -> str:
    """What failures of an address are counted for: itself, or its network with IPv6; what is no address as it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _NETWORK_BITS), strict=False))
