"""The roles that routes are declared with; every route of the table names one of these, and docs show them all."""

from __future__ import annotations

from typing import Final

from lockgate.core.access import Role

Allowed = frozenset[Role] | None

ANYONE: Final[Allowed] = None
"""Also whoever has not signed in."""
READERS: Final[Allowed] = frozenset(Role)
"""Whoever has any role."""
OPERATORS: Final[Allowed] = frozenset({Role.OPERATOR, Role.ADMIN})
"""Who runs things: jobs, switches, a shadow, a canary."""
DECIDERS: Final[Allowed] = frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN})
"""Who may take a candidate back: roll-back is never a matter of rank."""
APPROVERS: Final[Allowed] = frozenset({Role.APPROVER, Role.ADMIN})
"""Who signs, promotes and retires."""
ADMINS: Final[Allowed] = frozenset({Role.ADMIN})
"""Who lets people and machines in."""
