"""P9: a million rows of CSV, Parquet and NDJSON into a DuckDB target.

Ours is a whole load: types inferred, every value checked against them, quarantine, positions, load ledger, the file's
digest, landing. The floor is CREATE TABLE AS into a database file. dlt loads Arrow batches of pyarrow's readers as
Parquet, and, for a part of the rows, dictionaries in its default way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from sqlglot import exp

from harness import Case, Contender, Goal, main
from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.core.load import pin_of
from lockgate.core.relation import Relation
from orders import ROWS, forget, load, write_orders

PART = 0.01
FACTS = (
    "count(*) as a",
    "count(distinct id) as b",
    "round(cast(sum(cost) as double), 2) as c",
    "left(cast(min(created_at) as varchar), 19) as d",
    "left(cast(max(hired_on) as varchar), 10) as e",
    "count(distinct full_name) as f",
)
RAW = Relation("raw", "orders")
READERS = {"csv": "read_csv", "parquet": "read_parquet", "ndjson": "read_json"}


def ours(form: str, folder: Path) -> Contender:
    """A load of a file whose types nobody declared."""
    target = folder / "ours"
    warehouse = open_duckdb("main", target, clock=lambda: datetime.now(UTC))

    def before() -> None:
        shutil.rmtree(target, ignore_errors=True)
        forget(folder)
        warehouse.prepare()

    def answer(_: object) -> object:
        warehouse.move_pins([pin_of(RAW, warehouse.landed(RAW))])
        query = exp.select(*FACTS, dialect="duckdb").from_("raw.orders")
        return tuple(map(str, warehouse.query(query).to_pylist()[0].values()))

    return Contender(
        "lockgate", version("lockgate"), lambda: load(form, folder, warehouse, declared=False), answer, before
    )


def ctas(form: str, folder: Path) -> Contender:
    """CREATE TABLE AS, into a file."""
    path = folder / "ctas.duckdb"

    def run() -> None:
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE orders AS SELECT * FROM {READERS[form]}('{folder / f'orders.{form}'}')")

    return Contender(
        "CREATE TABLE AS", version("duckdb"), run, lambda _: facts(path, "orders"), lambda: path.unlink(missing_ok=True)
    )


def facts(path: Path, table: str) -> object:
    """What every contender must agree on."""
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute(f"SELECT {', '.join(FACTS)} FROM {table}").fetchone() or ()
    return tuple(map(str, row))


def batches(form: str, folder: Path) -> Iterator[pa.RecordBatch]:
    """The file as pyarrow reads it."""
    path = folder / f"orders.{form}"
    if form == "csv":
        yield from pyarrow.csv.open_csv(path)
    elif form == "parquet":
        yield from pyarrow.parquet.ParquetFile(path).iter_batches(100_000)
    else:
        yield from pyarrow.json.read_json(path).to_batches(100_000)


def dlt(form: str, folder: Path, *, arrow: bool) -> Contender:
    """A dlt pipeline of Arrow batches, or of dictionaries (a part of the rows, too slow to wait for)."""
    path = folder / "dlt.duckdb"

    def items() -> Iterator[Any]:
        if arrow:
            yield from batches(form, folder)
        else:
            yield from next(batches(form, folder)).slice(0, int(ROWS * PART)).to_pylist()

    def run() -> None:
        pipeline(folder / "dlt", duckdb_destination(path), items, "parquet" if arrow else None)

    def before() -> None:
        path.unlink(missing_ok=True)
        shutil.rmtree(folder / "dlt", ignore_errors=True)

    answer: Callable[[object], object] | None = (lambda _: facts(path, "bench.orders")) if arrow else None
    name = "dlt arrow" if arrow else "dlt default"
    return Contender(name, version("dlt"), run, answer, before, 1.0 if arrow else PART)


def duckdb_destination(path: Path) -> object:
    """A file as a destination of dlt."""
    import dlt as vendor

    return vendor.destinations.duckdb(str(path))


def pipeline(folder: Path, destination: object, items: Callable[[], Iterator[Any]], form: str | None) -> None:
    """One run of a dlt pipeline into the dataset `bench`."""
    import dlt as vendor

    made = vendor.pipeline("bench", pipelines_dir=str(folder), destination=destination, dataset_name="bench")
    made.run(items, table_name="orders", write_disposition="replace", loader_file_format=form)


def case(form: str, folder: Path) -> Case:
    """All contenders for one format."""
    contenders = (ours(form, folder), ctas(form, folder), dlt(form, folder, arrow=True), dlt(form, folder, arrow=False))
    return Case(f"{ROWS:,} rows of {form} into DuckDB", contenders, (Goal("CREATE TABLE AS", at_most=1.3),))


if __name__ == "__main__":
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    with TemporaryDirectory() as scratch:
        write_orders(Path(scratch))
        raise SystemExit(main("p9_load_duckdb", [case(form, Path(scratch)) for form in READERS]))
