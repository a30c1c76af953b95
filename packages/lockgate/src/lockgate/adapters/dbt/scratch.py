"""Folders for what processes need while they run: gone with the executor, swept by the next one where it was killed."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock, Timeout

LOCK = "lock"


class Scratch:
    """One executor's folder below `parent`, readable by its owner alone."""

    def __init__(self, parent: Path) -> None:
        """Takes away the folders of executors that were killed, which the operating system has unlocked."""
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(parent.with_suffix(".lock")):  # or one that is new would be swept before it is locked
            for left in parent.iterdir():
                _sweep(left)
            self.folder = Path(mkdtemp(dir=parent))
            self._lock = FileLock(self.folder / LOCK, thread_local=False)
            self._lock.acquire()

    def new(self, prefix: str) -> Path:
        """A new, empty folder."""
        return Path(mkdtemp(prefix=f"{prefix}-", dir=self.folder))

    def close(self) -> None:
        """Takes the whole folder away."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    except OSError:  # somebody else has swept it
        return
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)
