"""P8: a million rows of CSV into PostgreSQL.

Ours is a whole load: every value checked against its declared type, quarantine, positions, load ledger, the file's
digest, one transaction that lands it all. The floor is COPY of the file as it lies into a new table. dlt loads Arrow
batches of pyarrow's CSV reader by the loader file format CSV, the fastest it documents for PostgreSQL, and, for a part
of the rows, dictionaries in its default way.
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
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from harness import Case, Contender, Goal, main
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.sandbox.postgres import start_postgres
from orders import FACTS, ROWS, TYPES, forget, load, write_orders
from p9_load_duckdb import PART, batches, pipeline

CHUNK = 1 << 20


def database(server: str, name: str) -> str:
    """The address of a database that is made anew."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.execute("CHECKPOINT")
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def facts(address: str, table: str) -> object:
    """What every contender must agree on."""
    with psycopg.connect(address) as connection:
        return connection.execute(f"SELECT {FACTS} FROM {table}").fetchone()


def ours(server: str, folder: Path) -> Contender:
    """A load of a file whose types are declared."""
    address = urlsplit(server)._replace(path="/ours").geturl()

    def before() -> None:
        database(server, "ours")
        forget(folder)
        warehouse = open_postgres("main", url=address, clock=lambda: datetime.now(UTC))
        warehouse.prepare()
        warehouse.close()

    def run() -> None:
        warehouse = open_postgres("main", url=address, clock=lambda: datetime.now(UTC))
        load("csv", folder, warehouse, declared=True)
        warehouse.close()

    return Contender("lockgate", version("lockgate"), run, lambda _: facts(address, "raw__log.orders"), before)


def copy(server: str, folder: Path) -> Contender:
    """COPY into a new table, in one transaction."""
    address = urlsplit(server)._replace(path="/copied").geturl()
    columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())

    def run() -> None:
        with psycopg.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE orders ({columns})")
            statement = "COPY orders FROM STDIN (FORMAT csv, HEADER)"
            with cursor.copy(statement) as copying, (folder / "orders.csv").open("rb") as file:
                while chunk := file.read(CHUNK):
                    copying.write(chunk)

    with psycopg.connect(server) as connection:
        told = str(connection.info.server_version // 10000)
    return Contender("COPY", told, run, lambda _: facts(address, "orders"), lambda: database(server, "copied"))


def dlt(server: str, folder: Path, *, arrow: bool) -> Contender:
    """A dlt pipeline of Arrow batches, or of dictionaries (a part of the rows, too slow to wait for)."""
    address = urlsplit(server)._replace(path="/dlt").geturl()

    def items() -> Iterator[Any]:
        if arrow:
            yield from batches("csv", folder)
        else:
            yield from next(batches("csv", folder)).slice(0, int(ROWS * PART)).to_pylist()

    def run() -> None:
        import dlt as vendor

        pipeline(folder / "dlt", vendor.destinations.postgres(address), items, "csv" if arrow else None)

    def before() -> None:
        database(server, "dlt")
        shutil.rmtree(folder / "dlt", ignore_errors=True)

    answer: Callable[[object], object] | None = (lambda _: dlt_facts(address)) if arrow else None
    return Contender(
        "dlt arrow" if arrow else "dlt default", version("dlt"), run, answer, before, 1.0 if arrow else PART
    )


def dlt_facts(address: str) -> object:
    """The same facts; dlt stores costs as floating-point numbers and instants with a zone."""
    values = "id, cost::numeric(12,2), created_at AT TIME ZONE 'UTC' AS created_at, hired_on, full_name"
    table = f"(SELECT {values} FROM bench.orders) o"
    return facts(address, table)


def case(server: str, folder: Path) -> Case:
    """All contenders."""
    contenders = (
        ours(server, folder),
        copy(server, folder),
        dlt(server, folder, arrow=True),
        dlt(server, folder, arrow=False),
    )
    goals = (Goal("COPY", at_most=1.4), Goal("dlt arrow", at_least=1.5))
    return Case(f"{ROWS:,} rows of CSV into PostgreSQL", contenders, goals)


if __name__ == "__main__":
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    with TemporaryDirectory() as scratch:
        write_orders(Path(scratch))
        server = start_postgres(Path(scratch) / "postgres")
        try:
            code = main("p8_load_postgres", [case(server.url, Path(scratch))])
        finally:
            server.stop()
        raise SystemExit(code)
