"""The command `python -m inventory.discovery`."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

import uvicorn

from inventory.discovery import Fault, FaultKind, create_app
from inventory.generate.options import add_dataset_options, dataset_of

_LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until stopped; 0 then, 2 when called wrongly."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        dataset = dataset_of(options)
    except ValueError as wrong:
        parser.error(str(wrong))
    app = create_app(dataset, wave=options.wave, allow_advance=options.allow_advance, faults=options.fault)
    with socket.create_server((_LOOPBACK, options.port)) as listener:
        sys.stderr.write(f"http://{_LOOPBACK}:{listener.getsockname()[1]}\n")
        sys.stderr.flush()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inventory.discovery", description="Users and applications over HTTP, on loopback."
    )
    parser.add_argument("--port", type=int, default=5004, metavar="N", help="default %(default)s; 0 for a free one")
    add_dataset_options(parser)
    parser.add_argument("--allow-advance", action="store_true", help="let POST /advance deliver the next wave")
    kinds = ", ".join(FaultKind)
    parser.add_argument(
        "--fault",
        type=Fault.parse,
        action="append",
        default=[],
        metavar="KIND:AMOUNT[@FIRST]",
        help=f"for tests, may be repeated: {kinds}; the amount is replies, for slow milliseconds",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
