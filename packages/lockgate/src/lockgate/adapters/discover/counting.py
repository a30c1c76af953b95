"""Counts of a table in SQL that DuckDB and PostgreSQL read alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from lockgate.core.sql import column

Fetch = Callable[[str], tuple[object, ...]]


class SqlCounter:
    """Counts the rows of whatever stands behind `FROM`; `fetch` answers a query of one row."""

    def __init__(self, source: exp.Expression, dialect: str, fetch: Fetch) -> None:
        """Count over `source`."""
        self._source = source
        self._dialect = dialect
        self._fetch = fetch

    def rows(self) -> int:
        """How many rows there are."""
        return self._numbers(exp.select(exp.Count(this=exp.Star())).from_(self._source.copy()))[0]

    def each(self, names: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """For each column: how many rows have a value, and how many values there are; in one pass."""
        counts = [
            count
            for name in names
            for count in (
                exp.Count(this=column(name)),
                exp.Count(this=exp.Distinct(expressions=[column(name)])),
            )
        ]
        numbers = self._numbers(exp.select(*counts).from_(self._source.copy()))
        return dict(zip(names, zip(numbers[::2], numbers[1::2], strict=True), strict=True))

    def distinct(self, names: Sequence[str], *, first: int | None = None) -> int:
        """How many combinations the columns have, in all rows or in the `first` ones."""
        wanted = exp.select(*(column(name) for name in names)).from_(self._source.copy())
        if first is not None:
            wanted = exp.select("*").from_(wanted.limit(first).subquery("few"))
        return self._numbers(exp.select(exp.Count(this=exp.Star())).from_(wanted.distinct().subquery("combinations")))[
            0
        ]

    def _numbers(self, query: exp.Expression) -> tuple[int, ...]:
        """The numbers in the answer's only row."""
        return tuple(int(str(number)) for number in self._fetch(query.sql(self._dialect)))
