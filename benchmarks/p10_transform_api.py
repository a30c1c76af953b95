"""P10, its batch half: 100 and 1,000 clients at once ask the transform API for users and applications.

Before each round everything is loaded anew, so that the inputs have moved: the first request of each entity causes an
execution, the others join it. The peer is the same number of `dbt build` calls, one after the other, of which a few are
timed and scaled. Besides the seconds of a round the script prints what every client saw (status, p50, p95, p99), the
executions that the round came to, and the server's memory and open files after the first round and after the last.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx

from harness import Case, Contender, Goal, main

SOLUTION = Path(__file__).resolve().parents[1] / "solutions/inventory"
PROGRAMS = Path(sys.executable).parent
ENTITIES = ("users", "applications")
PATIENCE_SECONDS = 60.0
KIBIBYTE = 1024


@dataclass
class Seen:
    """What the clients of all rounds saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    executions: list[int] = field(default_factory=list)
    memory: list[tuple[int, int]] = field(default_factory=list)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def running(command: Sequence[str], address: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from when it answers to the end of the block."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).is_success
    except httpx.HTTPError:
        return False


async def ask(address: str, clients: int, seen: Seen) -> None:
    """One request a client, all at once."""
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=PATIENCE_SECONDS) as client:
        await asyncio.gather(*(_one(client, ENTITIES[n % len(ENTITIES)], seen) for n in range(clients)))


async def _one(client: httpx.AsyncClient, entity: str, seen: Seen) -> None:
    began = time.perf_counter()
    try:
        answer = await client.post("/api/transform", json={"entityType": entity})
    except httpx.HTTPError:
        seen.statuses[0] += 1
        return
    seen.seconds.append(time.perf_counter() - began)
    seen.statuses[answer.status_code] += 1
    if answer.is_success:
        seen.engines[answer.json().get("engine", "none yet")] += 1


def executed(address: str) -> set[str]:
    """The executions that the newest jobs waited for."""
    jobs = httpx.get(f"{address}/api/jobs", params={"limit": 1000}, timeout=PATIENCE_SECONDS).json()["jobs"]
    return {job["executionId"] for job in jobs}


def footprint(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """The server's resident memory in KiB, and its open files."""
    status = Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()
    return int(status[1]) * os.sysconf("SC_PAGE_SIZE") // KIBIBYTE, len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def ours(project: Path, address: str, clients: int, server: subprocess.Popen[bytes], seen: Seen) -> Contender:
    """The API."""
    known: set[str] = set()

    def before() -> None:
        known.update(executed(address))
        load = [str(PROGRAMS / "lockgate"), "--project", str(project), "load", "discovery", "--full", "--json"]
        subprocess.run(load, check=True, capture_output=True)

    def run() -> None:
        asyncio.run(ask(address, clients, seen))
        seen.executions.append(len(executed(address) - known))
        seen.memory.append(footprint(server))

    return Contender("lockgate", version("lockgate"), run, before=before)


def command_line(project: Path, scratch: Path, clients: int) -> Contender:
    """`dbt build` of an entity's model with what it stands on and their tests, in a database of its own."""
    database = scratch / "bare.duckdb"
    if not database.exists():
        generate = [sys.executable, "-m", "inventory.generate", "--into", f"duckdb:{database}"]
        subprocess.run(generate, check=True, capture_output=True)
    dbt = str(project / "dbt")
    command = [
        str(PROGRAMS / "dbt"),
        "build",
        "--profiles-dir",
        dbt,
        "--project-dir",
        dbt,
        "--select",
        "+fct_users",
        "--indirect-selection",
        "buildable",
    ]
    environment = {**os.environ, "DO_NOT_TRACK": "1", "INVENTORY_DUCKDB": str(database)}

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True, env=environment)

    return Contender("dbt CLI", version("dbt-core"), run, part=1 / clients)


def told(clients: int, seen: Seen) -> str:
    """What the clients saw, as text."""
    cuts = quantiles(seen.seconds, n=100) if len(seen.seconds) > 1 else [0.0] * 99
    first, last = seen.memory[0], seen.memory[-1]
    statuses = ", ".join(f"{count} × {status}" for status, count in sorted(seen.statuses.items()))
    engines = ", ".join(f"{count} by {engine}" for engine, count in sorted(seen.engines.items()))
    return (
        f"  {clients} clients: {statuses}; answered {engines}\n"
        f"  seconds a request: p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f}, p99 {cuts[98]:.2f}\n"
        f"  executions a round: {seen.executions} (two entities)\n"
        f"  server: {first[0]} KiB, {first[1]} files after the first round; {last[0]} KiB, {last[1]} after the last"
    )


@contextmanager
def served(scratch: Path) -> Iterator[tuple[Path, str, subprocess.Popen[bytes]]]:
    """A copy of the inventory solution, loaded and served."""
    project = scratch / "inventory"
    left_out = shutil.ignore_patterns(".lockgate", "warehouse", "target", "logs", "*.duckdb")
    shutil.copytree(SOLUTION, project, ignore=left_out)
    source, port = free_port(), free_port()
    text = (project / "lockgate.yml").read_text(encoding="utf-8").replace("127.0.0.1:5004", f"127.0.0.1:{source}")
    (project / "lockgate.yml").write_text(text, encoding="utf-8")
    discovery = [sys.executable, "-m", "inventory.discovery", "--port", str(source)]
    api = [str(PROGRAMS / "lockgate"), "--project", str(project), "serve", "--port", str(port)]
    with (
        running(discovery, f"http://127.0.0.1:{source}/health", scratch / "discovery.log"),
        running(api, f"http://127.0.0.1:{port}/api/ready", scratch / "serve.log") as server,
    ):
        yield project, f"http://127.0.0.1:{port}", server


if __name__ == "__main__":
    with TemporaryDirectory() as folder, served(Path(folder)) as (project, address, server):
        rounds = {clients: Seen() for clients in (100, 1000)}
        cases = [
            Case(
                f"{clients} clients at once",
                (ours(project, address, clients, server, seen), command_line(project, Path(folder), clients)),
                (Goal("dbt CLI", at_least=15),),
            )
            for clients, seen in rounds.items()
        ]
        code = main("p10_transform_api", cases)
        for clients, seen in rounds.items():
            print(told(clients, seen), file=sys.stderr)
    lost = sum(count for seen in rounds.values() for status, count in seen.statuses.items() if status != httpx.codes.OK)
    raise SystemExit(code or int(lost > 0))
