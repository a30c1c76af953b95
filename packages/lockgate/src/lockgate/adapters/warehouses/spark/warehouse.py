"""A folder of Parquet under a state file as a target, whole; its statements are Spark's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.folder.layout import Layout
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.landing import SparkLandings
from lockgate.adapters.warehouses.spark.reading import frame, table_of
from lockgate.adapters.warehouses.spark.serving import SparkServing
from lockgate.adapters.warehouses.spark.sources import columns_of, source_of
from lockgate.adapters.warehouses.spark.state import changing, current, state_file
from lockgate.core.ports import Capabilities
from lockgate.core.relation import Column, Relation
from lockgate.errors import CapabilityMissing

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from lockgate.adapters.warehouses.spark.workshop import SparkWorkshop
    from lockgate.core.ports import Clock, Memory

CAPABILITIES = Capabilities(
    dialect="spark",
    transactional_ddl=True,
    row_policies=False,
    roles=False,
    concurrent_writers=False,
    isolates_workshops=False,
    estimates_distinct=True,
    stored_bytes="the edition's Parquet files",
    read_bytes="",
)


class SparkWarehouse(SparkLandings, SparkServing):
    """One folder; what is kept open between calls is this process's Spark, which all its targets share."""

    capabilities = CAPABILITIES

    def __init__(self, name: str, layout: Layout, engine: Engine, clock: Clock, dbt: Mapping[str, object]) -> None:
        """Take the target's name, its paths, its Spark, a clock, and how dbt reaches a Spark."""
        SparkLandings.__init__(self, layout, clock)
        SparkServing.__init__(self, layout, engine)
        self._dbt = dbt
        self.name = name

    def prepare(self) -> None:
        """See `lockgate.core.ports.Warehouse.prepare`."""
        if not state_file(self._layout).exists():
            with changing(self._layout):
                pass

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """See `lockgate.core.ports.Warehouse.lock`."""
        return self._layout.locked(name, wait_seconds=wait_seconds)

    def workshop(self, name: str, *, wait_seconds: float = 60.0) -> AbstractContextManager[SparkWorkshop]:
        """See `lockgate.core.ports.Warehouse.workshop`."""
        from lockgate.adapters.warehouses.spark.workshop import opened

        return opened(self._layout, name, self._engine, self._dbt, wait_seconds=wait_seconds)

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Warehouse.columns`."""
        return columns_of(current(self._layout), relation)

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Warehouse.query`."""
        spark = self._engine.session()  # the first time, that takes seconds: the state is looked at afterwards
        state = current(self._layout)
        return table_of(frame(spark, query, lambda relation: source_of(self._layout, state, relation)))

    def memory(self) -> Memory:
        """See `lockgate.core.ports.Warehouse.memory`: there is none."""
        raise CapabilityMissing(
            "Spark takes longer to plan a query than a request may wait",
            hint="Answer records of such a target by rules.",
            target=self.name,
        )

    def close(self) -> None:
        """Nothing of this target's own is kept open."""
