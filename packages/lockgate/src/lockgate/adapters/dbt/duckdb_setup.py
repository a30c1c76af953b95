"""A plugin for dbt-duckdb: executes a workshop's setup once, before any of the project's SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

# Whatever the setup says: SQL reaches no other file, and cannot change that.
LOCKS = (
    ("enable_external_access", False, "SET enable_external_access = false"),
    ("lock_configuration", True, "SET lock_configuration = true"),
)


@cache
def _plugin() -> type:
    from dbt.adapters.duckdb.plugins import BasePlugin

    class Plugin(BasePlugin):
        """Executes the statements of its setting `setup`, in order."""

        def initialize(self, plugin_config: Mapping[str, Any]) -> None:
            self.setup = tuple(plugin_config["setup"])

        def configure_connection(self, conn: Any) -> None:
            for statement in self.setup:
                conn.execute(statement)
            for name, wanted, statement in LOCKS:
                if conn.execute("SELECT current_setting(?)", [name]).fetchone() != (wanted,):
                    conn.execute(statement)

    return Plugin


def __getattr__(name: str) -> type:
    """Makes `Plugin`, the name that dbt-duckdb looks for, when it is asked for: importing this imports no dbt."""
    if name != "Plugin":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _plugin()
