"""The command-line options that say which data is meant."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from inventory.generate import LAST_WAVE, UNTIL, Dataset, generate


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


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
