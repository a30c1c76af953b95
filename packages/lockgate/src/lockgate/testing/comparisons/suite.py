"""What a comparison must say of every cell of the truth matrix, between any two engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import product
from typing import TypeAlias

import pytest

from lockgate.compare import compare
from lockgate.core.comparison import Comparison, ComparisonRequest, Method, Status, Thrift
from lockgate.core.ports import Bench, Side
from lockgate.errors import ComparisonInvalid
from lockgate.testing.comparisons.cell import Cell, Engine, Located
from lockgate.testing.comparisons.matrix import CELLS

Opened: TypeAlias = "Callable[[Cell, Engine, Engine], tuple[Side, Side, Bench]]"

TODAY = date(2024, 2, 29)
PAIRS = tuple(product(Engine, Engine))
CASES = [
    pytest.param(cell, left, right, id=f"{left}-{right}-{cell.name}")
    for left, right in PAIRS
    for cell in CELLS
    if cell.is_for(left, right)
]
WIDE_APART = ((Engine.POSTGRES, Engine.DUCKDB), (Engine.DUCKDB, Engine.POSTGRES))
# Every cell once, in either order by turns.
ACROSS = [
    pytest.param(cell, left, right, id=f"{left}-{right}-{cell.name}")
    for place, cell in enumerate(CELLS)
    for left, right in [WIDE_APART[place % 2]]
    if cell.is_for(left, right)
]


class TruthMatrixConformance:
    """A test class inherits it and gives one fixture, `opened`: the sides of a cell in two engines, and a bench."""

    @pytest.mark.parametrize(("cell", "left", "right"), CASES)
    def test_says_the_truth(self, cell: Cell, left: Engine, right: Engine, opened: Opened) -> None:
        found = compared(cell, *opened(cell, left, right))

        holds(found, cell, left, right)
        assert found.method is (Method.STREAM if is_streamed(cell, left, right) else Method.JOIN)

    @pytest.mark.parametrize(("cell", "left", "right"), ACROSS)
    def test_fingerprints_say_the_same(self, cell: Cell, left: Engine, right: Engine, opened: Opened) -> None:
        sides = opened(cell, left, right)
        if not cell.is_hashed:
            with pytest.raises(ComparisonInvalid, match="fingerprints cannot be compared"):
                compared(cell, *sides, Method.FINGERPRINT)
            return
        try:
            found = compared(cell, *sides, Method.FINGERPRINT)
        except ComparisonInvalid as error:  # keys that are seen not to be unique before anything is hashed
            assert cell.has_odd_keys, error
            return

        holds(found, cell, left, right)
        assert cell.has_odd_keys or found.method is Method.FINGERPRINT


def holds(found: Comparison, cell: Cell, left: Engine, right: Engine) -> None:
    """What was found is what the cell says."""
    expected = cell.expected
    assert (found.verdict, found.rows) == (expected.verdict, expected.rows)
    assert {one.name: one.changed for one in found.columns if one.changed} == expected.changed
    assert located(found) == in_order(expected.located)
    assert (found.schema.added, found.schema.removed) == (expected.added, expected.removed)
    assert found.schema.is_reordered == expected.is_reordered
    if Engine.CSV not in (left, right):
        assert frozenset(found.schema.type_changed) == cell.retyped(left, right)
    for one in found.columns:
        if one.name in expected.largest:
            assert one.largest == pytest.approx(expected.largest[one.name], rel=1e-6)


def is_streamed(cell: Cell, left: Engine, right: Engine) -> bool:
    """Whether no engine can join the sides; files are read by DuckDB, where the differences are, too."""
    in_postgres = (left, right).count(Engine.POSTGRES)
    return in_postgres == 1 or (in_postgres == 2 and cell.has_odd_keys)


def compared(cell: Cell, left: Side, right: Side, bench: Bench, method: Method | None = None) -> Comparison:
    """The comparison that a cell asks for."""
    request = ComparisonRequest(
        key=cell.key,
        tolerance=cell.tolerance,
        renamed=cell.renamed,
        show_values=True,
        most_samples=100,
        method=method,
        thrift=Thrift(most_fetched=1.0),
    )
    return compare(left, right, bench, request, today=TODAY, progress=lambda *_: None)


def located(found: Comparison) -> list[Located]:
    """Where a comparison found differences, in order."""
    return in_order(
        Located(one.status, tuple(_text(each) for each in one.key.values()), one.column) for one in found.samples
    )


def in_order(them: object) -> list[Located]:
    """Places in one order, so that two lists of them can be compared."""
    return sorted(them, key=lambda one: (list(Status).index(one.status), str(one.key), str(one.column)))  # type: ignore[call-overload,no-any-return]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
