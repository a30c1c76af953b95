"""Both warehouses pass the suite that is shipped for every warehouse."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import duckdb
import psycopg
import pytest

from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.testing.warehouses import WarehouseConformance

CLOCK = partial(datetime.now, UTC)


class TestDuckDB(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, tmp_path):
        return partial(open_duckdb, "main", tmp_path / "ware [house]", clock=CLOCK)

    @pytest.fixture
    def open_reader(self, tmp_path):
        @contextmanager
        def opened():
            with duckdb.connect() as connection:
                connection.execute(
                    "ATTACH ? AS target (READ_ONLY)", [str(tmp_path / "ware [house]" / "catalog.duckdb")]
                )
                connection.execute("USE target")
                yield connection

        return opened


class TestPostgres(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, postgres_url):
        return partial(open_postgres, "main", postgres_url, clock=CLOCK)

    @pytest.fixture
    def open_reader(self, postgres_url):
        @contextmanager
        def opened():
            with psycopg.connect(postgres_url) as connection, connection.cursor(name="held_open") as cursor:
                yield cursor

        return opened
