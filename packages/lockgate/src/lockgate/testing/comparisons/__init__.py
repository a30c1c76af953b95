"""The truth matrix of comparisons: cells as data, writers for each engine, and the suite that holds them together.

A test class inherits `TruthMatrixConformance` and gives one fixture: `opened`, which opens a cell's two sides.
"""

from __future__ import annotations

from lockgate.testing.comparisons.cell import Cell, Engine, Expected, Located, TypedTable
from lockgate.testing.comparisons.matrix import CELLS
from lockgate.testing.comparisons.suite import TruthMatrixConformance
from lockgate.testing.comparisons.writers import place, place_tables

__all__ = [
    "CELLS",
    "Cell",
    "Engine",
    "Expected",
    "Located",
    "TruthMatrixConformance",
    "TypedTable",
    "place",
    "place_tables",
]
