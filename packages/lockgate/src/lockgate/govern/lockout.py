"""When guessing is stopped: at an account from one place, at an account from anywhere, and from one address.

Whoever guesses from one place is held up there, so that nobody keeps others out of their accounts by guessing at them.
Source: NIST SP 800-63B, 5.2.2 (rate limiting): at most 100 failures in a row, and those of before a right one do not
count.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

FAILURES_IN_A_ROW = 5
LONGEST_LOCK = timedelta(hours=1)
LAPSE = timedelta(days=1)
"""After this, a failure counts for nothing."""
ACCOUNT_FAILURES = 100
ACCOUNT_LOCK = timedelta(minutes=15)
"""How long nobody signs in from anywhere after so many failures within a day, and after each further one."""

ADDRESS_FAILURES = 20
ADDRESS_WINDOW = timedelta(minutes=5)
# Whoever has one address of IPv6 has its whole network.
_NETWORK_BITS = 64


def lock_after(failures: int) -> timedelta:
    """How long nobody signs in from a place after so many wrong passwords in a row: a minute, then twice as long."""
    if failures < FAILURES_IN_A_ROW:
        return timedelta()
    doublings = min(failures - FAILURES_IN_A_ROW, 10)
    return min(timedelta(minutes=1 << doublings), LONGEST_LOCK)


def locked_until(failures: int, last: datetime | None) -> datetime | None:
    """Until when nobody signs in from a place with so many failures, the last of them then; None where they may."""
    lasting = lock_after(failures)
    return last + lasting if last is not None and lasting else None


def account_locked_until(failures: int, now: datetime) -> datetime | None:
    """Until when nobody signs in from anywhere after so many failures within a day, one of them now."""
    return now + ACCOUNT_LOCK if failures >= ACCOUNT_FAILURES else None


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
