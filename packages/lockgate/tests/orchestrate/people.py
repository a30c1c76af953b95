"""A project whose flow loads, tries again, notes its interval and builds; and copies of it, one for each runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ROWS = 200
TICK = "2026-01-05"
INTERVAL = ("2026-01-04T10:00:00+00:00", "2026-01-05T10:00:00+00:00")
NOTED = f"{INTERVAL[0]} {INTERVAL[1]} 2026-01-04\n"
BIN = Path(sys.executable).parent
DECLARED = """
project: people
sources:
  files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint}}}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations: {rules: {rules: people.yml}}
pools: {warehouse: 1}
flows:
  nightly:
    description: Loads people and builds what consumers read of them.
    schedule: "0 5 * * *"
    timezone: America/New_York
    start: 2026-01-01
    sla: 90m
    steps:
      - {name: load, load: files, pool: warehouse, priority: 3}
      - {name: flaky, shell: sh flaky.sh, retries: 1, retry_delay: 1s, needs: []}
      - {name: note, shell: "sh note.sh {start} {end} {date}", needs: []}
      - {name: build, execute: people, needs: [load, flaky, note], pool: warehouse}
      - {name: show, publish: people}
  minutely:
    schedule: "* * * * *"
    steps:
      - {name: tick, shell: "sh tick.sh {start} {end}"}
  crowd:
    sla: 1s
    steps:
      - {name: one, shell: sh crowd.sh one, pool: warehouse, needs: []}
      - {name: two, shell: sh crowd.sh two, pool: warehouse, priority: 9, needs: []}
  broken:
    steps:
      - {name: breaks, shell: sh -c 'exit 7'}
"""
# Fails where another one of its kind is at work.
CROWD = 'mkdir busy || exit 1\necho "$1" >> order.txt\nsleep 2\nrmdir busy\n'


class People:
    """One copy of the project, in a folder and an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        rows = "".join(f"{number},name {number}\n" for number in range(ROWS))
        files = {
            "lockgate.yml": DECLARED,
            "people.csv": f"id,name\n{rows}",
            "people.yml": "entity: people\nfrom: raw.people\nrules: [{rename: {id: person_id}}]\n"
            "output: [person_id, name]\n",
            "flaky.sh": "test -f tried || { touch tried; exit 7; }\n",
            "crowd.sh": CROWD,
            "tick.sh": 'echo "$@" >> ticked.txt\n',
            "note.sh": 'echo "$@" > noted.txt\n',
        }
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKGATE_", "AIRFLOW_"))}
        self.environment = kept | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def tells(self, receiver) -> None:
        """Lets the project tell what happens to a receiver."""
        channel = f"{{kind: webhook, url: '{receiver.url}/hooks', secret: secret://hook}}"
        with (self.folder / "lockgate.yml").open("a", encoding="utf-8") as file:
            file.write(f"notifications:\n  hook: {channel}\n")
        self.environment["LOCKGATE_SECRET_HOOK"] = receiver.secret

    def run(self, *command: str | Path, timeout: float = 240) -> str:
        """Runs a program in the folder: what it printed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def lockgate(self, *arguments: str) -> str:
        return self.run(BIN / "lockgate", *arguments)

    def compile(self, runtime: str) -> Path:
        """Compiles its flow: the folder of the files."""
        self.lockgate("flow", "compile", "--to", runtime)
        return self.folder / "orchestration" / runtime

    def told(self) -> tuple[dict, dict[str, tuple[str, int]]]:
        """The one run that the control plane was told of, and how often each of its steps was tried."""
        (run_id,) = (run["run_id"] for run in json.loads(self.lockgate("flow", "status", "--json")))
        return self.told_of(run_id)

    def told_of(self, run_id: str) -> tuple[dict, dict[str, tuple[str, int]]]:
        """Likewise the run of that id."""
        (run,) = (each for each in json.loads(self.lockgate("flow", "status", "--json")) if each["run_id"] == run_id)
        (found,) = json.loads(self.lockgate("flow", "status", str(run["number"]), "--json"))
        return run, {step["name"]: (step["status"], step["attempt"]) for step in found["steps"]}

    def served(self) -> list[tuple[int, str]]:
        """The rows that consumers read."""
        import duckdb

        with duckdb.connect(str(self.folder / "warehouse/catalog.duckdb"), read_only=True) as connection:
            return connection.execute("select * from analytics.people order by all").fetchall()

    def noted(self) -> str:
        return (self.folder / "noted.txt").read_text(encoding="utf-8")


def declared_graph(flow) -> dict[str, object]:
    """A declaration as the readers of graphs show what they find in a runtime."""
    return {
        "cron": flow.schedule.cron if flow.schedule else None,
        "timezone": flow.schedule.timezone if flow.schedule else None,
        "nodes": {step.name: {"needs": sorted(step.needs), "retries": step.retries} for step in flow.steps},
    }


def newest_interval() -> tuple[str, str, str]:
    """From when to when the newest nightly run is that was due, and the day where it begins."""
    now = datetime.now(ZoneInfo("America/New_York"))
    due = now.replace(hour=5, minute=0, second=0, microsecond=0)
    due -= timedelta(days=due > now)
    start = due - timedelta(days=1)
    return start.astimezone(UTC).isoformat(), due.astimezone(UTC).isoformat(), start.date().isoformat()


def answered(url: str, *, data: object = None, method: str | None = None) -> dict:
    """What a server of this machine answers to JSON."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)
