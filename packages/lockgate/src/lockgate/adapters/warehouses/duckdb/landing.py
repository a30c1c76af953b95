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
from lockgate.adapters.warehouses.folder.landing import TURN_SECONDS, add_load, landed, log_lock, prune
from lockgate.adapters.warehouses.folder.raw_log import SYSTEM, columns_of, entries
from lockgate.core.load import Landed, Landing, Pin, Pruned, Quarantined
from lockgate.core.relation import Relation
from lockgate.core.sql import column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lockgate.core.ports import Clock


class DuckDBLandings:
    """Lands loads as folders of the staged Parquet files themselves."""

    def __init__(self, layout: DuckDBLayout, clock: Clock) -> None:
        """Take the target's paths, and the clock that tells when."""
        self._layout = layout
        self._clock = clock

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        with self._layout.locked(log_lock(landing.relation), wait_seconds=TURN_SECONDS):
            add_load(self._layout, landing, self._clock())
            self._show_columns(landing.relation)
        return next(load for load in self.landed(landing.relation) if load.load_id == landing.load_id)

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        return landed(self._layout, relation)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`."""
        return prune(self._layout, relation, before=before, dry_run=dry_run)

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

    def _show_columns(self, relation: Relation) -> None:
        """Makes the raw view have the log's columns, where it does not yet; its rows stay those of its pin."""
        wanted = (*SYSTEM, *columns_of(entries(self._layout, relation)))
        with reading(self._layout) as connection:
            if described(connection, relation) == wanted:
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
