"""What goes from statement to statement: variables, temporary tables, an open transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from lockgate.sandbox.bigquery_api.catalog import Catalog, Table
from lockgate.sandbox.bigquery_api.engine import Engine, Transaction, translated
from lockgate.sandbox.bigquery_api.fields import Field
from lockgate.sandbox.bigquery_api.names import Names
from lockgate.sandbox.bigquery_api.planning import Planner
from lockgate.sandbox.bigquery_api.refusals import bad_query
from lockgate.sandbox.bigquery_api.scopes import Scope


@dataclass(slots=True)
class Outcome:
    """What a statement did: rows with their columns, or how many rows it changed, or what it made."""

    kind: str
    fields: list[Field] | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    affected: int | None = None
    changes: dict[str, int] = field(default_factory=dict)
    ddl: str = ""
    target: dict[str, str] | None = None
    bytes: int = 0
    read: tuple[Table, ...] = ()


class Session:
    """A connection, and what is remembered on it."""

    def __init__(self, engine: Engine, default: tuple[str, str], is_over: Callable[[], bool]) -> None:
        """`default` is the dataset of names that say none; a wait ends when `is_over`."""
        self.engine = engine
        self.default = default
        self.is_over = is_over
        self.id = uuid.uuid4().hex
        self.cursor = engine.cursor()
        self.transaction: Transaction | None = None
        self.temporary: dict[str, Table] = {}
        self.variables: dict[str, exp.Expr] = {}
        self.kinds: dict[str, Field] = {}
        self.parameters: dict[str, exp.Expr] = {}

    @property
    def catalog(self) -> Catalog:
        """What the statement sees."""
        return self.transaction.catalog if self.transaction else self.engine.catalog

    def names(self) -> Names:
        """Names as the statement has them."""
        return Names(self.catalog, self.default, self.temporary)

    def planner(self) -> Planner:
        """What makes a tree into DuckDB's."""
        values = {**self.variables, **self.parameters}
        return Planner(self.names(), lambda sql: self.engine.describe(sql, self.cursor), values)

    def value(self, node: exp.Expr) -> object:
        """What an expression is now.

        Raises:
            Refusal: it cannot be told.
        """
        lowered = self.planner().expression(exp.Paren(this=node.copy()).this, Scope())
        with translated():
            found = self.cursor.execute(f"SELECT {lowered.sql('duckdb')}").fetchone()
        return found[0] if found else None

    def count(self, physical: str) -> int:
        """How many rows a table of DuckDB has."""
        found = self.cursor.execute(exp.select("count(*)").from_(physical).sql("duckdb")).fetchone()
        return int(found[0]) if found else 0

    def begin(self) -> None:
        """Begins a transaction.

        Raises:
            Refusal: there is one.
        """
        if self.transaction is not None:
            raise bad_query("Transaction control statements are not supported: nested transactions are not allowed")
        self.transaction = self.engine.begin(self.cursor)

    def commit(self) -> None:
        """Ends the transaction, with its changes.

        Raises:
            Refusal: there is none, or it came into the way of another one.
        """
        transaction = self._current("COMMIT")
        self.transaction = None
        self.engine.commit(self.cursor, transaction)

    def rollback(self) -> None:
        """Ends the transaction, without its changes.

        Raises:
            Refusal: there is none.
        """
        transaction = self._current("ROLLBACK")
        self.transaction = None
        self.engine.rollback(self.cursor, transaction)

    def _current(self, what: str) -> Transaction:
        if self.transaction is None:
            raise bad_query(f"{what} TRANSACTION without an open transaction")
        return self.transaction

    def abandon(self) -> None:
        """Takes an open transaction back."""
        if self.transaction is not None:
            self.rollback()

    def close(self) -> None:
        """Ends it, with what was temporary."""
        self.abandon()
        for table in self.temporary.values():
            self.engine.drop(table.physical)
        self.temporary.clear()
        self.cursor.close()
