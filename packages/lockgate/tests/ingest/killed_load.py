"""Kills a load at each of its steps, runs it again, and prints what the target then holds; a child process a load.

Called with a folder, `count` or the numbers of the steps to be killed at, as `python killed_load.py FOLDER 3 7`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockgate.adapters.sources.files import open_ndjson
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.adapters.warehouses.duckdb import open_duckdb
from lockgate.core.load import pin_of
from lockgate.core.run import Bounds
from lockgate.core.stream import Source, Stream
from lockgate.ingest import LoadPorts, load_stream
from lockgate.store import open_store

FILES = {
    "a.ndjson": [{"id": 1, "n": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2, "at": "2024-01-02T00:00:00Z"}],
    "b.ndjson": [{"id": 3, "n": 1.5, "at": "2024-01-03T00:00:00Z"}, {"id": "x", "at": "2024-01-04T00:00:00Z"}],
    "c.ndjson": [{"id": 5, "n": 2, "at": "2024-01-05T00:00:00Z", "new": "ü"}],
}
LATER = [{"id": 6, "n": 7, "at": "2024-01-06T00:00:00Z"}]


class Steps:
    """Counts the steps of a process, and kills it before the one that is asked for."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.taken = 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function):
        def stepped(*arguments, **words):
            self.step()
            result = function(*arguments, **words)
            self.step()
            return result

        return stepped


class Stepped:
    """A port each of whose calls is two steps: before and after."""

    def __init__(self, port, steps: Steps) -> None:
        self._port = port
        self._steps = steps

    def __getattr__(self, name):
        return self._steps.around(getattr(self._port, name))


class Environment:
    """No secrets."""

    def resolve(self, reference: str) -> str:
        return reference


def load(folder: Path, cursor: str | None, steps: Steps) -> None:
    """One load with steps around every port's call, every rename and every sync to the disk."""
    stream = Stream("things", key=("id",), cursor=cursor, lookback=timedelta(days=2), options={"path": "*.ndjson"})
    source = Source("s", "ndjson", (stream,), options={"path": str(folder / "files")})
    store = open_store(f"sqlite:///{folder / 'control.db'}", project="p", target="main")
    warehouse = open_duckdb("main", folder / "warehouse", clock=lambda: datetime.now(UTC))
    warehouse.prepare()
    Path.replace, os.fsync = steps.around(Path.replace), steps.around(os.fsync)  # type: ignore[method-assign]
    shutil.rmtree = steps.around(shutil.rmtree)  # type: ignore[assignment]
    ports = LoadPorts(
        reader=open_ndjson(source, Environment(), folder),
        stager=Stepped(DuckDBStager(), steps),
        ledger=Stepped(store.loads, steps),
        landings=Stepped(warehouse, steps),
        folder=folder / "loads",
        clock=lambda: datetime.now(UTC),
    )
    load_stream(source, stream, ports, Bounds())


def held(folder: Path) -> dict:
    """What the target and the ledger hold."""
    warehouse = open_duckdb("main", folder / "warehouse", clock=lambda: datetime.now(UTC))
    store = open_store(f"sqlite:///{folder / 'control.db'}", project="p", target="main")
    relation = Source("s", "ndjson", ()).relation(Stream("things"))
    landed = warehouse.landed(relation)
    from sqlglot import exp

    from lockgate.core.sql import table

    pin = pin_of(relation, landed)
    warehouse.move_pins([pin] if pin else [])
    rows = warehouse.query(exp.select("*").from_(table(relation))).to_pylist()
    numbers = {load.load_id: place for place, load in enumerate(landed)}
    statuses = [load.status for load in store.loads.loads()]
    left = [str(path) for path in (folder / "loads").glob("*")] if (folder / "loads").exists() else []
    return {
        "rows": sorted([numbers[row.pop("_load_id")], row.pop("_row"), sorted(row.items())] for row in rows),
        "rejects": sorted([one.position, one.column, one.record] for one in warehouse.quarantined(relation)),
        "landed": [[load.mode, load.rows, load.rejected, load.cursor_until] for load in landed],
        "ledger": [statuses.count("landed"), len(set(statuses) - {"landed", "failed"}), left],
    }


def in_child(action) -> int:
    """Runs `action` in a child process; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:  # noqa: BLE001  a child tells of everything
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def write(folder: Path, name: str, records: list) -> None:
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "files" / name).write_text("".join(json.dumps(record) + "\n" for record in records))


def told(folder: Path, action) -> str:
    """What a child prints of the target."""
    path = folder / "held.json"
    status = in_child(lambda: path.write_text(json.dumps(action())))
    assert status == 0, status
    return path.read_text()


def ended(folder: Path, fatal: int, cursor: str | None) -> str:
    """A load killed at a step and run again: what is held then."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, records in FILES.items():
        write(folder, name, records)
    if cursor:
        assert in_child(lambda: load(folder, cursor, Steps(0))) == 0
        write(folder, "d.ndjson", LATER)
    status = in_child(lambda: load(folder, cursor, Steps(fatal)))
    assert status in {0, signal.SIGKILL}, status
    assert in_child(lambda: load(folder, cursor, Steps(0))) == 0 if status else True
    return told(folder, lambda: held(folder))


def counted(folder: Path, cursor: str | None) -> int:
    """How many steps the last load of a scenario takes."""
    steps = Steps(0)

    def count() -> dict:
        load(folder, cursor, steps)
        return {"steps": steps.taken}

    shutil.rmtree(folder, ignore_errors=True)
    for name, records in FILES.items():
        write(folder, name, records)
    if cursor:
        assert in_child(lambda: load(folder, cursor, Steps(0))) == 0
        write(folder, "d.ndjson", LATER)
    return int(json.loads(told(folder, count))["steps"])


def main(folder: Path, cursor: str | None, share: int) -> None:
    """Prints the fault-free result, then what each killed load ended with, for every `share`-th step."""
    steps = counted(folder / "count", cursor)
    results = {0: ended(folder / "whole", 0, cursor)}
    for fatal in range(1, steps + 1, share):
        results[fatal] = ended(folder / "killed", fatal, cursor)
    print(json.dumps({"steps": steps, "results": {key: json.loads(value) for key, value in results.items()}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3]))
