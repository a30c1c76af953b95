"""A cell of the truth matrix: two small tables, and what their comparison must say wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from lockgate.core.comparison import RowCounts, Status, Tolerance, Verdict

Row: TypeAlias = tuple[str | None, ...]


class Engine(StrEnum):
    """Where a table is kept."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class TypedTable:
    """Columns by name, in the types that PostgreSQL has, and rows of values as text; lists are written as in JSON."""

    columns: Mapping[str, str]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """Where a difference is: what is the matter, the key's values as text, and for a changed value its column."""

    status: Status
    key: Row
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out; `largest` is by how much a column's values differ."""

    verdict: Verdict
    rows: RowCounts
    located: tuple[Located, ...] = ()
    largest: Mapping[str, float] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    is_reordered: bool = False

    @property
    def changed(self) -> dict[str, int]:
        """How many values changed, by the columns in which some did."""
        names = [each.column for each in self.located if each.column is not None]
        return {name: names.count(name) for name in names}


@dataclass(frozen=True, slots=True)
class Cell:
    """One case: what it is about, both tables, what is asked, what must come out.

    `without` says of an engine why the case cannot be written there.
    """

    name: str
    about: str
    left: TypedTable
    right: TypedTable
    expected: Expected
    key: tuple[str, ...] = ("id",)
    tolerance: Tolerance | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[Engine, str] = field(default_factory=dict)

    def retyped(self, left: Engine, right: Engine) -> frozenset[str]:
        """The columns whose types differ there; only PostgreSQL tells CHAR from text."""
        is_told = {left, right} == {Engine.POSTGRES}
        types = [
            {name: type_ if is_told or "char" not in type_ else "text" for name, type_ in side.columns.items()}
            for side in (self.left, self.right)
        ]
        return frozenset(name for name, type_ in types[0].items() if types[1].get(name, type_) != type_)

    @property
    def has_odd_keys(self) -> bool:
        """Whether a key of either side is there twice, or has a NULL."""
        return any(len(set(keys)) < len(keys) or any(None in key for key in keys) for keys in self._keys())

    @property
    def is_hashed(self) -> bool:
        """Whether rows are equal where their text is: no nested values, no tolerance."""
        types = [*self.left.columns.values(), *self.right.columns.values()]
        return self.tolerance is None and not any(one.startswith("json") or one.endswith("]") for one in types)

    def _keys(self) -> Iterator[list[Row]]:
        for side, names in ((self.left, self.key), (self.right, [self.renamed.get(one, one) for one in self.key])):
            places = [list(side.columns).index(name) for name in names]
            yield [tuple(row[place] for place in places) for row in side.rows]

    def is_for(self, *engines: Engine) -> bool:
        """Whether the case can be written in all of these engines."""
        return not any(engine in self.without for engine in engines)


def table(types: Mapping[str, str], *rows: Row) -> TypedTable:
    """A table of these rows."""
    return TypedTable(types, rows)


def equal(rows: int, *, is_reordered: bool = False) -> Expected:
    """All of so many rows are equal."""
    return Expected(Verdict.PASS, RowCounts(rows, rows, rows, 0, 0, 0), is_reordered=is_reordered)


def unproven(rows: int) -> Expected:
    """All of so many rows are equal, which proves nothing."""
    return Expected(Verdict.INCONCLUSIVE, RowCounts(rows, rows, rows, 0, 0, 0))


def differs(rows: tuple[int, int], *located: Located, largest: Mapping[str, float] | None = None) -> Expected:
    """So many rows on either side differ there and nowhere else; each changed row in one or more columns."""
    missing = sum(each.status is Status.MISSING for each in located)
    extra = sum(each.status is Status.EXTRA for each in located)
    changed_rows = len({each.key for each in located if each.status is Status.CHANGED})
    matched = rows[0] - changed_rows - missing
    counts = RowCounts(*rows, matched=matched, missing=missing, extra=extra, changed=changed_rows)
    return Expected(Verdict.FAIL, counts, located, largest or {})


def changed(column: str, *key: str | None) -> Located:
    """A changed value."""
    return Located(Status.CHANGED, key, column)


def missing(*key: str | None) -> Located:
    """A row that is not on the right."""
    return Located(Status.MISSING, key)


def extra(*key: str | None) -> Located:
    """A row that is not on the left."""
    return Located(Status.EXTRA, key)
