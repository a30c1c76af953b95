"""P1: the difference of two tables of ten columns in one DuckDB file, a million and ten million rows.

Ours is a whole comparison: schema, keys proven, counts by column, samples, causes. By hand it is one full outer join
that gives the same counts and nothing else. datacompy reads both tables into polars and makes its report; ten million
rows take it more memory than a small machine has, so it is measured on one million.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from compare_peers import Peers
from harness import Case, Contender, Goal, main
from two_tables import Differences, answer, hand_answer, hand_join, ours, peer_answer, write

MILLION = 1_000_000
SCATTERED = Differences("0.15 % scattered", every=667)


def by_hand(database: Path) -> Contender:
    """One full outer join, in a connection of its own."""

    def run() -> object:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{database}' as tables (read_only)")
            return connection.sql(hand_join("tables.lefts", "tables.rights")).to_arrow_table()

    return Contender("hand-written join", duckdb.__version__, run, hand_answer)


def datacompy(peers: Peers, database: Path) -> Contender:
    """Tables read into polars, datacompy's report."""

    def run() -> object:
        return peers.found("datacompy", database=str(database), left="lefts", right="rights", key=["id"])

    return Contender("datacompy", peers.versions["datacompy"], run, peer_answer)


def case(peers: Peers, folder: Path, rows: int) -> Case:
    """All contenders for so many rows."""
    database = folder / f"rows_{rows}.duckdb"
    write(database, rows, SCATTERED)
    us = ours(folder / "bench", f"{database}::main.lefts", f"{database}::main.rights")
    contenders = [Contender("lockgate", version("lockgate"), us, answer), by_hand(database)]
    goals = [Goal("hand-written join", at_most=1.3)]
    if rows <= MILLION:
        contenders.append(datacompy(peers, database))
        goals.append(Goal("datacompy", at_least=3))
    return Case(f"{rows:,} rows, {SCATTERED.name}", tuple(contenders), tuple(goals))


if __name__ == "__main__":
    company = Peers()
    with TemporaryDirectory() as scratch:
        cases = (case(company, Path(scratch), rows) for rows in (MILLION, 10 * MILLION))
        code = main("p1_diff_duckdb", cases)
    company.close()
    sys.exit(code)
