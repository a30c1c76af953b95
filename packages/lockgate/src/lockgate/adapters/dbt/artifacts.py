"""Where invocations leave dbt's files: a folder each, of which the newest stay."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from tempfile import mkdtemp


def new_folder(parent: Path, *, kept: int) -> Path:
    """A folder for one invocation; the oldest beyond the `kept` newest are removed."""
    folder = parent / "invocations"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = sorted(folder.iterdir(), key=lambda entry: entry.name, reverse=True)
    for old in known[kept:]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(mkdtemp(prefix=f"{time.time_ns():020d}-", dir=folder))
