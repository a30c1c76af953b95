"""Finds the columns that make a row one row, by counting; whole tables at a time, never row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from math import prod
from typing import Protocol

from lockgate.core.relation import Column
from lockgate.core.types import INTEGERS, Kind

LONGEST_KEY = 4
MOST_COLUMNS = 40
MOST_COMBINATIONS = 500
SAMPLE_ROWS = 10_000
_TEXTUAL = frozenset({Kind.TEXT, Kind.UUID, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
_KEY_KINDS = _TEXTUAL | INTEGERS | {Kind.NUMERIC}
_KEY_NAME = re.compile(r"(^|[_ .-])(id|key|uuid|guid|code|no|nr|number)$", re.IGNORECASE)


class Counter(Protocol):
    """Counts over one table."""

    def rows(self) -> int:
        """How many rows it has."""

    def each(self, names: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """For each column: how many rows have a value, and how many values there are."""

    def distinct(self, names: Sequence[str], *, first: int | None = None) -> int:
        """How many combinations the columns have, in all rows or in the `first` ones."""


def find_key(columns: Sequence[Column], counter: Counter) -> tuple[str, ...]:
    """The fewest columns that identify every row, those that look most like a key; empty where none do.

    Of an empty table it is the column that is called a key, if one is.
    """
    likely = sorted((column for column in columns if column.type.kind in _KEY_KINDS), key=_unlikelihood)[:MOST_COLUMNS]
    names = tuple(column.name for column in likely)
    rows = counter.rows()
    if not rows:
        return tuple(name for name in names[:1] if _KEY_NAME.search(name))
    counts = counter.each(names) if names else {}
    values = {name: counts[name][1] for name in names if counts[name][0] == rows}
    single = next((name for name, distinct in values.items() if distinct == rows), None)
    if single is not None:
        return (single,)
    ranked = [column for column in likely if values.get(column.name, 0) > 1]
    for size in range(2, LONGEST_KEY + 1):
        for key in islice(_combinations(ranked, size), MOST_COMBINATIONS):
            if prod(values[name] for name in key) >= rows and _identifies(key, rows, counter):
                return _in_order(key, columns)
    return ()


def _combinations(ranked: Sequence[Column], size: int) -> Iterator[tuple[str, ...]]:
    """Every choice of so many columns, the likeliest first."""
    choices = sorted(combinations(ranked, size), key=lambda choice: sum(_unlikelihood(column) for column in choice))
    return (tuple(column.name for column in choice) for choice in choices)


def _identifies(key: tuple[str, ...], rows: int, counter: Counter) -> bool:
    """Whether no two rows agree in `key`; the first rows are asked first, since most keys fail there."""
    few = min(rows, SAMPLE_ROWS)
    return counter.distinct(key, first=few) == few and (few == rows or counter.distinct(key) == rows)


def _unlikelihood(column: Column) -> int:
    """How little a column looks like part of a key."""
    if _KEY_NAME.search(column.name):
        return 0 if column.name.lower() == "id" else 1
    if column.type.kind in _TEXTUAL:
        return 4
    return 6 if column.type.is_integer else 10


def _in_order(key: Sequence[str], columns: Sequence[Column]) -> tuple[str, ...]:
    """The key's columns as they stand in the table."""
    return tuple(column.name for column in columns if column.name in key)
