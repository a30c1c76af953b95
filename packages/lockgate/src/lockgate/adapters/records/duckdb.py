"""Queries over tables in memory, by DuckDB: one private database, a connection of its own for each query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from lockgate.errors import StatementFailed

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_CONFINED = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class DuckDBMemory:
    """See `lockgate.core.ports.Memory`. A query sees the tables it is given: no file, no network, no other's tables."""

    dialect = "duckdb"

    def __init__(self, threads: int | None = None) -> None:
        """Open nothing yet; `threads` work on a query, else as many as there are cores: few rows want but one."""
        self._threads = threads
        self._root: DuckDBPyConnection | None = None
        self._opening = Lock()

    def query(self, sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        """See `lockgate.core.ports.Memory.query`."""
        with self._reading(tables) as connection:
            return connection.sql(sql).to_arrow_table()

    def keep(self, name: str, sql: str, tables: Mapping[str, pa.Table]) -> None:
        """See `lockgate.core.ports.Memory.keep`."""
        from sqlglot import exp

        kept = exp.to_identifier(name, quoted=True).sql(self.dialect)
        with self._reading(tables) as connection:
            connection.execute(f"CREATE TABLE {kept} AS {sql}")

    @contextmanager
    def _reading(self, tables: Mapping[str, pa.Table]) -> Iterator[DuckDBPyConnection]:
        """A connection that sees tables by their names."""
        import duckdb

        with self._open().cursor() as connection:
            for name, rows in tables.items():
                connection.register(name, rows)
            try:
                yield connection
            except duckdb.Error as error:
                raise StatementFailed(f"the query over records failed: {error}") from error

    def close(self) -> None:
        """Give the memory back."""
        if self._root is not None:
            self._root.close()
            self._root = None

    def _open(self) -> DuckDBPyConnection:
        """The database, opened at its first use."""
        import duckdb

        with self._opening:
            if self._root is None:
                self._root = duckdb.connect(":memory:", config={"threads": self._threads} if self._threads else {})
                for statement in _CONFINED:
                    self._root.execute(statement)
            return self._root
