"""DuckDB as a target: the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse
    from lockgate.core.ports import Clock

__all__ = ["open_duckdb"]


def open_duckdb(name: str, path: str | Path, *, clock: Clock) -> DuckDBWarehouse:
    """The target in the folder `path`; nothing is created before it is used."""
    from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout
    from lockgate.adapters.warehouses.duckdb.warehouse import DuckDBWarehouse

    return DuckDBWarehouse(name, DuckDBLayout(Path(path).absolute()), clock)
