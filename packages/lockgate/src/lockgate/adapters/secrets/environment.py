"""Secrets in environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.secret import VARIABLE_PREFIX


class EnvironmentSecrets:
    """Finds `secret://warehouse-url` in `LOCKGATE_SECRET_WAREHOUSE_URL`."""

    place = f"{VARIABLE_PREFIX}… in the environment"

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Look into `variables`, which are given, not read."""
        self._variables = variables

    def find(self, name: str) -> str | None:
        """The variable's value; None where it is not set or empty."""
        return self._variables.get(VARIABLE_PREFIX + name.upper().replace("-", "_")) or None
