"""The command `python -m inventory.generate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from inventory.generate.options import add_dataset_options, dataset_of
from inventory.generate.sinks import FORMATS, write_files, write_into


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


if __name__ == "__main__":
    sys.exit(main())
