"""A million orders in the formats that loads read, and a whole load of them as `lockgate load` does it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from lockgate.adapters.registry import SOURCES, adapter
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column
from lockgate.core.run import Bounds
from lockgate.core.stream import Source, Stream
from lockgate.core.types import ColumnType
from lockgate.ingest import LoadPorts, load_stream
from lockgate.store import open_store

ROWS = 1_000_000
TYPES = {
    "id": "bigint",
    "email": "text",
    "full_name": "text",
    "department": "integer",
    "status": "text",
    "hired_on": "date",
    "created_at": "timestamp",
    "cost": "numeric(12,2)",
    "score": "double precision",
    "is_active": "boolean",
}
FACTS = "count(*), count(distinct id), sum(cost), min(created_at), max(hired_on), count(distinct full_name)"
_ORDERS = """
    CREATE TABLE orders AS SELECT
        i AS id, 'user' || i || '@example.com' AS email, 'Name ' || (hash(i) % 100000) AS full_name,
        (hash(i * 7) % 50)::int AS department, ['active', 'left', 'new'][1 + (hash(i * 3) % 3)::int] AS status,
        DATE '2020-01-01' + (hash(i) % 2000)::int AS hired_on,
        TIMESTAMP '2024-01-01' + to_seconds((hash(i * 11) % 50000000)::bigint) AS created_at,
        ((hash(i * 13) % 1000000) / 100)::decimal(12, 2) AS cost, (hash(i * 17) % 1000000) / 7 AS score,
        hash(i) % 2 = 0 AS is_active
    FROM range(?) numbers(i)
"""


def write_orders(folder: Path) -> None:
    """`orders.csv`, `orders.parquet` and `orders.ndjson`, of the same rows."""
    with duckdb.connect() as connection:
        connection.execute(_ORDERS, [ROWS])
        for name, form in (("csv", "csv, header"), ("parquet", "parquet"), ("ndjson", "json")):
            connection.execute(f"COPY orders TO '{folder / f'orders.{name}'}' (FORMAT {form})")


class NoSecrets:
    """Knows none."""

    def resolve(self, reference: str) -> str:
        """The text itself."""
        return reference


def load(form: str, folder: Path, warehouse: Warehouse, *, declared: bool) -> None:
    """One whole load: files looked at, staged, landed, remembered."""
    columns = tuple(Column(name, ColumnType.parse(type_)) for name, type_ in TYPES.items()) if declared else ()
    stream = Stream("orders", columns=columns, options={"path": f"orders.{form}"})
    source = Source("files", form, (stream,), options={"path": str(folder)})
    state = folder / "state"
    store = open_store(f"sqlite:///{state / 'control.db'}", project="bench", target="main")
    reader = adapter(SOURCES, form)(source, NoSecrets(), folder)
    ports = LoadPorts(reader, DuckDBStager(), store.loads, warehouse, state / "loads", lambda: datetime.now(UTC))
    load_stream(source, stream, ports, Bounds())
    store.close()


def forget(folder: Path) -> None:
    """Removes what the loads before remember."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    (folder / "state").mkdir()
