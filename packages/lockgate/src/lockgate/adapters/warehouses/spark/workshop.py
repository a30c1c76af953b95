"""A workshop on Spark: a folder of tables, whose raw side is links to the pinned files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.folder.failures import on_disk
from lockgate.adapters.warehouses.folder.layout import Layout, remove
from lockgate.adapters.warehouses.spark.built import Table, lay_out, new_place, read_built, source_in, write_built
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.failures import translated
from lockgate.adapters.warehouses.spark.reading import frame, table_of
from lockgate.adapters.warehouses.spark.state import current
from lockgate.core.execution import WorkshopAccess
from lockgate.core.relation import Column, Relation

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType
    from sqlglot import exp

    from lockgate.adapters.warehouses.spark.reading import Source


class SparkWorkshop:
    """Builds in the workshop's folder; its queries find what is pinned and what was built here, and nothing else."""

    dialect = "spark"

    def __init__(self, name: str, layout: Layout, engine: Engine, dbt: Mapping[str, object]) -> None:
        """Take the workshop's name, the target's paths, its Spark, and how dbt reaches one."""
        self.name = name
        self._folder = layout.workshop(name)
        self._engine = engine
        self._dbt = dbt

    def access(self) -> WorkshopAccess:
        """See `lockgate.core.ports.Workshop.access`; a process of dbt has a Spark of its own.

        Behind a server dbt builds where nobody here reads: what was built here before may not stand for that.
        """
        if self._dbt.get("method") == "thrift":
            built = read_built(self._folder)
            write_built(self._folder, replace(built, tables={}, views={}))
        settings = {"master": self._engine.master, "conf": dict(self._engine.conf)}
        given = {name: value for name, value in self._dbt.items() if value is not None}
        secrets = {name: str(given.pop(name)) for name in ("password",) if name in given}
        return WorkshopAccess("spark", self.name, {"folder": str(self._folder), **settings, **given}, secrets)

    def build(self, name: str, query: exp.Expression) -> int:
        """See `lockgate.core.ports.Workshop.build`."""
        import pyarrow.parquet as pq

        built = read_built(self._folder)
        place = new_place(self._folder, built) / "table"
        try:
            rows = frame(self._engine.session(), query, self._source)
            columns = write_rows(rows, place)
            built.tables[name] = Table(str(place.relative_to(self._folder)), columns)
            built.views.pop(name, None)
            write_built(self._folder, built)
        except BaseException:
            remove(place.parent)
            raise
        return sum(pq.read_metadata(file).num_rows for file in place.glob("*.parquet"))

    def read_bytes(self) -> None:
        """See `lockgate.core.ports.Workshop.read_bytes`: nobody counts here."""

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Workshop.query`."""
        return table_of(frame(self._engine.session(), query, self._source))

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Workshop.columns`."""
        return read_built(self._folder).columns(self.name, relation)

    def _source(self, relation: Relation) -> Source | None:
        return source_in(self._folder, self.name, read_built(self._folder), relation)


def write_rows(rows: DataFrame, place: Path) -> list[tuple[str, str]]:
    """Writes rows as Parquet into a new folder; gives their columns by Spark's types. NULL without a type is text."""
    with translated():
        kinds = [(one.name, one.dataType.simpleString()) for one in rows.schema.fields]
        columns = [(name, "string" if kind == "void" else kind) for name, kind in kinds]
        if columns != kinds:
            rows = rows.to(_schema(columns))
        rows.write.parquet(str(place))
    return columns


def _schema(columns: list[tuple[str, str]]) -> StructType:
    from pyspark.sql.types import StructType

    from lockgate.adapters.warehouses.spark.types import schema_of

    schema = StructType.fromDDL(schema_of(columns))
    assert isinstance(schema, StructType)  # noqa: S101  (columns in a row make a struct)
    return schema


@contextmanager
def opened(
    layout: Layout, name: str, engine: Engine, dbt: Mapping[str, object], *, wait_seconds: float
) -> Iterator[SparkWorkshop]:
    """The workshop of that name, with what is pinned now to read, until it is opened again.

    Raises:
        TargetBusy: another holder kept the workshop for `wait_seconds`.
    """
    with layout.locked(f"workshop {name}", wait_seconds=wait_seconds):
        with on_disk():
            lay_out(layout, current(layout), name)
        yield SparkWorkshop(name, layout, engine, dbt)
