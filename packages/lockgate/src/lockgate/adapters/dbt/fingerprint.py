"""What a dbt project's files say, as one hash: it changes with their content and not with their times."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

IGNORED_FOLDERS = frozenset({"target", "logs", ".git", "__pycache__", ".venv"})
_Stamp = tuple[int, int, int]


class Fingerprint:
    """The hash of one folder; a file is read again only where its time, size or inode changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[_Stamp, str]] = {}

    def now(self) -> str:
        """The hash of the files as they are, in hexadecimal."""
        seen = {path: self._content(path, entry) for path, entry in _files(str(self._folder))}
        self._known = seen
        lines = (f"{path}\0{digest}\n" for path, (_, digest) in sorted(seen.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _content(self, path: str, entry: os.DirEntry[str]) -> tuple[_Stamp, str]:
        status = entry.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known
        return stamp, hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _files(folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file below a folder, links to folders left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in IGNORED_FOLDERS:
                    yield from _files(entry.path)
            elif entry.is_file():
                yield entry.path, entry
