"""The raw side of a DuckDB target: loads are landed by a rename, pins move by a change of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.catalog import changing, composed, reading, statement
from lockgate.adapters.warehouses.duckdb.engine import columns_of as described
from lockgate.adapters.warehouses.duckdb.engine import engine, parquet
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.names import identifier, relation_name
from lockgate.adapters.warehouses.duckdb.raw_query import raw_query
from lockgate.adapters.warehouses.folder.landing import FolderLandings
from lockgate.adapters.warehouses.folder.raw_log import entries
from lockgate.core.load import Pin, Quarantined
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class DuckDBLandings(FolderLandings[DuckDBLayout]):
    """The raw views and the pins are in the catalog."""

    def move_pins(self, pins: Sequence[Pin]) -> None:
        """See `lockgate.core.ports.Landings.move_pins`."""
        with changing(self._layout) as connection:
            for pin in pins:
                connection.execute(statement("move_pin"), _words(pin))
                show_stream(connection, self._layout, pin.relation, pin)

    def pins(self) -> tuple[Pin, ...]:
        """See `lockgate.core.ports.Landings.pins`."""
        with reading(self._layout) as connection:
            return pins_of(connection)

    def raw_state(self) -> str:
        """See `lockgate.core.ports.Landings.raw_state`. Every change is a new catalog file, and any counts here."""
        found = self._layout.catalog.stat()
        return f"{found.st_ino}.{found.st_mtime_ns}"

    def quarantined(self, relation: Relation, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """See `lockgate.core.ports.Landings.quarantined`."""
        files = [file for entry in entries(self._layout, relation) for file in entry.rejects]
        if not files:
            return ()
        from sqlglot import exp

        names = [column(name) for name in (LOAD_ID_COLUMN, POSITION_COLUMN, "column", "reason", "record")]
        newest = [exp.Ordered(this=name, desc=True) for name in names[:2]]
        query = exp.select(*names).from_(parquet(files)).order_by(*newest).limit(limit)
        with engine() as connection:
            return tuple(Quarantined(relation, *row) for row in connection.sql(query.sql("duckdb")).fetchall())

    def show_columns(self, relation: Relation, wanted: Sequence[Column]) -> None:
        """See `FolderLandings`."""
        with reading(self._layout) as connection:
            if described(connection, relation) == tuple(wanted):
                return
        with changing(self._layout) as connection:
            pin = next((pin for pin in pins_of(connection) if pin.relation == relation), None)
            show_stream(connection, self._layout, relation, pin)


def _words(pin: Pin) -> dict[str, object]:
    names = {"schema": pin.relation.schema, "stream": pin.relation.name}
    return {**names, "first_load": pin.first_load, "last_load": pin.last_load}


def pins_of(connection: DuckDBPyConnection) -> tuple[Pin, ...]:
    """The pins that a catalog holds."""
    rows = connection.execute(statement("pins")).fetchall()
    return tuple(Pin(Relation(schema, stream), first, last) for schema, stream, first, last in rows)


def show_stream(connection: DuckDBPyConnection, layout: DuckDBLayout, relation: Relation, pin: Pin | None) -> None:
    """Makes a stream's view in the catalog show the pinned loads in the columns of the whole log."""
    create_view(connection, relation, raw_query(entries(layout, relation), pin, lambda file: file).sql("duckdb"))


def create_view(connection: DuckDBPyConnection, relation: Relation, query: str) -> None:
    """Creates or replaces a view, and its schema where it is missing."""
    create_schema(connection, relation.schema)
    connection.execute(composed("create_view", view=relation_name(relation), query=query))


def create_schema(connection: DuckDBPyConnection, schema: str) -> None:
    """Creates a schema where it is missing."""
    connection.execute(composed("create_schema", schema=identifier(schema)))
