"""Which roles a form has ticked."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.access import Role


def chosen_roles(form: Mapping[str, str]) -> frozenset[Role]:
    """The roles whose box `role-<name>` is ticked; a box of no role means nothing."""
    return frozenset(role for role in Role if form.get(f"role-{role}"))
