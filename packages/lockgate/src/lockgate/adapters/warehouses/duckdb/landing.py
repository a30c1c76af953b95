"""The raw side of a DuckDB target: loads are landed by a rename, pins move by a change of the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.catalog import changing, composed, reading, statement
from lockgate.adapters.warehouses.duckdb.engine import columns_of as described
from lockgate.adapters.warehouses.duckdb.engine import engine, parquet
from lockgate.adapters.warehouses.duckdb.layout import Layout, written
from lockgate.adapters.warehouses.duckdb.names import identifier, relation_name
from lockgate.adapters.warehouses.duckdb.raw_log import (
    SYSTEM,
    columns_of,
    empty_entry,
    entries,
    raw_query,
    write_entry,
)
from lockgate.core.load import Landed, Landing, Pin, Pruned, Quarantined
from lockgate.core.relation import Relation
from lockgate.core.sql import column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.errors import ContractBroken, SourceInconsistent

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lockgate.core.ports import Clock

TURN_SECONDS = 60.0


class DuckDBLandings:
    """Lands loads as folders of the staged Parquet files themselves."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Take the target's paths, and the clock that tells when."""
        self._layout = layout
        self._clock = clock

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        folder = self._layout.log(landing.relation) / str(landing.load_id)
        with self._layout.locked(f"log {landing.relation}", wait_seconds=TURN_SECONDS):
            if not folder.exists():
                self._refuse_changed_types(landing)
                _refuse_other_counts(landing)
                _clear_unfinished(folder.parent)
                with written(folder) as aside:
                    write_entry(aside, landing, self._clock())
            self._show_columns(landing.relation)
        return next(load for load in self.landed(landing.relation) if load.load_id == landing.load_id)

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        return tuple(entry.landed for entry in entries(self._layout, relation) if not entry.is_pruned)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`."""
        with self._layout.locked(f"log {relation}", wait_seconds=TURN_SECONDS):
            below = [entry for entry in entries(self._layout, relation) if entry.landed.load_id < before]
            present = [entry.landed for entry in below if not entry.is_pruned]
            files = [file for entry in below for file in (*entry.files, *entry.rejects)]
            found = Pruned(
                relation,
                loads=len(present),
                rows=sum(load.rows for load in present),
                rejected=sum(load.rejected for load in present),
                bytes=sum(file.stat().st_size for file in files),
            )
            for entry in () if dry_run else below:
                empty_entry(entry)
        return found

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

    def _refuse_changed_types(self, landing: Landing) -> None:
        known = {one.name: one.type for one in columns_of(entries(self._layout, landing.relation))}
        for one in landing.columns:
            if one.name in known and not known[one.name].holds(one.type):
                raise ContractBroken(
                    f"{landing.relation}: column {one.name!r} is {one.type} in this load, "
                    f"and {known[one.name]} in those before",
                    column=one.name,
                )

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


def show_stream(connection: DuckDBPyConnection, layout: Layout, relation: Relation, pin: Pin | None) -> None:
    """Makes a stream's view in the catalog show the pinned loads in the columns of the whole log."""
    create_view(connection, relation, raw_query(entries(layout, relation), pin, lambda file: file).sql("duckdb"))


def create_view(connection: DuckDBPyConnection, relation: Relation, query: str) -> None:
    """Creates or replaces a view, and its schema where it is missing."""
    create_schema(connection, relation.schema)
    connection.execute(composed("create_view", view=relation_name(relation), query=query))


def create_schema(connection: DuckDBPyConnection, schema: str) -> None:
    """Creates a schema where it is missing."""
    connection.execute(composed("create_schema", schema=identifier(schema)))


def _refuse_other_counts(landing: Landing) -> None:
    """Refuses staged files that do not hold as many rows as the landing says."""
    import pyarrow.parquet as pq

    rows, rejected = (
        sum(pq.read_metadata(file).num_rows for file in files) for files in (landing.files, landing.rejects)
    )
    if (rows, rejected) != (landing.rows, landing.rejected):
        raise SourceInconsistent(
            f"load {landing.load_id} of {landing.relation} was staged with {landing.rows} rows and "
            f"{landing.rejected} rejects, its files hold {rows} and {rejected}"
        )


def _clear_unfinished(log: Path) -> None:
    """Removes what a landing that was killed left aside; the caller holds the stream's lock."""
    for aside in log.glob(".*"):
        shutil.rmtree(aside)
