"""The command `python -m inventory.generate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from inventory.generate import LAST_WAVE, UNTIL, Dataset, generate
from inventory.generate.sinks import FORMATS, write_files, write_into


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which data is meant."""
    parser.add_argument("--users", type=int, default=1_000, metavar="N", help="default %(default)s")
    parser.add_argument("--applications", type=int, default=500, metavar="N", help="default %(default)s")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="same seed, same rows (default %(default)s)")
    parser.add_argument(
        "--until", type=_instant, default=UNTIL, metavar="TIME", help="no row is stamped later (default %(default)s)"
    )
    parser.add_argument(
        "--wave",
        type=int,
        choices=range(LAST_WAVE + 1),
        default=LAST_WAVE,
        help="what had come by that wave (default %(default)s: everything)",
    )


def dataset_of(options: argparse.Namespace) -> Dataset:
    """The data that the options mean."""
    return generate(options.users, options.applications, seed=options.seed, until=options.until)


def main(arguments: Sequence[str] | None = None) -> int:
    """Generates users and applications into files or a database; 0 when done, 2 when called wrongly."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        dataset = dataset_of(options)
        streams = {"users": dataset.users.as_of(options.wave), "applications": dataset.applications.as_of(options.wave)}
        if options.into:
            write_into(streams, options.into)
        else:
            write_files(streams, options.out, options.format)
    except ValueError as wrong:
        parser.error(str(wrong))
    sys.stderr.write(", ".join(f"{rows.num_rows:,} rows of {name}" for name, rows in streams.items()) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inventory.generate", description="Users and applications, with the mess of real systems."
    )
    add_dataset_options(parser)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="a folder for users.<format> and applications.<format>")
    place.add_argument("--into", metavar="DATABASE", help="duckdb:PATH or postgresql://…, schema raw")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="of the files (default %(default)s)")
    return parser


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
