"""A folder of Parquet files under a DuckDB catalog as a target, whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.catalog import changing, reading, statement
from lockgate.adapters.warehouses.duckdb.engine import columns_of
from lockgate.adapters.warehouses.duckdb.landing import DuckDBLandings, pins_of, show_stream
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.serving import DuckDBServing, rehome
from lockgate.core.ports import Capabilities
from lockgate.core.relation import Column, Relation

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from lockgate.adapters.records.duckdb import DuckDBMemory
    from lockgate.adapters.warehouses.duckdb.workshop import DuckDBWorkshop
    from lockgate.core.ports import Clock

CAPABILITIES = Capabilities(
    dialect="duckdb",
    transactional_ddl=True,
    row_policies=False,
    roles=False,
    concurrent_writers=False,
    isolates_workshops=True,
    estimates_distinct=True,
    stored_bytes="the edition's Parquet file",
    read_bytes="",
)


class DuckDBWarehouse(DuckDBLandings, DuckDBServing):
    """One folder; nothing is kept open between calls."""

    capabilities = CAPABILITIES

    def __init__(self, name: str, layout: DuckDBLayout, clock: Clock) -> None:
        """Take the target's name, its paths and a clock."""
        DuckDBLandings.__init__(self, layout, clock)
        DuckDBServing.__init__(self, layout)
        self.name = name

    def prepare(self) -> None:
        """See `lockgate.core.ports.Warehouse.prepare`.

        A folder that was moved gets new views, which name its files; an older catalog gets the columns it lacks.
        """
        if self._layout.catalog.exists():
            with reading(self._layout) as connection:
                home = connection.execute(statement("home")).fetchone()
                is_current = connection.execute(statement("is_current")).fetchone() == (True,)
            if is_current and home == (str(self._layout.folder),):
                return
        with changing(self._layout) as connection:
            connection.execute(statement("prepare"))
            connection.execute(statement("set_home"), {"folder": str(self._layout.folder)})
            pins = {pin.relation: pin for pin in pins_of(connection)}
            for stream in self._layout.streams():
                show_stream(connection, self._layout, stream, pins.get(stream))
            rehome(connection, self._layout)

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """See `lockgate.core.ports.Warehouse.lock`."""
        return self._layout.locked(name, wait_seconds=wait_seconds)

    def workshop(self, name: str, *, wait_seconds: float = 60.0) -> AbstractContextManager[DuckDBWorkshop]:
        """See `lockgate.core.ports.Warehouse.workshop`."""
        from lockgate.adapters.warehouses.duckdb.workshop import opened

        return opened(self._layout, name, wait_seconds=wait_seconds)

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Warehouse.columns`."""
        with reading(self._layout) as connection:
            return columns_of(connection, relation)

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Warehouse.query`."""
        with reading(self._layout) as connection:
            return connection.sql(query.sql("duckdb")).to_arrow_table()

    def memory(self) -> DuckDBMemory:
        """See `lockgate.core.ports.Warehouse.memory`: one thread a query, for requests come side by side."""
        from lockgate.adapters.records.duckdb import DuckDBMemory

        return DuckDBMemory(threads=1)

    def close(self) -> None:
        """Nothing is kept open."""
