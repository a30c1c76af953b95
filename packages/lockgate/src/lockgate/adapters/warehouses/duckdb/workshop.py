"""A workshop in DuckDB: a database file of its own, whose `raw` views read links to the pinned files."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.catalog import composed, reading
from lockgate.adapters.warehouses.duckdb.engine import attached, columns_of, engine, in_transaction
from lockgate.adapters.warehouses.duckdb.failures import translated
from lockgate.adapters.warehouses.duckdb.landing import create_schema, create_view, pins_of
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.duckdb.names import identifier
from lockgate.adapters.warehouses.duckdb.raw_query import raw_query
from lockgate.adapters.warehouses.folder.layout import link
from lockgate.adapters.warehouses.folder.raw_log import entries, pinned
from lockgate.core.execution import WorkshopAccess
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import table

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from sqlglot import exp

LINKS = "raw"


class DuckDBWorkshop:
    """Builds in the workshop's file, unable to reach any other; open from the first call on, until it is closed."""

    dialect = "duckdb"

    def __init__(self, name: str, layout: DuckDBLayout) -> None:
        """Take the workshop's name and the target's paths."""
        self.name = name
        self._database = layout.workshop_database(name)
        self._confinement = confinement(layout.workshop(name))
        self._session = ExitStack()
        self._connection: DuckDBPyConnection | None = None

    def access(self) -> WorkshopAccess:
        """See `lockgate.core.ports.Workshop.access`; `setup` is SQL to be executed once, right after connecting.

        What is open here is closed: the file is one process's at a time.
        """
        self.close()
        return WorkshopAccess("duckdb", self.name, {"path": str(self._database), "setup": self._confinement})

    def build(self, name: str, query: exp.Expression) -> int:
        """See `lockgate.core.ports.Workshop.build`."""
        from sqlglot import exp

        built = table(Relation(self.name, name))
        with self._confined() as connection:
            creation = exp.Create(this=built, kind="TABLE", replace=True, expression=query)
            connection.execute(creation.sql("duckdb"))
            rows = connection.execute(exp.select(exp.Count(this=exp.Star())).from_(built).sql("duckdb")).fetchall()
        return int(rows[0][0])

    def read_bytes(self) -> None:
        """See `lockgate.core.ports.Workshop.read_bytes`: nobody counts here."""

    def query(self, query: exp.Expression) -> pa.Table:
        """See `lockgate.core.ports.Workshop.query`."""
        with self._confined() as connection:
            return connection.sql(query.sql("duckdb")).to_arrow_table()

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """See `lockgate.core.ports.Workshop.columns`."""
        with self._confined() as connection:
            return columns_of(connection, relation)

    def close(self) -> None:
        """Gives the file back; the next call opens it again."""
        self._connection = None
        self._session.close()

    @contextmanager
    def _confined(self) -> Iterator[DuckDBPyConnection]:
        """The one connection, since an instance takes 25 ms to start; after a failure it is not used again."""
        with translated():
            try:
                if self._connection is None:
                    self._connection = self._opened()
                yield self._connection
            except BaseException:
                self.close()
                raise

    def _opened(self) -> DuckDBPyConnection:
        connection = self._session.enter_context(engine(self._database))
        for statement in self._confinement[1:]:
            connection.execute(statement)
        return connection


def confinement(folder: Path) -> tuple[str, ...]:
    """The statements that leave a connection its own database, the files below `folder`, UTC, and no way back.

    The order matters: what is allowed cannot be set any more once external access is off.
    """
    from sqlglot import exp

    # A view names its files as patterns; DuckDB compares what is allowed with the pattern as it is written.
    spellings = sorted({f"{folder}/", f"{glob.escape(str(folder))}/"})
    allowed = exp.array(*map(exp.Literal.string, spellings)).sql("duckdb")
    return (
        "SET TimeZone = 'UTC'",
        f"SET allowed_directories = {allowed}",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    )


@contextmanager
def opened(layout: DuckDBLayout, name: str, *, wait_seconds: float) -> Iterator[DuckDBWorkshop]:
    """The workshop of that name, with what is pinned now to read, until it is opened again.

    Raises:
        TargetBusy: another holder kept the workshop for `wait_seconds`.
    """
    with layout.locked(f"workshop {name}", wait_seconds=wait_seconds):
        _lay_out(layout, name)
        with closing(DuckDBWorkshop(name, layout)) as workshop:
            yield workshop


def _lay_out(layout: DuckDBLayout, name: str) -> None:
    """Makes the workshop's schema, and its raw views anew over fresh links; what was built before stays."""
    folder = layout.workshop(name)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / LINKS, ignore_errors=True)
    with reading(layout) as catalog:
        pins = {pin.relation: pin for pin in pins_of(catalog)}
    streams = layout.streams()
    with attached(layout.workshop_database(name)) as connection, in_transaction(connection):
        for schema in sorted({stream.schema for stream in streams}):
            connection.execute(composed("drop_schema", schema=identifier(schema)))
        for stream in streams:
            _show(connection, layout, name, stream, pins.get(stream))
        create_schema(connection, name)


def _show(connection: DuckDBPyConnection, layout: DuckDBLayout, name: str, stream: Relation, pin: Pin | None) -> None:
    log, own = entries(layout, stream), layout.folder / "raw__log"
    links = layout.workshop(name) / LINKS
    for entry in pinned(log, pin):
        for file in entry.files:
            link(file, links / file.relative_to(own))
    create_view(connection, stream, raw_query(log, pin, lambda file: links / file.relative_to(own)).sql("duckdb"))
