"""What a view with two arms costs: point lookup by key, full scan and aggregate, beside the bare table of an edition.

Ours is the served view at shares of 0 %, 5 % and 100 %; the peer is the one edition that a consumer would read without
it. At 5 % the view reads two editions of a million rows each. The script ends with how long a roll-back takes while
readers in open transactions hold cursors on the view: on PostgreSQL one updated row, on DuckDB a new catalog.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
import psycopg
from sqlglot import parse_one

from harness import ROUNDS, Case, Contender, main
from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.adapters.warehouses.postgres import open_postgres
from lockgate.core.ports import Warehouse
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import Publication, Route, Stage
from lockgate.core.types import ColumnType
from lockgate.sandbox.postgres import start_postgres

ROWS = 1_000_000
LOOKUPS = 200
READERS = 20
SHARES = {"0 %": 0, "5 %": 500, "100 %": 10_000}
SERVED = Relation("analytics", "users")
COLUMNS = {"user_id": "bigint", "customer": "bigint", "amount": "numeric(12,2)", "label": "text", "day": "date"}
CONTRACT = Contract(tuple(Column(name, ColumnType.parse(type_)) for name, type_ in COLUMNS.items()), ("user_id",))
BUILT = f"""SELECT CAST(i AS bigint) AS user_id, CAST(i % 100003 AS bigint) AS customer,
    CAST(i % 100000 AS decimal(12, 2)) AS amount, 'order ' || CAST(i AS text) AS label,
    CAST('2020-01-01' AS date) + CAST(i % 1500 AS integer) AS day FROM generate_series(1, {ROWS}) AS series(i)"""
# One text for both engines; a parameter is written `$1` in DuckDB and `%s` in psycopg.
LOOKUP = "SELECT user_id, customer, amount, label, day FROM {relation} WHERE user_id = {parameter}"
SCAN = "SELECT user_id, customer, amount, label, day FROM {relation} OFFSET 999999"
AGGREGATE = "SELECT day, count(*), sum(amount), min(label) FROM {relation} GROUP BY day ORDER BY day"


@dataclass(frozen=True, slots=True)
class Target:
    """A warehouse with both implementations published, and a way to read it as a consumer does."""

    name: str
    version: str
    warehouse: Warehouse
    connect: Callable[[], Any]
    parameter: str

    def set_share(self, share: int) -> int:
        """Makes the candidate answer for that many buckets; the route's new token."""
        stored = self.warehouse.route("users") or Route("users", "rules", "dbt", Stage.CANARY, share, 0)
        return self.warehouse.set_route(replace(stored, share=share)).token


def published(target: Target) -> dict[str, Relation]:
    """Publishes both implementations; the relation of each one's edition."""
    token = target.set_share(0)
    places = {}
    for name in ("rules", "dbt"):
        built = Relation(f"analytics__{name}", "fct_users")
        with target.warehouse.workshop(built.schema) as workshop:
            workshop.build(built.name, parse_one(BUILT, dialect=workshop.dialect))
        given = Publication("users", name, CONTRACT, built, SERVED, token, datetime.now(UTC))
        places[name] = target.warehouse.edition_relation(SERVED, target.warehouse.publish(given))
    return places


def contender(target: Target, work: str, relation: Relation, share: int, *, is_view: bool) -> Contender:
    """The work on one relation, on a connection that is opened before, so that DuckDB finds the share's catalog."""
    opened: list[Any] = []
    query = {"lookup": LOOKUP, "scan": SCAN, "aggregate": AGGREGATE}[work].format(
        relation=relation, parameter=target.parameter
    )
    keys = [1 + number * (ROWS // LOOKUPS) for number in range(LOOKUPS)]

    def before() -> None:
        if is_view:
            target.set_share(share)
        while opened:
            opened.pop().close()
        opened.append(target.connect())

    def run() -> list[Any]:
        (connection,) = opened
        if work == "lookup":
            return [connection.execute(query, [key]).fetchone() for key in keys]
        return connection.execute(query).fetchall()

    name = f"view at {share / 100:g} %" if is_view else "bare edition"
    return Contender(name, target.version, run, len if work == "scan" else None, before)


def cases(target: Target) -> Iterator[Case]:
    """The three sorts of work at each share; the peer is the edition that answers for most keys."""
    places = published(target)
    for work, told in (("lookup", f"{LOOKUPS} lookups"), ("scan", "full scan"), ("aggregate", "aggregate")):
        for written, share in SHARES.items():
            peer = places["dbt" if share == SHARES["100 %"] else "rules"]
            view = contender(target, work, SERVED, share, is_view=True)
            yield Case(
                f"{target.name}, {told} at {written}", (view, contender(target, work, peer, share, is_view=False))
            )


def roll_backs(target: Target) -> str:
    """How long a roll-back takes, alone and beside readers in open transactions, as text."""
    told = []
    for readers in (0, READERS):
        seconds = []
        for _ in range(ROUNDS):
            target.set_share(10_000)
            with ExitStack() as opened:
                for _ in range(readers):
                    opened.enter_context(reading(target))
                began = perf_counter()
                target.set_share(0)
                seconds.append(perf_counter() - began)
        told.append(f"{statistics.median(seconds) * 1000:.1f} ms beside {readers} readers (max {max(seconds):.3f} s)")
    return f"{target.name}: roll-back {', '.join(told)}"


@contextmanager
def reading(target: Target) -> Iterator[None]:
    """A reader who has fetched the first row of the view and stays in the middle of it."""
    connection = target.connect()
    try:
        query = f"SELECT label FROM {SERVED}"
        if isinstance(connection, duckdb.DuckDBPyConnection):
            connection.execute(query).fetchone()
        else:
            connection.execute("BEGIN")
            connection.cursor(name="held_open").execute(query).fetchone()
        yield
    finally:
        connection.close()


def duckdb_target(folder: Path) -> Target:
    """A target in a folder; a consumer opens its catalog read-only."""

    def connect() -> Any:
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{folder / 'catalog.duckdb'}' AS target (READ_ONLY)")
        connection.execute("USE target")
        return connection

    warehouse = open_duckdb("main", folder, clock=lambda: datetime.now(UTC))
    return Target("DuckDB", duckdb.__version__, warehouse, connect, "$1")


def postgres_target(url: str) -> Target:
    """A target in a database."""
    with psycopg.connect(url) as connection:
        told = str(connection.info.server_version // 10000)
    warehouse = open_postgres("main", url, clock=lambda: datetime.now(UTC))
    return Target("PostgreSQL", told, warehouse, lambda: psycopg.connect(url, autocommit=True), "%s")


def measured(folder: Path) -> int:
    """Runs every case on both targets; the harness's exit code."""
    server = start_postgres(folder / "postgres")
    try:
        targets = (duckdb_target(folder / "warehouse"), postgres_target(server.url))
        for target in targets:
            target.warehouse.prepare()
        code = main("two_arms", [case for target in targets for case in cases(target)])
        for target in targets:
            print(roll_backs(target), file=sys.stderr, flush=True)
            target.warehouse.close()
        return code
    finally:
        server.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        code = measured(Path(scratch))
    sys.exit(code)
