"""Serves by two processes that share who may: `serve_together.py FOLDER`; an entity is called as its process."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from memory_service import MemoryAccess, MemoryService

from lockgate.server import Mode, Options, create_api
from lockgate.server.serving import run_api

OPTIONS = Options(mode=Mode.PRODUCTION)


class Together(MemoryService):
    """A service of one of several processes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(seconds=0)
        self.folder = folder

    @cached_property
    def access(self) -> MemoryAccess:
        return MemoryAccess(self.folder)

    def start(self) -> None:
        super().start()
        print("started", flush=True)

    def entities(self):
        return tuple(replace(entity, name=f"process-{os.getpid()}") for entity in super().entities()[:1])


def make(folder: Path, metrics_folder: Path | None):
    return create_api(Together(folder), options=OPTIONS, metrics_folder=metrics_folder)


if __name__ == "__main__":
    run_api(partial(make, Path(sys.argv[1])), host="127.0.0.1", port=0, workers=2, options=OPTIONS)
