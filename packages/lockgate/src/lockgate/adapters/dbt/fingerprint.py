"""What a dbt project's files say, as one hash: it changes with their content and not with their times."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

# What dbt writes beside a project, and what is no part of one; `dbt_packages` is one.
NOT_PROJECT = frozenset({"target", "logs", "__pycache__", "venv"})
SUFFIXES = (".sql", ".yml", ".yaml", ".csv", ".md", ".py", ".dbtignore")
# A file written in the same tick of the clock as it was read in may change without its times changing.
SETTLED_NANOSECONDS = 2_000_000_000
_Stamp = tuple[int, int, int, int]


class Fingerprint:
    """The hash of one project; a file is read again only where its times, size or inode changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[_Stamp, str]] = {}

    def now(self) -> str:
        """The hash of the files as they are, in hexadecimal."""
        digests = {path: self._content(path) for path in files_of(str(self._folder))}
        self._known = {path: known for path, known in self._known.items() if path in digests}
        lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(digests.items()))
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()

    def _content(self, path: str) -> str:
        """A file's hash; empty where it cannot be read, or has gone since it was listed."""
        try:
            return self._hashed(path)
        except OSError:
            return ""

    def _hashed(self, path: str) -> str:
        status = Path(path).stat()
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        now = time.time_ns()
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if now - status.st_ctime_ns > SETTLED_NANOSECONDS:
            self._known[path] = (stamp, digest)
        return digest


def files_of(folder: str) -> Iterator[str]:
    """Every file of the project that dbt reads, links followed, each real folder once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = str(Path(place).resolve())
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        top = place == folder
        folders[:] = sorted(each for each in folders if not each.startswith(".") and not (top and each in NOT_PROJECT))
        yield from (f"{place}/{name}" for name in files if name.endswith(SUFFIXES))
