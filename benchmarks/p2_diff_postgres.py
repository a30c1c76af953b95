"""P2: the difference of two tables of ten columns in one PostgreSQL database, a million rows.

Ours is a whole comparison, joined where the rows are. By hand it is one full outer join that gives the same counts and
nothing else. reladiff joins in the database too (joindiff).
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.rows import dict_row

from compare_peers import Peers
from harness import Case, Contender, Goal, main
from lockgate.sandbox.postgres import start_postgres
from two_tables import COLUMNS, Differences, answer, hand_answer, hand_join, into_postgres, ours, peer_answer, write

ROWS = 1_000_000
SCATTERED = Differences("0.15 % scattered", every=667)


def by_hand(url: str) -> Contender:
    """One full outer join."""

    def run() -> object:
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(hand_join("lefts", "rights").encode()).fetchone()

    with psycopg.connect(url) as connection:
        told = str(connection.info.server_version // 10000)
    return Contender("hand-written join", told, run, hand_answer)


def reladiff(peers: Peers, url: str) -> Contender:
    """Reladiff's join in the database, validating keys as it does by default."""

    def run() -> object:
        sides = {"left": [url, "lefts"], "right": [url, "rights"]}
        return peers.found("reladiff", **sides, key=["id"], columns=list(COLUMNS), algorithm="joindiff")

    return Contender("reladiff joindiff", peers.versions["reladiff"], run, peer_answer)


def case(peers: Peers, folder: Path, url: str) -> Case:
    """All contenders."""
    database = folder / "tables.duckdb"
    write(database, ROWS, SCATTERED)
    into_postgres(database, ("lefts", "rights"), url)
    us = ours(folder / "bench", f"{url}::public.lefts", f"{url}::public.rights")
    contenders = (Contender("lockgate", version("lockgate"), us, answer), by_hand(url), reladiff(peers, url))
    goals = (Goal("hand-written join", at_most=1.3), Goal("reladiff joindiff", at_least=3))
    return Case(f"{ROWS:,} rows in PostgreSQL, {SCATTERED.name}", contenders, goals)


if __name__ == "__main__":
    company = Peers()
    with TemporaryDirectory() as scratch:
        server = start_postgres(Path(scratch) / "postgres")
        try:
            code = main("p2_diff_postgres", [case(company, Path(scratch), server.url)])
        finally:
            server.stop()
            company.close()
    sys.exit(code)
