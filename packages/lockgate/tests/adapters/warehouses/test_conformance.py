"""Both warehouses pass the suite that is shipped for every warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest

from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.testing.warehouses import WarehouseConformance


def noon() -> datetime:
    return datetime(2024, 2, 29, 12, tzinfo=UTC)


class TestDuckDB(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, tmp_path):
        return partial(open_duckdb, "main", tmp_path / "ware [house]", clock=noon)


class TestPostgres(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, postgres_url):
        return partial(open_postgres, "main", postgres_url, clock=noon)
