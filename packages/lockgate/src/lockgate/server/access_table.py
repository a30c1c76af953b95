"""Who may call what, as the one table of routes declares it: for the command line and the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.access import Role
from lockgate.server.access import READERS
from lockgate.server.route_table import ROUTES


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one route: whoever has one of `roles`, or anybody where that is None.

    `change` is what the audit calls it, empty where it changes nothing.
    """

    method: str
    path: str
    roles: tuple[Role, ...] | None
    change: str
    is_page: bool

    @property
    def who(self) -> str:
        """The roles in words."""
        if self.roles is None:
            return "anybody"
        return "any role" if frozenset(self.roles) == READERS else ", ".join(self.roles)


def access_table() -> tuple[Access, ...]:
    """Every route, in the order of the table; roles from the one that is trusted with least."""
    return tuple(
        Access(
            route.method,
            route.path,
            None if route.allowed is None else tuple(role for role in Role if role in route.allowed),
            route.change,
            route.is_page,
        )
        for route in ROUTES
    )
