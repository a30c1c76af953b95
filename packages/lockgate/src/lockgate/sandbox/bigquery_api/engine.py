"""The embedded DuckDB under the stand-in for BigQuery: connections, transactions, and errors in BigQuery's words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Any

from lockgate.sandbox.bigquery_api import macros
from lockgate.sandbox.bigquery_api.catalog import Catalog, Table
from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query
from lockgate.sandbox.bigquery_api.scopes import Columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WAIT_SECONDS = 0.05
_UNKNOWN = re.compile(r'column "?([^"\s]+)"? (?:not found|does not exist)', re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Transaction:
    """An open transaction: the catalog as it was, and the tables that it changed."""

    catalog: Catalog
    began: int
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    changed: dict[str, Table] = field(default_factory=dict)
    added: dict[str, Table] = field(default_factory=dict)


class Engine:
    """DuckDB in memory. Whoever holds `turn` has a statement run: one at a time."""

    def __init__(self, catalog: Catalog) -> None:
        """Empty, with the functions of GoogleSQL."""
        import duckdb

        self.catalog = catalog
        self.turn = Condition()
        self._root = duckdb.connect(":memory:")
        self._root.execute(
            "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL threads = 2; SET GLOBAL preserve_insertion_order = true"
        )
        macros.make(self._root)
        self._types = self._root.cursor()
        self._described: dict[str, Columns] = {}
        self._clock = 0
        self._open: dict[str, Transaction] = {}
        self._holders: dict[str, Transaction] = {}
        self._garbage: list[str] = []

    def close(self) -> None:
        """Forgets everything."""
        with self.turn:
            self._root.close()

    def cursor(self) -> DuckDBPyConnection:
        """A connection of its own to the same tables."""
        return self._root.cursor()

    def describe(self, sql: str, on: DuckDBPyConnection | None = None) -> Columns:
        """Names and types of what a query of DuckDB answers.

        Raises:
            Refusal: it answers nothing.
        """
        is_fixed = " FROM " not in sql
        if is_fixed and sql in self._described:
            return self._described[sql]
        with translated():
            rows = (on or self._types).execute(f"DESCRIBE {sql}").fetchall()
        columns = [(row[0], row[1]) for row in rows]
        if is_fixed:
            self._described[sql] = columns
        return columns

    # --- transactions ---------------------------------------------------------------------------------------------

    def begin(self, cursor: DuckDBPyConnection) -> Transaction:
        """A new transaction, which sees the tables as they are now."""
        cursor.execute("BEGIN TRANSACTION")
        cursor.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchall()
        transaction = Transaction(self.catalog.copied(), self._clock)
        self._open[transaction.id] = transaction
        return transaction

    def commit(self, cursor: DuckDBPyConnection, transaction: Transaction) -> None:
        """Makes its changes everybody's.

        Raises:
            Refusal: a table that it changed is another one now.
        """
        for table in [*transaction.changed.values(), *transaction.added.values()]:
            home = self.catalog.datasets.get(table.dataset)
            if home is None or home.tables.get(table.name) is not table:
                self.rollback(cursor, transaction)
                raise _aborted(table, transaction)
        try:
            with translated():
                cursor.execute("COMMIT")
        except Refusal:
            self._forget(transaction)
            raise
        for table in [*transaction.changed.values(), *transaction.added.values()]:
            self.moved(table, by_change=table.physical in transaction.changed)
        self._forget(transaction)

    def rollback(self, cursor: DuckDBPyConnection, transaction: Transaction) -> None:
        """Takes its changes back."""
        with suppress(Refusal), translated():
            cursor.execute("ROLLBACK")
        self._forget(transaction)

    def _forget(self, transaction: Transaction) -> None:
        self._open.pop(transaction.id, None)
        for physical in [name for name, holder in self._holders.items() if holder is transaction]:
            del self._holders[physical]
        self._sweep()
        self.turn.notify_all()

    def moved(self, table: Table, *, by_change: bool) -> None:
        """A table has other rows now; by a change of rows that were there, or by new ones alone."""
        self._clock += 1
        if by_change:
            table.changed = self._clock
        table.touch()

    def claim(self, table: Table, transaction: Transaction | None, is_over: Callable[[], bool]) -> None:
        """Waits until a statement may change rows of a table; a transaction does not wait.

        Raises:
            Refusal: another transaction changes it, or did since this one began.
        """
        if transaction is None:
            while table.physical in self._holders and not is_over():
                self.turn.wait(_WAIT_SECONDS)
            return
        holder = self._holders.get(table.physical)
        if holder not in {None, transaction} or table.changed > transaction.began:
            raise _aborted(table, transaction)
        self._holders[table.physical] = transaction
        transaction.changed[table.physical] = table

    # --- tables ---------------------------------------------------------------------------------------------------

    def drop(self, physical: str) -> None:
        """Forgets rows; later, while a transaction may still read them."""
        self._garbage.append(physical)
        self._sweep()

    def _sweep(self) -> None:
        if not self._open:
            while self._garbage:
                self._root.execute(f"DROP TABLE IF EXISTS {self._garbage.pop()}")


def _aborted(table: Table, transaction: Transaction) -> Refusal:
    said = f"Transaction is aborted due to concurrent update against table {table.full_name}."
    return bad_query(f"{said} Transaction ID: {transaction.id}")


@contextmanager
def translated() -> Iterator[None]:
    """DuckDB's errors as BigQuery's.

    Raises:
        Refusal: a statement was not run.
    """
    import duckdb

    try:
        yield
    except duckdb.NotImplementedException as error:
        raise Refusal("notImplemented", f"The stand-in for BigQuery: {error}", place="query") from error
    except duckdb.Error as error:
        raise bad_query(_said(error)) from error


def _said(error: Any) -> str:
    text = str(error).split("\n\nLINE ")[0]
    text = re.sub(r"^[A-Za-z\- ]+ Error: ", "", text).split("\n")[0]
    unknown = _UNKNOWN.search(text)
    if unknown:
        return f"Unrecognized name: {unknown[1]}"
    null = re.search(r"NOT NULL constraint failed: \w+\.(.+)", text)
    if null:
        return f"Required field {null[1]} cannot be null"
    return text.removeprefix("Invalid Input Error: ").strip()
