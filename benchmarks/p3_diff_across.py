"""P3: the difference of a table in PostgreSQL and one in DuckDB, a million rows, at four shares of rows that differ.

The floor is one Arrow read of PostgreSQL's table. The plain way streams it into DuckDB and joins by hand. reladiff
bisects by hashes (hashdiff), over the columns that it can compare there; where much differs it is measured on a part of
the keys, too slow to wait for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from compare_peers import Peers
from harness import Case, Contender, Goal, main
from lockgate.adapters.warehouses.postgres.bulk import bulk_session
from lockgate.sandbox.postgres import start_postgres
from two_tables import COLUMNS, Differences, answer, hand_answer, hand_join, into_postgres, ours, peer_answer, write

ROWS = 1_000_000
BATCH_BYTES = 16 * 1024 * 1024
PARTS = {"0.15 % scattered": 1.0, "20 %": 0.1}
MOST_MOVED = 0.01
UNREAD = ("day", "rate")  # see two_tables
CASES = (
    Differences("0 %", every=ROWS, first=ROWS),
    Differences("0.15 % scattered", every=667),
    Differences("0.15 % clustered", every=1, first=400_000, last=401_500),
    Differences("20 %", every=5),
)
# PostgreSQL's decimals come as text: DuckDB reads them.
_SENT = ", ".join(f"cast({name} as text) as {name}" if "decimal" in type_ else name for name, type_ in COLUMNS.items())
_KEPT = ", ".join(f'cast("{name}" as {type_}) as "{name}"' for name, type_ in COLUMNS.items())


def floor(url: str) -> Contender:
    """Every row of PostgreSQL's table in Arrow."""

    def run() -> int:
        with bulk_session(url) as bulk, bulk.reader(f"select {_SENT} from lefts", batch_bytes=BATCH_BYTES) as reader:
            return sum(batch.num_rows for batch in reader)

    return Contender("Arrow read", version("adbc-driver-postgresql"), run)


def plain(url: str, database: Path) -> Contender:
    """The table streamed into DuckDB, and one full outer join there."""

    def run() -> object:
        with duckdb.connect() as connection, bulk_session(url) as bulk:
            connection.execute(f"attach '{database}' as tables (read_only)")
            with bulk.reader(f"select {_SENT} from lefts", batch_bytes=BATCH_BYTES) as reader:
                connection.register("arriving", reader)
                connection.execute(f"create temp table arrived as select {_KEPT} from arriving")
            return connection.sql(hand_join("arrived", "tables.rights")).to_arrow_table()

    return Contender("stream and join", duckdb.__version__, run, hand_answer)


def reladiff(peers: Peers, url: str, database: Path, differences: Differences) -> Contender:
    """Reladiff's bisection, two threads a side.

    Raises:
        SystemExit: it fails, or finds something else in its part of the keys than is there.
    """
    part = PARTS.get(differences.name, 1.0)
    its_own = database.with_name(f"reladiff {CASES.index(differences)}.duckdb")  # it locks what it reads
    shutil.copy(database, its_own)

    below = int(ROWS * part) if part < 1 else None
    there = planted(database, below)

    def run() -> object:
        sides = {"left": [url, "lefts"], "right": [f"duckdb://{its_own}", "rights"]}
        columns = [name for name in COLUMNS if name not in UNREAD]
        asked = {"key": ["id"], "columns": columns, "algorithm": "hashdiff", "below": below}
        found = peers.found("reladiff", **sides, **asked)
        if peer_answer(found) != there:
            raise SystemExit(f"{differences.name}: reladiff found {peer_answer(found)} of {there}")
        return found

    check = peer_answer if part == 1 else None
    return Contender("reladiff hashdiff", peers.versions["reladiff"], run, check, part=part)


def planted(database: Path, below: int | None) -> dict[str, int]:
    """What differs between the tables, of keys below a number."""
    rows = "(select * from {}" + (f" where id < {below})" if below is not None else ")")
    with duckdb.connect(str(database), read_only=True) as connection:
        query = hand_join(rows.format("lefts"), rows.format("rights"))
        return hand_answer(connection.sql(query).to_arrow_table())


def case(peers: Peers, folder: Path, url: str, differences: Differences) -> Case:
    """All contenders at one share of rows that differ.

    Raises:
        SystemExit: more than a hundredth of an equal table was moved.
    """
    database = folder / "tables.duckdb"
    write(database, ROWS, differences)
    into_postgres(database, ("lefts",), url)
    us = ours(folder / "bench", f"{url}::public.lefts", f"{database}::main.rights")
    if differences.name == "0 %" and us().rows_moved > MOST_MOVED * ROWS:
        raise SystemExit("more than a hundredth of an equal table was moved")
    contenders = (
        Contender("lockgate", version("lockgate"), us, answer),
        floor(url),
        plain(url, database),
        reladiff(peers, url, database, differences),
    )
    goals = (
        *([Goal("Arrow read", at_most=1.5)] if "scattered" in differences.name else ()),
        Goal("stream and join", at_most=1.3),
        *([Goal("reladiff hashdiff", at_least=8)] if "scattered" in differences.name else ()),
    )
    return Case(f"{ROWS:,} rows, PostgreSQL and DuckDB, {differences.name}", contenders, goals)


def cases(folder: Path, url: str) -> Iterator[Case]:
    """The cases one after another, each with a new process of the peers: reladiff keeps its tables locked."""
    for differences in CASES:
        peers = Peers()
        try:
            yield case(peers, folder, url, differences)
        finally:
            peers.close()


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        server = start_postgres(Path(scratch) / "postgres")
        try:
            code = main("p3_diff_across", cases(Path(scratch), server.url))
        finally:
            server.stop()
    sys.exit(code)
