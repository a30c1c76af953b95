"""P10: 100 and 1,000 clients at once on the transform API, users and applications mixed.

The batch half: everybody asks for a whole entity at once. Before each round everything is loaded anew, so that the
inputs have moved: the first request of each entity causes an execution, the others join it. The online half: everybody
sends records, one or ten at a time, until so many requests were answered. The peer of both is the same number of
`dbt build` calls, one after the other, of which one is timed and scaled. Besides the seconds of a round the script
prints what every client saw, the executions that the rounds of the batch half came to, and what the server took of the
machine. `python benchmarks/load` has clients ask for minutes, of both halves at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import uvloop
from rich.console import Console

from harness import Case, Contender, Goal, main
from load.clients import Load, drive
from load.prepared import prepared, questions
from load.questions import ENTITIES, Questions, Shares
from load.report import LEAST_ONLINE_A_SECOND, Outcome, show
from load.running import load_on, run, warm
from load.seen import QUANTILES, Ending, Seen, quantile
from load.served import HOST, PATIENCE_SECONDS, PROGRAMS, Project, Server, loaded, serving
from load.watching import MIB, Sample, sample

CLIENTS = (100, 1_000)
ONLINE = 10_000  # requests of a round
RECORDS_ALONE = Shares(batch=0.0)


@dataclass
class Batches:
    """What the clients of all rounds of the batch half saw."""

    rounds: list[Seen] = field(default_factory=list)
    executions: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def executed(server: Server) -> set[str]:
    """The executions that the newest jobs waited for."""
    asked = Request(f"{server.address}/api/jobs?limit=1000", headers={"Authorization": f"Bearer {server.token}"})  # noqa: S310
    with urlopen(asked, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
        return {job["executionId"] for job in json.load(answer)["jobs"]}


def batch(server: Server, asked: Questions, clients: int, batches: Batches) -> Contender:
    """The API, asked for whole entities: one request a client."""
    known: set[str] = set()
    wanted = [asked.batch[entity][0] for entity in ENTITIES]

    def before() -> None:
        known.update(executed(server))
        server.project.lockgate("load", "discovery", "--full")

    def once() -> None:
        turn = count()
        load = Load(
            HOST, server.port, server.token, lambda _: wanted[next(turn) % len(wanted)], clients, questions=clients
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            batches.rounds.append(runner.run(drive(load)))
        batches.executions.append(len(executed(server) - known))
        batches.samples.append(sample(server.process.pid, 0.0))

    return Contender("lockgate", version("lockgate"), once, before=before)


def online(server: Server, asked: Questions, clients: int, outcomes: list[Outcome]) -> Contender:
    """The API, asked about records."""
    load = load_on(server, asked, RECORDS_ALONE, clients=clients, questions=ONLINE)

    def once() -> None:
        outcomes.append(run(f"{clients:,} clients online", server, load, RECORDS_ALONE))

    return Contender("lockgate", version("lockgate"), once)


def command_line(project: Project, scratch: Path, times: int) -> Contender:
    """`dbt build` of an entity's model with what it stands on and their tests, in a database of its own."""
    database = scratch / "bare.duckdb"
    if not database.exists():
        generate = [sys.executable, "-m", "inventory.generate", "--into", f"duckdb:{database}"]
        subprocess.run(generate, check=True, capture_output=True)
    dbt = str(project.folder / "dbt")
    command = [str(PROGRAMS / "dbt"), "build", "--profiles-dir", dbt, "--project-dir", dbt]
    command += ["--select", "+fct_users", "--indirect-selection", "buildable"]
    environment = {**os.environ, "DO_NOT_TRACK": "1", "INVENTORY_DUCKDB": str(database)}

    def run_dbt() -> None:
        subprocess.run(command, check=True, capture_output=True, env=environment)

    return Contender("dbt CLI", version("dbt-core"), run_dbt, part=1 / times)


def told(clients: int, batches: Batches) -> str:
    """What the clients of the batch half saw, as text."""
    ordered = sorted(s for seen in batches.rounds for timed in seen.timed.values() for s in timed.seconds)
    p50, p95, p99 = (quantile(ordered, share) for share in QUANTILES)
    engines = sum((seen.engines for seen in batches.rounds), Counter[tuple[str, str]]())
    statuses = sum((seen.statuses for seen in batches.rounds), Counter[int]())
    first, last = batches.samples[0], batches.samples[-1]
    return (
        f"  {clients:,} clients: {', '.join(f'{n:,} × {status}' for status, n in sorted(statuses.items()))}; answered "
        f"{', '.join(f'{n:,} by {engine}' for (engine, _), n in sorted(engines.items()))}\n"
        f"  seconds a request: p50 {p50:.2f}, p95 {p95:.2f}, p99 {p99:.2f}\n"
        f"  executions a round: {batches.executions} (two entities)\n"
        f"  server: {first.resident / MIB:,.0f} MiB, {first.descriptors} descriptors after the first round; "
        f"{last.resident / MIB:,.0f} MiB, {last.descriptors} after the last"
    )


def cases(server: Server, scratch: Path, batches: dict[int, Batches], outcomes: list[Outcome]) -> Iterator[Case]:
    """Both halves."""
    asked = questions(prepared(server.project, scratch), server.token)
    for clients, seen in batches.items():
        contenders = (batch(server, asked, clients, seen), command_line(server.project, scratch, clients))
        yield Case(f"{clients} clients at once", contenders, (Goal("dbt CLI", at_least=15),))
    warm(server, asked)
    for clients in batches:
        contenders = (online(server, asked, clients, outcomes), command_line(server.project, scratch, ONLINE))
        yield Case(f"{ONLINE:,} requests of {clients} clients online", contenders)


def is_all_right(batches: Iterable[Batches], outcomes: Sequence[Outcome]) -> bool:
    """Whether every request was answered rightly, and the records of each round quickly enough."""
    seen = [*(one for each in batches for one in each.rounds), *(outcome.seen for outcome in outcomes)]
    is_quick = all(outcome.seen.a_second(of_records=True) >= LEAST_ONLINE_A_SECOND for outcome in outcomes)
    return is_quick and all(one.count(Ending.RIGHT) == one.asked for one in seen)


if __name__ == "__main__":
    batches, outcomes = {clients: Batches() for clients in CLIENTS}, list[Outcome]()
    console = Console(stderr=True, width=140)
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        with loaded(scratch) as project, serving(project, scratch / "serve.log") as server:
            code = main("p10_transform_api", cases(server, scratch, batches, outcomes))
    for clients, seen in batches.items():
        print(told(clients, seen), file=sys.stderr)
    for outcome in {one.title: one for one in outcomes}.values():  # the last round of each
        show(outcome, console)
    raise SystemExit(code or int(not is_all_right(batches.values(), outcomes)))
