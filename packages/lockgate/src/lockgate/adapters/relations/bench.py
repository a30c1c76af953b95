"""The DuckDB that a comparison works in: in this process, with bounded memory, the rest in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.warehouses.duckdb.engine import engine
from lockgate.adapters.warehouses.duckdb.failures import translated

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH_ROWS = 100_000
_KEEP = "select {columns} from arriving"
_MADE = "create or replace temp table {name} as {query}"
# DuckDB takes rows that come for few, and would hold those.
_AS_WRITTEN = "SET disabled_optimizers = 'build_side_probe_side'"


class DuckDBBench:
    """See `lockgate.core.ports.Bench`. Databases are attached to it, read-only, each once."""

    dialect = "duckdb"

    def __init__(self, connection: DuckDBPyConnection) -> None:
        """Work in an open connection."""
        self.connection = connection
        self._numbers = count()
        self._attached: dict[Path, str] = {}

    def query(self, sql: str) -> pa.Table:
        """See `lockgate.core.ports.QueryEngine.query`."""
        with translated():
            return self.connection.sql(sql).to_arrow_table()

    @contextmanager
    def stream(self, sql: str, *, is_plain: bool = False) -> Iterator[pa.RecordBatchReader]:
        """See `lockgate.core.ports.QueryEngine.stream`. The rows are whole in Arrow: the bench may keep them itself."""
        del is_plain  # it makes no difference here
        with translated():
            table = self.connection.sql(sql).to_arrow_table()
        yield table.to_reader(BATCH_ROWS)

    def run(self, sql: str) -> None:
        """See `lockgate.core.ports.Bench.run`."""
        with translated():
            self.connection.execute(sql)

    def keep(self, name: str, rows: pa.RecordBatchReader, columns: str) -> None:
        """See `lockgate.core.ports.Bench.keep`."""
        self.meet(name, rows, _KEEP.format(columns=columns))

    def meet(self, name: str, rows: pa.RecordBatchReader, query: str) -> None:
        """See `lockgate.core.ports.Bench.meet`."""
        with translated():
            self.connection.register("arriving", rows)
            self.connection.execute(_AS_WRITTEN)
            try:
                self.connection.execute(_MADE.format(name=name, query=query))
            finally:
                self.connection.execute("RESET disabled_optimizers")
                self.connection.unregister("arriving")

    def number(self) -> int:
        """A number that was not given before, to name something by."""
        return next(self._numbers)

    def attached(self, database: Path) -> str:
        """The name that a database file is attached under.

        Raises:
            TargetBusy: another process writes to it.
        """
        path = database.resolve()
        if path not in self._attached:
            name = f"database_{self.number()}"
            with translated():
                self.connection.execute(f"ATTACH {exp.Literal.string(str(path)).sql('duckdb')} AS {name} (READ_ONLY)")
            self._attached[path] = name
        return self._attached[path]


@contextmanager
def opened_bench(folder: Path, *, memory_bytes: int) -> Iterator[DuckDBBench]:
    """A bench that keeps so many bytes in memory, the rest in a new folder inside `folder` that is gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="comparison-", dir=folder) as spill, engine() as connection:
        connection.execute("SET temp_directory = ?", [spill])
        connection.execute("SET memory_limit = ?", [f"{memory_bytes // 1_000_000}MB"])
        connection.execute("SET preserve_insertion_order = false")
        yield DuckDBBench(connection)
