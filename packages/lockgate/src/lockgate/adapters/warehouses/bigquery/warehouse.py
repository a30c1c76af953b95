"""Datasets of one BigQuery project as a target, whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.adapters.warehouses.bigquery.landing import BigQueryLandings
from lockgate.adapters.warehouses.bigquery.leases import Leases
from lockgate.adapters.warehouses.bigquery.serving import BigQueryServing
from lockgate.adapters.warehouses.bigquery.state import StateRow
from lockgate.adapters.warehouses.bigquery.types import columns_in
from lockgate.adapters.warehouses.bigquery.workshop import BigQueryWorkshop, opened
from lockgate.adapters.warehouses.editions import edition_table
from lockgate.adapters.warehouses.state import State
from lockgate.core.bucket import BUCKET_COLUMN
from lockgate.core.ports import Capabilities
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, table
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import CapabilityMissing

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from lockgate.core.ports import Clock, Memory

CAPABILITIES = Capabilities(
    dialect="bigquery",
    transactional_ddl=False,
    row_policies=False,
    roles=False,
    concurrent_writers=True,
    isolates_workshops=False,
    estimates_distinct=True,
    stored_bytes="the edition's table, as BigQuery counts its logical bytes",
    read_bytes="what is billed for the queries of a workshop",
)


class BigQueryWarehouse(BigQueryLandings, BigQueryServing):
    """One project; what is kept open between calls is the client's connections."""

    capabilities = CAPABILITIES

    def __init__(self, name: str, jobs: Jobs, clock: Clock, *, lease_seconds: float) -> None:
        """Take the target's name, what asks BigQuery, a clock, and how long a lock outlives its holder."""
        state, leases = StateRow(jobs), Leases(jobs, lease_seconds)
        BigQueryLandings.__init__(self, jobs, state, clock)
        BigQueryServing.__init__(self, jobs, state, leases, clock)
        self.name = name

    def prepare(self) -> None:
        """See `lockgate.core.ports.Warehouse.prepare`."""
        self._state.prepare()

    def lock(self, name: str, *, wait_seconds: float) -> AbstractContextManager[None]:
        """See `lockgate.core.ports.Warehouse.lock`."""
        return self._locked(name, wait_seconds)

    def workshop(self, name: str, *, wait_seconds: float = 60.0) -> AbstractContextManager[BigQueryWorkshop]:
        """See `lockgate.core.ports.Warehouse.workshop`."""
        return opened(self._jobs, self._state, self._leases, name, wait_seconds=wait_seconds)

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Warehouse.columns`; what was landed and published has the types it came with."""
        if known := _known(self._state.current(), relation):
            return known
        found = self._jobs.table(relation)
        return columns_in(found.schema) if found is not None else ()

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Warehouse.query`."""
        return self._jobs.arrow(self._jobs.names.sql(query))

    def stream(self, relation: Relation, columns: Sequence[Column]) -> AbstractContextManager[pa.RecordBatchReader]:
        """The rows of these columns of a relation as they come, in the columns' Arrow types."""
        from sqlglot import exp

        query = exp.select(*(column(one.name) for one in columns)).from_(table(relation))
        return self._jobs.stream(self._jobs.names.sql(query), columns)

    def memory(self) -> Memory:
        """See `lockgate.core.ports.Warehouse.memory`: there is none."""
        raise CapabilityMissing(
            "BigQuery runs a job for each query, which takes longer than a request may wait",
            hint="Answer records of such a target by rules.",
            target=self.name,
        )

    def close(self) -> None:
        """See `lockgate.core.ports.Warehouse.close`."""
        self._jobs.session.close()

    @contextmanager
    def _locked(self, name: str, wait_seconds: float) -> Iterator[None]:
        with self._leases.held(name, wait_seconds=wait_seconds):
            yield


def _known(state: State, relation: Relation) -> tuple[Column, ...]:
    """The columns of what the state knows, in logical types; BigQuery has one type for several of these."""
    for entity, view in state.views.items():
        numbers = (view.incumbent, view.candidate)
        for one in state.published(entity):
            if view.served == relation and one.edition.number in numbers:
                return one.columns
    for row in state.ledger:
        place = edition_table(Relation(row["served_schema"], row["served_name"]), row["entity"], row["number"])
        if place == relation:
            (found,) = (one for one in state.published(row["entity"]) if one.edition.number == row["number"])
            return (*found.columns, Column(BUCKET_COLUMN, ColumnType(Kind.SMALLINT)))
    return state.columns_of(relation)
