"""Relations of a Spark target as sides of a comparison: DuckDB reads their files, so that no Spark has to start."""

from __future__ import annotations

from pathlib import Path

from lockgate.adapters.relations.bench import DuckDBBench
from lockgate.adapters.relations.duckdb import columns
from lockgate.adapters.warehouses.spark.sources import duckdb_query
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.errors import UnknownName


def spark_side(bench: DuckDBBench, name: str, folder: Path, relation: Relation) -> Side:
    """A served view, an edition or a stream of the target in a folder, as it is at that moment.

    Raises:
        UnknownName: it has no such relation.
    """
    query = duckdb_query(folder, relation)
    if query is None:
        hint = "`lockgate editions list` shows what is published."
        raise UnknownName(f"the target has no relation {relation}", name=str(relation), hint=hint)
    view = f"relation_{bench.number()}"
    bench.run(f"create temp view {view} as {query.sql('duckdb')}")
    return Side(name, bench, view, columns(bench, view))
