"""Spark passes the suite that is shipped for every warehouse, on a Spark in this process's own Java."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlglot import parse_one

from lockgate.adapters.warehouses.spark import open_spark
from lockgate.testing.spark import MASTER, SMALL
from lockgate.testing.warehouses import WarehouseConformance

pytestmark = pytest.mark.slow

CLOCK = partial(datetime.now, UTC)


class Cursor:
    """What reads a query's rows one by one, as consumers of other targets do."""

    def __init__(self, warehouse):
        self._warehouse = warehouse
        self._rows = iter(())

    def execute(self, query):
        found = self._warehouse.query(parse_one(query, dialect="spark"))
        self._rows = iter([tuple(row.values()) for row in found.to_pylist()])
        return self

    def fetchone(self):
        return next(self._rows)

    def fetchall(self):
        return list(self._rows)


class TestSpark(WarehouseConformance):
    @pytest.fixture
    def open_warehouse(self, tmp_path):
        return partial(open_spark, "main", tmp_path / "ware [house]", clock=CLOCK, master=MASTER, conf=SMALL)

    @pytest.fixture
    def open_reader(self, open_warehouse):
        @contextmanager
        def opened():
            yield Cursor(open_warehouse())

        return opened
