"""Serves a service in memory: `python serve_memory.py WORKERS JOB_SECONDS`; prints the address, `started`, `closed`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from memory_service import MemoryService

from lockgate.server import Options, create_api
from lockgate.server.serving import run_api

OPTIONS = Options(stop_seconds=20)


class Telling(MemoryService):
    """Says when it is started and closed."""

    def start(self) -> None:
        super().start()
        print("started", flush=True)

    def close(self, *, patience_seconds: float = 30.0) -> None:
        super().close()
        print("closed", flush=True)


def make(seconds: float, metrics_folder: Path | None):
    return create_api(Telling(seconds), options=OPTIONS, metrics_folder=metrics_folder)


if __name__ == "__main__":
    run_api(partial(make, float(sys.argv[2])), host="127.0.0.1", port=0, workers=int(sys.argv[1]), options=OPTIONS)
