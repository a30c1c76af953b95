"""Where a DuckDB target keeps what only DuckDB has: a catalog, and a database for each workshop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lockgate.adapters.warehouses.folder.layout import Layout


@dataclass(frozen=True, slots=True)
class DuckDBLayout(Layout):
    """The paths of a DuckDB target."""

    @property
    def catalog(self) -> Path:
        """The database of views that readers open."""
        return self.folder / "catalog.duckdb"

    def workshop_database(self, name: str) -> Path:
        """A workshop's database. DuckDB calls it by the file's stem, which must not be a schema's name."""
        return self.workshop(name) / "workshop.duckdb"
