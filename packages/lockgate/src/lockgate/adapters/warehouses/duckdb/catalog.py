"""The catalog: a small database of views and of what Lockgate remembers, never changed in place but replaced whole.

A reader that has it open goes on reading the file it opened; the next one to open it finds the new one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.engine import attached, in_transaction
from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
from lockgate.adapters.warehouses.folder.layout import sweep_asides, written
from lockgate.adapters.warehouses.named_sql import statements

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TURN_SECONDS = 60.0


def statement(name: str) -> str:
    """The statement of that name, in DuckDB's own words."""
    return statements(__package__, "statements.sql")[name]


def composed(name: str, **parts: str | int) -> str:
    """The statement of that name with what its braces ask for: SQL, quoted names, numbers."""
    return statement(name).format(**parts)


@contextmanager
def reading(layout: DuckDBLayout) -> Iterator[DuckDBPyConnection]:
    """A connection in which the catalog, as it is now, is the default database."""
    with attached(layout.catalog, read_only=True) as connection:
        yield connection


@contextmanager
def changing(layout: DuckDBLayout) -> Iterator[DuckDBPyConnection]:
    """A connection to a copy of the catalog, which takes the catalog's place at the end, unless there was an error."""
    with layout.locked("catalog", wait_seconds=TURN_SECONDS), written(layout.catalog) as aside:
        sweep_asides(layout.catalog)
        if layout.catalog.exists():
            shutil.copyfile(layout.catalog, aside)
        with attached(aside) as connection, in_transaction(connection):
            yield connection
