"""The control plane: what Lockgate remembers between commands, in SQLite by default or PostgreSQL by URL."""

from __future__ import annotations

from lockgate.store.opening import Store, open_store

__all__ = ["Store", "open_store"]
