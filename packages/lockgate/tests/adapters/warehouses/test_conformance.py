"""Both warehouses pass the suite that is shipped for every warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest

from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.testing.warehouses import WarehouseConformance

CLOCK = partial(datetime.now, UTC)


class TestDuckDB(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, tmp_path):
        return partial(open_duckdb, "main", tmp_path / "ware [house]", clock=CLOCK)


class TestPostgres(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, postgres_url):
        return partial(open_postgres, "main", postgres_url, clock=CLOCK)
