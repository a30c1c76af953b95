"""A workshop on BigQuery: a dataset of its own; its queries find what is pinned and what was built there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.adapters.warehouses.bigquery.leases import Leases
from lockgate.adapters.warehouses.bigquery.state import StateRow
from lockgate.adapters.warehouses.bigquery.types import columns_in
from lockgate.core.execution import WorkshopAccess
from lockgate.core.relation import Column, Relation
from lockgate.errors import AccessRefused

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp


class BigQueryWorkshop:
    """Builds in one dataset."""

    dialect = "bigquery"

    def __init__(self, name: str, jobs: Jobs, state: StateRow) -> None:
        """Take the workshop's name, what asks BigQuery, and the target's state."""
        self.name = name
        self._jobs = jobs
        self._state = state

    def access(self) -> WorkshopAccess:
        """See `lockgate.core.ports.Workshop.access`. Nothing that takes it builds here yet: it holds no secret."""
        parameters = {"project": self._jobs.names.project, "dataset": self._jobs.names.dataset(self.name)}
        return WorkshopAccess("bigquery", self.name, {**parameters, "location": self._jobs.session.location})

    def build(self, name: str, query: exp.Expression) -> int:
        """See `lockgate.core.ports.Workshop.build`."""
        built = Relation(self.name, name)
        words = {"table": self._jobs.names.quoted(built), "query": self._confined(query)}
        self._jobs.change(self._jobs.composed("build", **words))
        found = self._jobs.table(built)
        return int(found.num_rows or 0) if found is not None else 0

    def read_bytes(self) -> int:
        """See `lockgate.core.ports.Workshop.read_bytes`."""
        return self._jobs.billed_bytes

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Workshop.query`."""
        return self._jobs.arrow(self._confined(query))

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Workshop.columns`."""
        if relation.schema != self.name:
            return self._state.current().columns_of(relation)
        found = self._jobs.table(relation)
        return columns_in(found.schema) if found is not None else ()

    def _confined(self, query: exp.Expression) -> str:
        """The query in SQL, if it reads streams and this workshop alone: BigQuery would let it read the rest.

        Raises:
            AccessRefused: it reads something else.
        """
        from sqlglot import exp

        if not isinstance(query, exp.Query):
            raise AccessRefused("a workshop is given queries, and this is none", hint="Write one SELECT.")
        state = self._state.current()
        for node in query.find_all(exp.Table):
            if isinstance(node.this, exp.Identifier) and (node.db or node.catalog):
                relation = Relation(node.db, node.name)
                if node.catalog or (relation.schema != self.name and not state.columns_of(relation)):
                    hint = "It reads the streams that are landed and what was built in it."
                    raise AccessRefused(f"the workshop {self.name} does not read {relation}", hint=hint)
        return self._jobs.names.sql(query)


@contextmanager
def opened(
    jobs: Jobs, state: StateRow, leases: Leases, name: str, *, wait_seconds: float
) -> Iterator[BigQueryWorkshop]:
    """The workshop of that name.

    Raises:
        TargetBusy: another holder kept the workshop for `wait_seconds`.
    """
    with leases.held(f"workshop {name}", wait_seconds=wait_seconds):
        jobs.create_schema(name)
        own = Jobs(jobs.session, jobs.names, jobs.limits)  # which counts what is billed here alone
        yield BigQueryWorkshop(name, own, state)
