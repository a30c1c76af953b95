"""Relations of a BigQuery target as sides of a comparison: their rows are fetched once, and compared here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lockgate.adapters.registry import WAREHOUSES, adapter
from lockgate.adapters.relations.bench import DuckDBBench
from lockgate.adapters.relations.duckdb import columns
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.core.sql import column, sql_type
from lockgate.errors import UnknownName

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.bigquery.warehouse import BigQueryWarehouse


@contextmanager
def opened_bigquery(options: Mapping[str, Any]) -> Iterator[BigQueryWarehouse]:
    """The target of these options, whose secrets are resolved already; closed at the end."""
    warehouse: BigQueryWarehouse = adapter(WAREHOUSES, "bigquery")(
        "compared", clock=lambda: datetime.now(UTC), **options
    )
    try:
        yield warehouse
    finally:
        warehouse.close()


def bigquery_side(bench: DuckDBBench, warehouse: BigQueryWarehouse, name: str, relation: Relation) -> Side:
    """A served view, an edition, a stream or any other relation, as one query finds it, kept by the bench.

    Raises:
        UnknownName: there is no such relation.
    """
    found = warehouse.columns(relation)
    if not found:
        hint = "`lockgate editions list` shows what is published."
        raise UnknownName(f"the target has no relation {relation}", name=str(relation), hint=hint)
    kept = f"relation_{bench.number()}"
    typed = [exp.alias_(exp.cast(column(one.name), sql_type(one.type)), one.name, quoted=True) for one in found]
    with warehouse.stream(relation, found) as rows:
        bench.keep(kept, rows, ", ".join(one.sql("duckdb") for one in typed))
    return Side(name, bench, kept, columns(bench, kept))
