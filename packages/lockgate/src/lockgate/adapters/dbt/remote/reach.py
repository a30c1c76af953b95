"""What all places where dbt may run have in common: who is this machine, under which names, and as which account."""

from __future__ import annotations

from lockgate.core.execution import WorkshopAccess

LABEL = "io.lockgate"
# The account of the image, which nobody else is.
NOBODY = 65532
LONGEST_SAID = 300
_HERE = frozenset({"localhost", "127.0.0.1", "::1", ""})


def is_here(host: str | None) -> bool:
    """Whether a host, or the folder of a socket, is this machine itself; no host is the socket that PostgreSQL has."""
    return not host or host in _HERE or host.startswith("/")


def database_is_here(access: WorkshopAccess) -> bool:
    """Whether a workshop's server is named by an address that means another machine elsewhere."""
    return is_here(str(access.parameters.get("host", "")))
