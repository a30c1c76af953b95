"""Events on their way: a line of a file, or one request to a service that keeps lineage."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from lockgate.adapters.alerts.posting import Patience, post
from lockgate.core.deadline import remaining_seconds, within
from lockgate.core.lineage_event import EventDocument, EventsDeclaration
from lockgate.core.ports import Secrets
from lockgate.errors import NoticeRefused, NoticeUnavailable

_BLOCK = 1 << 16
# How long another process is waited for that writes, where nobody bounds it more.
_LOCK_SECONDS = 10.0
_LOOK_SECONDS = 0.02

Send = Callable[[EventDocument], str]


def open_sender(declaration: EventsDeclaration, secrets: Secrets, *, patience: Patience | None = None) -> Send:
    """What sends one event, says what came of it, and raises as `Notifier.send` does."""
    if declaration.file:
        return LineFile(Path(declaration.file)).append
    return Service(declaration, secrets, patience).send


def written_line(event: EventDocument) -> bytes:
    """An event as one line of JSON."""
    return json.dumps(event.document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


@dataclass(frozen=True, slots=True)
class LineFile:
    """A file of lines, to which any number of processes of this machine append."""

    path: Path

    def append(self, event: EventDocument) -> str:
        """Writes an event behind the others, on the disk once this returns.

        Half an event that a process left which died is taken away first: what it began to write is sent again. A last
        line of anything else is ended, and stays.

        Raises:
            NoticeRefused: it holds something other than events; nothing is written.
            NoticeUnavailable: it cannot be written now, or another process locks it all the while.
        """
        line = written_line(event)
        beginning = line.partition(b":")[0]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                self._lock(handle)
                self._refuse_others(handle, beginning)
                _mend(handle, beginning)
                _write(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise NoticeUnavailable(f"{self.path.name} cannot be written: {error.strerror}") from error
        return f"{self.path.name} has {len(line)} bytes more"

    def _lock(self, handle: int) -> None:
        """Waits for the file's lock, no longer than the deadline in force."""
        with within(_LOCK_SECONDS):
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    if not remaining_seconds():
                        raise NoticeUnavailable(f"{self.path.name} is locked by another process") from error
                    time.sleep(_LOOK_SECONDS)
                else:
                    return

    def _refuse_others(self, handle: int, beginning: bytes) -> None:
        """Refuses a file that does not begin as a line of events does."""
        found = os.pread(handle, len(beginning), 0)
        if found != beginning[: len(found)]:
            said = f"{self.path.name} holds something other than events, so nothing is written into it"
            hint = "Name another file under `lineage.events`, then `lockgate lineage retry NUMBER`."
            raise NoticeRefused(f"{said}: declare another file under `lineage.events`", hint=hint)


def _write(handle: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _mend(handle: int, beginning: bytes) -> None:
    """Has the file end with a whole line: half of one that has an event's beginning is cut off, all else is ended."""
    size = os.fstat(handle).st_size
    if size == 0 or os.pread(handle, 1, size - 1) == b"\n":
        return
    start, tail = size, b""
    while start and b"\n" not in tail:
        begin = max(0, start - _BLOCK)
        tail = os.pread(handle, start - begin, begin) + tail
        start = begin
    tail = tail.rpartition(b"\n")[2]
    if _is_json(tail) or not tail.startswith(beginning[: len(tail)]):
        _write(handle, b"\n")
    else:
        os.ftruncate(handle, size - len(tail))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Service:
    """Whoever takes events at an address, as Marquez and DataHub do."""

    declaration: EventsDeclaration
    secrets: Secrets
    patience: Patience | None = None

    def send(self, event: EventDocument) -> str:
        """Posts an event once.

        Raises:
            NoticeRefused: it was refused, or cannot be asked, or the key would go over plain HTTP to another machine.
            NoticeUnavailable: it may be taken later.
        """
        declared = self.declaration
        base = self.secrets.resolve(declared.url)
        address = f"{base.rstrip('/')}/{declared.endpoint.lstrip('/')}" if declared.endpoint else base
        key = self.secrets.resolve(declared.api_key) if declared.api_key else ""
        if key and not _is_private(address):
            raise NoticeRefused("the key of lineage events goes over https, or to this machine")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        hidden = (key,) if key else ()
        return post(address, written_line(event), headers, hidden, patience=self.patience)


def _is_private(address: str) -> bool:
    """Whether nobody on the way can read what goes there."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return parts.scheme == "https" or host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
