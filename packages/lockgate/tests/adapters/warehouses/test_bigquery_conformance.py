"""BigQuery's adapter passes the suite that is shipped for every warehouse, against a stand-in for Google's service."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlglot import parse_one

from lockgate.adapters.warehouses.bigquery import open_bigquery
from lockgate.sandbox.bigquery_api import BigQueryApi
from lockgate.testing.warehouses import WarehouseConformance

pytestmark = pytest.mark.slow

CLOCK = partial(datetime.now, UTC)


class Cursor:
    """What reads a query's rows one by one, as consumers of other targets do."""

    def __init__(self, warehouse):
        self._warehouse = warehouse
        self._rows = iter(())

    def execute(self, query):
        found = self._warehouse.query(parse_one(query, dialect="bigquery"))
        self._rows = iter([tuple(row.values()) for row in found.to_pylist()])
        return self

    def fetchone(self):
        return next(self._rows)

    def fetchall(self):
        return list(self._rows)


class TestBigQuery(WarehouseConformance):
    decimals_keep_zeros = False

    @pytest.fixture
    def open_warehouse(self):
        with BigQueryApi(location="EU") as api:
            yield partial(
                open_bigquery,
                "main",
                clock=CLOCK,
                project=api.project,
                location="EU",
                credentials=json.dumps(api.service_account()),
                api_endpoint=api.url,
                lease=timedelta(seconds=3),
            )

    @pytest.fixture
    def open_reader(self, open_warehouse):
        @contextmanager
        def opened():
            yield Cursor(open_warehouse())

        return opened
