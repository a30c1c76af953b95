"""What a package holds, as something that can be asked in SQL; one module a format."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sqlglot import exp

from lockgate.core.relation import Column
from lockgate.core.sql import column
from lockgate.core.types import ColumnType, Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Connection: TypeAlias = "DuckDBPyConnection"

SAMPLE_RECORDS = 20_000
TEXT = ColumnType(Kind.TEXT)
MALFORMED = "malformed"


class Content(Protocol):
    """The records of a package, in their order. `types` are those that its columns have already; others are text.

    A table has every column in every record; other records may leave fields out.
    """

    is_table: bool
    names: tuple[str, ...]
    types: Mapping[str, ColumnType]

    def infer(self, names: Sequence[str], *, whole: bool, counted: Collection[str] = ()) -> Mapping[str, ColumnType]:
        """Types of columns from their values, in the first records or in all; none where all values are NULL.

        Columns that were `counted` have held whole numbers so far in the load, which their first value decides.
        """

    def relation(self, columns: Sequence[Column]) -> exp.Select:
        """The records: x0, x1, … hold the columns' values, of `types` or as text; `malformed` tells why one is none."""

    def record(self, columns: Sequence[Column]) -> str:
        """SQL, over `relation`, for a record as JSON text."""

    def left_out(self) -> tuple[tuple[int, str, str], ...]:
        """What the last reading of `relation` could not read: positions in the package, reasons, JSON texts."""

    def look_closer(self) -> None:
        """Takes nothing for granted any more that was seen in the first records only."""


def name_of(number: int) -> str:
    """What the column of that number is called inside a relation."""
    return f"x{number}"


def quoted(name: str) -> str:
    """A column's name as DuckDB reads it."""
    return column(name).sql("duckdb")


def text(value: str) -> str:
    """A text as DuckDB reads it."""
    return exp.Literal.string(value).sql("duckdb")


def selected(*values: tuple[str, str]) -> exp.Select:
    """A SELECT of SQL values, each with the name it gets."""
    return exp.select(*[exp.alias_(value, name, dialect="duckdb") for value, name in values])


def setting(name: str, value: object) -> exp.Expr:
    """A named argument of a table function."""
    return exp.EQ(this=exp.column(name), expression=value if isinstance(value, exp.Expression) else exp.convert(value))


def object_of(columns: Sequence[Column]) -> str:
    """SQL for a JSON object of a relation's values under their columns' names."""
    fields = ", ".join(f"{text(one.name)}: {name_of(number)}" for number, one in enumerate(columns))
    return f"cast(to_json({{{fields}}}) as text)" if fields else "'{}'"
