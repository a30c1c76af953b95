"""A consumer of users: reads the served view over and over, as a dashboard would, and counts what is not right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from inventory.expected import expected
from inventory.generate import generate

COLUMNS = ("user_id", "email", "full_name", "department", "status", "is_active")
QUERY = "select user_id, email, full_name, department, status, is_active from analytics.users"
PAUSE_SECONDS = 0.25
Row = tuple[Any, ...]
Reader = Callable[[], Sequence[Row]]


@dataclass(slots=True)
class Seen:
    """How often the view was read, how many rows there were, and how many of those were wrong."""

    reads: int = 0
    rows: int = 0
    wrong: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether every read was answered, by right rows alone."""
        return self.reads > 0 and not self.wrong and not self.failures


@contextmanager
def consuming(read: Reader) -> Iterator[Seen]:
    """What a consumer sees who reads while the block runs, and once more when it ends."""
    right, seen, is_over = right_rows(), Seen(), threading.Event()
    thread = threading.Thread(target=_consume, args=(read, right, seen, is_over))
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def _consume(read: Reader, right: frozenset[Row], seen: Seen, is_over: threading.Event) -> None:
    is_last = False
    while not is_last:
        is_last = is_over.wait(PAUSE_SECONDS)
        try:
            rows = read()
        except (duckdb.Error, psycopg.Error) as error:
            seen.failures.append(str(error))
            continue
        seen.reads += 1
        seen.rows += len(rows)
        seen.wrong += sum(row not in right for row in rows) + abs(len(right) - len(rows))


def right_rows() -> frozenset[Row]:
    """The right users, worked out from what the discovery service delivers and from dbt/DECISIONS.md alone."""
    data = generate(1_000, 500)
    found = expected(data.users.rows, data.applications.rows).users.select(COLUMNS)
    return frozenset(zip(*found.to_pydict().values(), strict=True))


def reader_of(folder: Path, url: str) -> Reader:
    """Reads the view in the PostgreSQL at `url`, or, without one, in the DuckDB files of the project."""

    def from_postgres() -> Sequence[Row]:
        with psycopg.connect(url) as connection:
            return connection.execute(QUERY).fetchall()

    def from_duckdb() -> Sequence[Row]:
        with duckdb.connect(folder / "warehouse" / "catalog.duckdb", read_only=True) as connection:
            return connection.execute(QUERY).fetchall()

    return from_postgres if url else from_duckdb
