"""Where a target keeps what in its folder, and files that are there whole or not at all."""

from __future__ import annotations

import glob
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import unquote

from filelock import FileLock, Timeout

from lockgate.adapters.warehouses.folder.failures import on_disk
from lockgate.adapters.warehouses.folder.holder import forget_holder, holder_of, note_holder
from lockgate.core.relation import Relation
from lockgate.errors import TargetBusy

READ_ONLY = 0o444
LOOK_SECONDS = 5.0  # between looks at whether a lock's holder is stopped
_UNSAFE = re.compile(r"[%/\\.*?\[\]{}\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a target."""

    folder: Path

    def log(self, relation: Relation) -> Path:
        """The folder that holds one folder for each load of a stream."""
        return self.folder / "raw__log" / safe(relation.schema) / safe(relation.name)

    def streams(self) -> tuple[Relation, ...]:
        """The streams that have a log."""
        folders = (self.folder / "raw__log").glob("*/*")
        return tuple(sorted(Relation(unquote(folder.parent.name), unquote(folder.name)) for folder in folders))

    def workshop(self, name: str) -> Path:
        """A workshop's folder: what is built there, and links to what it may read."""
        return self.folder / "workshops" / safe(name)

    def editions(self, served: Relation) -> Path:
        """The folder that holds the editions of what one view serves."""
        return self.folder / "editions" / safe(served.schema) / safe(served.name)

    def edition(self, served: Relation, number: int, implementation: str) -> Path:
        """An edition's place, which is a folder of Parquet files or, with another ending, one of them."""
        return self.editions(served) / f"{number}-{safe(implementation)}.parquet"

    @contextmanager
    def locked(self, name: str, *, wait_seconds: float) -> Iterator[None]:
        """Holds a lock of this target by name; the operating system takes it from a holder that dies.

        Raises:
            TargetBusy: another holder, in this process or another, kept it for `wait_seconds`; or is stopped, and will
                keep it for as long as it is.
            AccessRefused: the folder cannot be written.
        """
        path = self.folder / "locks" / f"{safe(name)}.lock"
        lock = FileLock(path, is_singleton=False, thread_local=False)
        with on_disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            _acquire(lock, path, name, wait_seconds=wait_seconds)
        try:
            note_holder(path)
            yield
        finally:
            forget_holder(path)
            lock.release()


def _acquire(lock: FileLock, path: Path, name: str, *, wait_seconds: float) -> None:
    """Waits for a lock: as long as it may take, but no longer than it takes to see that its holder is stopped."""
    began = monotonic()
    while True:
        waited = monotonic() - began
        try:
            lock.acquire(timeout=max(0.0, min(wait_seconds - waited, LOOK_SECONDS)), poll_interval=0.02)
        except Timeout as error:
            waited, holder = monotonic() - began, holder_of(path)
            if waited < wait_seconds and not (holder is not None and holder.is_stopped):
                continue
            message = f"the lock {name!r} is held by {holder or 'another process'}; waited {waited:.3g} s"
            since = holder.since.isoformat() if holder else None
            raise TargetBusy(message, lock=name, process=holder.process if holder else None, since=since) from error
        else:
            return


def safe(name: str) -> str:
    """A name as a file name of its own: what has a meaning in paths and patterns is written %XX."""
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path aside to write a file or folder at; it gets its name when it is whole and on the disk.

    Raises:
        DiskFull: nothing is left behind.
        AccessRefused: the folder cannot be written.
        FileExistsError: a folder of that name is there; it stays as it is.
    """
    aside = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        with on_disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            yield aside
            sync(aside)
            _rename(aside, path)
    finally:
        remove(aside)
    sync(path.parent)


def sweep_asides(path: Path) -> None:
    """Removes what killed writers of `path` left beside it; the caller holds the lock that they wrote under."""
    for aside in path.parent.glob(f".{glob.escape(path.stem)}-*"):
        if re.fullmatch(rf"[0-9a-f]{{8}}{re.escape(path.suffix)}(\.wal)?", aside.name.removeprefix(f".{path.stem}-")):
            aside.unlink(missing_ok=True)


def _rename(aside: Path, path: Path) -> None:
    if aside.is_dir() and path.exists():
        raise FileExistsError(path)
    aside.replace(path)


def sync(path: Path) -> None:
    """Waits until a file, or a folder with the files in it, is on the disk."""
    inside = sorted(path.iterdir()) if path.is_dir() and path.name.startswith(".") else []
    for one in (*inside, path):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file or a folder; nothing where there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """Gives a file one more name, read-only; on another file system, copies it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    with suppress(PermissionError):
        target.chmod(READ_ONLY)
