"""What a comparison asks of the databases its two relations are in, and of the engine that it works in itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lockgate.core.comparison import ComparedColumn
from lockgate.core.load import Pin
from lockgate.core.route import Edition

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str, int, int | None], None]


class QueryEngine(Protocol):
    """A session that reads one database in one snapshot."""

    dialect: str

    def query(self, sql: str) -> pa.Table:
        """The rows of one query, in Arrow.

        Raises:
            StatementFailed: with the database's own message, without values.
            WarehouseUnavailable: it does not answer.
        """

    def stream(self, sql: str, *, is_plain: bool = False) -> AbstractContextManager[pa.RecordBatchReader]:
        """The rows of one query as they come; they are never in memory together.

        `is_plain` says that they are rows as they are stored, which nothing is reckoned for.
        """


class Bench(QueryEngine, Protocol):
    """The engine that a comparison works in: in this process, in bounded memory, the rest on disk."""

    def run(self, sql: str) -> None:
        """Executes one statement."""

    def keep(self, name: str, rows: pa.RecordBatchReader, columns: str) -> None:
        """Makes the temporary table `name` of rows as they come; `columns` is its select list over the reader's."""

    def meet(self, name: str, rows: pa.RecordBatchReader, query: str) -> None:
        """Makes the temporary table `name` of a query that has the rows, as they come, as its `arriving`.

        Of a join with `arriving` on its left, what stands on the right is held in memory, and the rows never are.
        """


@dataclass(frozen=True, slots=True)
class Side:
    """One relation to compare.

    `source` is SQL that can stand behind FROM in `engine`'s dialect, `columns` what it has, `unique` the sets of
    columns that the database itself holds unique and not NULL. `editions` are those that it shows, if known.
    """

    name: str
    engine: QueryEngine = field(repr=False)
    source: str
    columns: tuple[ComparedColumn, ...]
    unique: tuple[frozenset[str], ...] = ()
    editions: tuple[Edition, ...] = ()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """The loads that its editions were made of, each once."""
        return tuple(dict.fromkeys(pin for edition in self.editions for pin in edition.pins))
