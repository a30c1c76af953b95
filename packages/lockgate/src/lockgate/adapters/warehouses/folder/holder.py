"""Who holds a lock, told to those who wait for it: a note beside the lock's file, which decides nothing."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that took a lock, on a machine, at an instant."""

    process: int
    machine: str
    since: datetime

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped by a signal and does nothing, as far as this machine can tell."""
        if self.machine != socket.gethostname():
            return False
        try:
            status = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] in {"T", "t"}

    def __str__(self) -> str:
        """The holder in words."""
        said = f"process {self.process} on {self.machine}, since {self.since.isoformat(timespec='seconds')}"
        return f"{said}, which is stopped" if self.is_stopped else said


def note_holder(lock: Path) -> None:
    """Notes that this process holds a lock from now on; a disk that is full keeps nobody from working."""
    facts = {"process": os.getpid(), "machine": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    aside = _note(lock).with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        aside.write_text(json.dumps(facts), encoding="utf-8")
        aside.replace(_note(lock))


def forget_holder(lock: Path) -> None:
    """Takes the note away; the lock is still held."""
    with suppress(OSError):
        _note(lock).unlink(missing_ok=True)


def holder_of(lock: Path) -> Holder | None:
    """Who holds a lock; None where nobody has noted it."""
    try:
        facts = json.loads(_note(lock).read_text(encoding="utf-8"))
        return Holder(int(facts["process"]), str(facts["machine"]), datetime.fromisoformat(facts["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(lock: Path) -> Path:
    return lock.with_suffix(".holder")
