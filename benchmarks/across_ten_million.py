"""Ten million rows of ten columns in PostgreSQL and in DuckDB: the seconds and the memory of the whole command.

The goals are absolute: at most 15 s and 1.5 GB, and many differences take at most twice as long as few. What PostgreSQL
itself takes is not counted. Needs 12 GB of disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from lockgate.sandbox.postgres import start_postgres
from two_tables import Differences, into_postgres, write

ROWS = 10_000_000
FEW, MANY = Differences("0.15 % scattered", every=667), Differences("20 %", every=5)
MOST_SECONDS, MOST_BYTES, MOST_TIMES = 15.0, 1_500_000_000, 2.0


def measured(url: str, database: Path) -> tuple[float, int, dict[str, object]]:
    """Seconds, the peak of the process's memory in bytes, and what it found."""
    program = Path(sys.executable).with_name("lockgate")
    command = [program, "compare", f"{url}::public.lefts", f"{database}::main.rights", "--key", "id", "--json"]
    began = perf_counter()
    with database.with_suffix(".json").open("w+b") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        said.seek(0)
        return seconds, usage.ru_maxrss * 1024, json.load(said)


def run(folder: Path, url: str) -> int:
    """Measures both cases, and prints them: 1 where a goal is missed."""
    database, seconds, missed = folder / "tables.duckdb", {}, 0
    for case in (FEW, MANY):
        write(database, ROWS, case)
        into_postgres(database, ("lefts",), url)
        took, peak, found = measured(url, database)
        seconds[case.name] = took
        missed += (took > MOST_SECONDS) + (peak > MOST_BYTES)
        rows = found["rows"]
        print(f"{case.name}: {took:.1f} s, {peak / 1e9:.2f} GB, by {found['method']}, {rows}", flush=True)
    times = seconds[MANY.name] / seconds[FEW.name]
    print(f"many differences take {times:.2f} times as long as few")
    return int(missed > 0 or times > MOST_TIMES)


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        server = start_postgres(Path(scratch) / "postgres")
        try:
            code = run(Path(scratch), server.url)
        finally:
            server.stop()
    sys.exit(code)
