"""PostgreSQL, from version 15, as a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.postgres.warehouse import PostgresWarehouse
    from lockgate.core.ports import Clock

__all__ = ["open_postgres"]


def open_postgres(name: str, url: str, *, clock: Clock) -> PostgresWarehouse:
    """The target in the database that `url` names; nothing is connected before it is used."""
    from lockgate.adapters.warehouses.postgres.sessions import Sessions
    from lockgate.adapters.warehouses.postgres.warehouse import PostgresWarehouse

    return PostgresWarehouse(name, Sessions(url), clock)
