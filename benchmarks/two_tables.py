"""Two tables of ten columns that differ in a share of their rows, in DuckDB and in PostgreSQL, and what is to be found.

Differences are spread over the whole table, or stand together in one place. Of a hundred rows that differ ten are
missing on the right and ten are extra there; of the others one column in turn has another value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from lockgate.adapters.relations.references import opened, reference
from lockgate.compare import compare
from lockgate.core.comparison import Comparison, ComparisonRequest

COLUMNS = {
    "id": "bigint",
    "customer": "integer",
    "quantity": "bigint",
    "amount": "decimal(18,6)",
    "rate": "double precision",
    "code": "text",
    "note": "text",
    "is_open": "boolean",
    "day": "date",
    "at": "timestamp",
}
MEMORY_BYTES = 4_000_000_000
_ROWS = """
select i as id, cast(hash(i) % 100000 as integer) as customer, cast(hash(i + 1) % 1000 as bigint) as quantity,
    cast(cast(hash(i + 2) % 100000000 as bigint) / 1000.0 as decimal(18, 6)) as amount,
    cast(cast(hash(i + 3) % 1000000 as bigint) / 997.0 as double) as rate,
    'C' || cast(hash(i) % 5000 as varchar) as code, 'order ' || cast(i as varchar) || ' of the day' as note,
    hash(i) % 2 = 0 as is_open, date '2020-01-01' + cast(i % 1500 as integer) as day,
    timestamp '2020-01-01 00:00:00' + to_seconds(cast(i * 37 as bigint)) as at
from range({rows}) as numbers(i)
"""
# The other value of each column, by the turn of the row among those that differ. Days and rates stay as they are:
# between PostgreSQL and DuckDB reladiff reads no dates, and takes most equal doubles for different ones.
_OTHER = {
    "customer": "customer + 1",
    "quantity": "quantity + 1",
    "amount": "amount + 0.000001",
    "code": "lower(code)",
    "note": "note || ' '",
    "is_open": "not is_open",
}


@dataclass(frozen=True, slots=True)
class Differences:
    """One row in so many differs, from `first` on, as long as the place is below `last`."""

    name: str
    every: int
    first: int = 0
    last: int | None = None

    def condition(self) -> str:
        """SQL that is true of the rows that differ."""
        last = f" and id < {self.last}" if self.last is not None else ""
        return f"(id >= {self.first}{last} and (id - {self.first}) % {self.every} = 0)"


def write(database: Path, rows: int, differences: Differences) -> None:
    """The tables `lefts` and `rights` in a new DuckDB file."""
    differing, turn = differences.condition(), f"((id - {differences.first}) // {differences.every})"
    mine = f"{differing} and {turn} % 10 >= 2 and {turn} % {len(_OTHER)}"
    others = [
        f"case when {mine} = {n} then {other} else {name} end as {name}"
        for n, (name, other) in enumerate(_OTHER.items())
    ]
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create table lefts as {_ROWS.format(rows=rows)}")
        replaced = f"select * replace ({', '.join(others)}) from lefts where not ({differing} and {turn} % 10 = 0)"
        moved = f"select * replace (id + {rows} as id) from lefts where {differing} and {turn} % 10 = 1"
        connection.execute(f"create table rights as {replaced} union all {moved}")


def into_postgres(database: Path, names: tuple[str, ...], url: str) -> None:
    """Copies tables of a DuckDB file into PostgreSQL, with a primary key, and lets it gather statistics."""
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    with duckdb.connect(str(database), read_only=True) as source, psycopg.connect(url, autocommit=True) as target:
        for name in names:
            file = database.with_name(f"{name}.csv")
            source.execute(f"copy {name} to '{file}' (header false)")
            target.execute(f"drop table if exists {name}".encode())
            target.execute(f"create table {name} ({columns})".encode())
            statement = f"copy {name} from stdin (format csv)".encode()
            with target.cursor() as cursor, cursor.copy(statement) as copying, file.open("rb") as lines:
                while chunk := lines.read(1 << 20):
                    copying.write(chunk)
            file.unlink()
            target.execute(f"alter table {name} add primary key (id)".encode())
            target.execute(f"vacuum analyze {name}".encode())


def ours(folder: Path, left: str, right: str) -> Callable[[], Comparison]:
    """A whole comparison of two references, from opening them on."""

    def run() -> Comparison:
        request = ComparisonRequest(key=("id",))
        with opened(folder, memory_bytes=MEMORY_BYTES) as opening:
            sides = (opening.side(named(left)), opening.side(named(right)))
            today = datetime.now(UTC).date()
            return compare(*sides, opening.bench, request, today=today, progress=lambda *_: None)

    return run


def named(written: str) -> Any:
    """A reference that is there."""
    found = reference(written)
    if found is None:
        raise SystemExit(f"there is no {written}")
    return found


def answer(found: Any) -> dict[str, int]:
    """What every contender must agree on."""
    columns = {one.name: one.changed for one in found.columns if one.changed}
    return {"missing": found.rows.missing, "extra": found.rows.extra, **columns}


def peer_answer(found: Any) -> dict[str, int]:
    """What a peer found."""
    return {"missing": found["missing"], "extra": found["extra"], **found["columns"]}


def hand_join(left: str, right: str) -> str:
    """What a person writes: one full outer join that counts by column."""
    values = [name for name in COLUMNS if name != "id"]
    counts = [
        f"count(case when l.id is not null and r.id is not null and l.{n} is distinct from r.{n} then 1 end) as {n}"
        for n in values
    ]
    return (
        "select count(case when r.id is null then 1 end) as missing, "
        f"count(case when l.id is null then 1 end) as extra, {', '.join(counts)} "
        f"from {left} as l full outer join {right} as r on l.id = r.id"
    )


def hand_answer(found: Any) -> dict[str, int]:
    """The row of a hand-written join."""
    row = found.to_pylist()[0] if isinstance(found, pa.Table) else found
    return {name: many for name, many in row.items() if many or name in {"missing", "extra"}}
