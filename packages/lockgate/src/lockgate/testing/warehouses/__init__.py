"""What every warehouse must do: landing, workshops, serving, values, and all of it while processes die.

A test class inherits `WarehouseConformance` and gives two fixtures: `open_warehouse`, a picklable callable that opens
the same, at first empty target each time, so that several processes can work on it; and `open_reader`, which opens a
connection that a consumer could have to the target, for queries in its dialect.
"""

from __future__ import annotations

from lockgate.testing.warehouses.suite import WarehouseConformance

__all__ = ["WarehouseConformance"]
