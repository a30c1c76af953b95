"""How secrets are referred to: in a project's files, and in the environment."""

from __future__ import annotations

SCHEME = "secret://"
VARIABLE_PREFIX = "LOCKGATE_SECRET_"


def reference(name: str) -> str:
    """The reference to the secret of a name."""
    return SCHEME + name
