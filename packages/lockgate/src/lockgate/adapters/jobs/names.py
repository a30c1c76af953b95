"""The name of a worker for the time of one lease; no other process ever has it."""

from __future__ import annotations

from lockgate.core.job import Lease


def name_of(lease: Lease) -> str:
    """The name under which whoever holds a lease works."""
    return f"{lease.slot}.{lease.token}"


def lease_of(name: str) -> Lease:
    """The lease that a name is of; one that nobody holds where it is no such name."""
    slot, _, token = name.rpartition(".")
    return Lease(slot, int(token) if token.isdecimal() else 0)
