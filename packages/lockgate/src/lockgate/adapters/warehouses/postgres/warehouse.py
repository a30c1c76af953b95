"""A PostgreSQL database as a target, whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.postgres.catalog import columns_of
from lockgate.adapters.warehouses.postgres.guest import Guests
from lockgate.adapters.warehouses.postgres.landing import PostgresLandings
from lockgate.adapters.warehouses.postgres.serving import PostgresServing
from lockgate.adapters.warehouses.postgres.sessions import Sessions, statement
from lockgate.core.ports import Capabilities
from lockgate.core.relation import Column, Relation

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from lockgate.adapters.records.postgres import PostgresMemory
    from lockgate.adapters.warehouses.postgres.workshop import PostgresWorkshop
    from lockgate.core.ports import Clock

CAPABILITIES = Capabilities(
    dialect="postgres",
    transactional_ddl=True,
    row_policies=True,
    roles=True,
    concurrent_writers=True,
    isolates_workshops=True,
    estimates_distinct=False,
    stored_bytes="the edition's table with its indexes and what is stored out of line",
    read_bytes="",
)


class PostgresWarehouse(PostgresLandings, PostgresServing):
    """One database, reached as the role that owns what Lockgate keeps in it; it may create schemas and roles."""

    capabilities = CAPABILITIES

    def __init__(self, name: str, sessions: Sessions, clock: Clock) -> None:
        """Take the target's name, the sessions of its owner and a clock."""
        PostgresLandings.__init__(self, sessions, clock)
        PostgresServing.__init__(self, sessions)
        self._guests = Guests(sessions)
        self.name = name

    def prepare(self) -> None:
        """See `lockgate.core.ports.Warehouse.prepare`."""
        with self._sessions.session() as connection, connection.transaction():
            connection.execute(statement("prepare"))

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """See `lockgate.core.ports.Warehouse.lock`."""
        return self._sessions.locked(name, wait_seconds=wait_seconds)

    def workshop(self, name: str, *, wait_seconds: float = 60.0) -> AbstractContextManager[PostgresWorkshop]:
        """See `lockgate.core.ports.Warehouse.workshop`."""
        from lockgate.adapters.warehouses.postgres.workshop import opened

        return opened(self._sessions, name, wait_seconds=wait_seconds)

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Warehouse.columns`."""
        with self._sessions.session() as connection:
            return columns_of(connection, relation)

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Warehouse.query`."""
        from lockgate.adapters.warehouses.postgres.bulk import read

        return read(self._sessions.conninfo(), query)

    def memory(self) -> PostgresMemory:
        """See `lockgate.core.ports.Warehouse.memory`: all of them share a few sessions."""
        from lockgate.adapters.records.postgres import PostgresMemory

        return PostgresMemory(self._guests)

    def close(self) -> None:
        """See `lockgate.core.ports.Warehouse.close`."""
        self._guests.close()
        self._sessions.close()
