"""`python benchmarks/load`: so many clients for so many minutes, on DuckDB or PostgreSQL."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from harness import machine
from load.picture import page
from load.prepared import prepared, questions
from load.questions import Shares
from load.report import Outcome, show
from load.running import load_on, run, warm
from load.served import TARGETS, loaded, serving

STAGES = ("off", "shadow", "promoted")
RESULTS = Path(__file__).resolve().parents[1] / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the load: 1 where less than the least required was reached, else 0."""
    options = _options(arguments)
    console = Console(stderr=True, width=140)
    outcomes: list[Outcome] = []
    for target in options.target:
        outcomes += _on(target, options, console)
    folder: Path = options.results
    folder.mkdir(parents=True, exist_ok=True)
    document = {"question": "load", "machine": machine(), "runs": [outcome.to_json() for outcome in outcomes]}
    (folder / "load.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "load.html").write_text(page(outcomes), encoding="utf-8")
    console.print(f"\nwritten: {folder / 'load.json'}, {folder / 'load.html'}", soft_wrap=True)
    if options.json:
        json.dump(document, sys.stdout, indent=1)
        print()
    return int(not all(outcome.is_enough for outcome in outcomes))


def _on(target: str, options: argparse.Namespace, console: Console) -> list[Outcome]:
    """A run of each number of clients, all on one server."""
    shares = Shares(options.applications, options.batch, options.ten)
    seconds = timedelta(minutes=options.minutes).total_seconds()
    outcomes = []
    with TemporaryDirectory() as folder, loaded(Path(folder), target, stage=options.stage) as project:
        right = prepared(project, Path(folder))
        log = Path(folder) / "serve.log"
        with serving(project, log, *options.serve) as server:
            asked = questions(right, server.token)
            warm(server, asked)
            for clients in options.clients:
                load = load_on(
                    server, asked, shares, clients=clients, seconds=seconds, rate=options.rate, seed=options.seed,
                    patience_seconds=options.patience,
                )  # fmt: skip
                title = f"{clients:,} clients on {target} for {options.minutes:g} minutes"
                outcomes.append(run(title, server, load, shares, load_every=options.load_every))
                show(outcomes[-1], console)
        if text := log.read_text(encoding="utf-8").strip():
            console.print(f"the server's log ends:\n{text[-2000:]}", markup=False, soft_wrap=True)
    return outcomes


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks/load", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 1000], metavar="N", help="default 100 1000")
    parser.add_argument(
        "--minutes",
        type=float,
        default=3.0,
        help="of each run (default %(default)s); the token that they all use is good for an hour",
    )
    parser.add_argument("--target", nargs="+", choices=TARGETS, default=["duckdb"], help="default duckdb")
    parser.add_argument("--stage", default="promoted", choices=STAGES, help="of the routes (default %(default)s)")
    parser.add_argument("--applications", type=float, default=0.5, help="their share, else users (default %(default)s)")
    parser.add_argument("--batch", type=float, default=0.01, help="share of whole tables (default %(default)s)")
    parser.add_argument("--ten", type=float, default=0.3, help="share of ten records in the rest (default %(default)s)")
    parser.add_argument("--rate", type=float, help="questions a second of all clients; else as fast as they can")
    parser.add_argument(
        "--load-every",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="load all anew; 0: never (default %(default)s)",
    )
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for a question (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same questions (default %(default)s)")
    parser.add_argument("--serve", nargs="+", default=[], metavar="OPTION", help="for `lockgate serve`: workers=2")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for load.json and load.html")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)
    options.serve = [part for each in options.serve for part in (f"--{each.partition('=')[0]}", each.partition("=")[2])]
    return options
