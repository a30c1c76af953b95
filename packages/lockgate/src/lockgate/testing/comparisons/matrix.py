"""The truth matrix: every cell, each to be compared between any two engines."""

from __future__ import annotations

from lockgate.testing.comparisons.cell import Cell
from lockgate.testing.comparisons.keys import KEYS
from lockgate.testing.comparisons.nested import NESTED
from lockgate.testing.comparisons.numbers import NUMBERS
from lockgate.testing.comparisons.shapes import SHAPES
from lockgate.testing.comparisons.texts import TEXTS
from lockgate.testing.comparisons.times import TIMES

CELLS: tuple[Cell, ...] = (*NUMBERS, *TEXTS, *TIMES, *NESTED, *KEYS, *SHAPES)
