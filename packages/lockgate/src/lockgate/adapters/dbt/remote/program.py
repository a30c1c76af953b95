"""One invocation of dbt where Lockgate itself is not: in a container or a pod, told line by line on standard output.

Started there as `python -P -X utf8 -m lockgate.adapters.dbt.remote.program REQUEST`, where `REQUEST` is a file of JSON
that is read once and removed, for it holds a password. Its folder takes what dbt writes. SIGTERM interrupts dbt, which
then cancels its queries; so does the request's `timeout_seconds`, for whoever asked may be gone.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from threading import Lock, Timer

from lockgate.adapters.dbt.answers import escape
from lockgate.adapters.dbt.confinement import limit
from lockgate.adapters.dbt.invoking import Tell, invoked
from lockgate.adapters.dbt.parsing import breaches, foreign_code, parsed
from lockgate.adapters.dbt.remote.parcel import packed, unpack
from lockgate.adapters.dbt.remote.protocol import ARTIFACTS, PROJECT, PROTOCOL, line_of
from lockgate.adapters.dbt.wire import Message

MOST_PACKED_BYTES = 8 << 20
PART_BYTES = 12 << 10
GRACE_SECONDS = 10.0
LATE = 124  # as timeout(1) says it
_NOT_TOLD = frozenset({"parsed", "warning"})


def main(place: str) -> int:
    """Does what the request in the file `place` says; the exit code is 0 where it said how it ended."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    request = _read(Path(place))
    limit({"RLIMIT_CORE": 0})
    if "timeout_seconds" in request:
        end_after(request["timeout_seconds"], GRACE_SECONDS)
    tell = _teller()
    folder = Path(ARTIFACTS).resolve()
    tell({"kind": "hello", "protocol": PROTOCOL, "lockgate": version("lockgate"), **_places(folder)})
    if request["protocol"] != PROTOCOL:
        return 0
    if request["archive"]:
        unpack(Path(request["archive"]).read_bytes(), Path(PROJECT))
    _run(request, folder, tell)
    if request["print_artifacts"]:
        for part in _parts(folder):
            tell(part)
    return 0


def end_after(seconds: float, grace_seconds: float) -> None:
    """Interrupts this process after so long, and ends it with 124 where it goes on for the grace; returns at once.

    It ends by exit, not by SIGKILL: that does not reach the first process of a container from inside.
    """
    for wait, end in ((seconds, _interrupt), (seconds + grace_seconds, _exit)):
        timer = Timer(wait, end)
        timer.daemon = True
        timer.start()


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _exit() -> None:
    os._exit(LATE)


def _read(place: Path) -> Message:
    request: Message = json.loads(place.read_text(encoding="utf-8"))
    with suppress(OSError):  # a mounted secret cannot be removed; it goes with its pod
        place.unlink()
    return request


def _places(folder: Path) -> dict[str, str]:
    return {"project": str(Path(PROJECT).resolve()), "folder": str(folder)}


def _teller() -> Tell:
    """Tells on what is standard output now; whatever prints later goes elsewhere."""
    output = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    numbers, turn = itertools.count(), Lock()

    def tell(message: Mapping[str, object]) -> None:
        with turn:  # dbt tells of nodes from the threads that ran them
            output.write(line_of(message, next(numbers)) + "\n")

    return tell


def _run(request: Message, folder: Path, tell: Tell) -> None:
    parsing, profiles = Path("parsing").resolve(), Path("profiles").resolve()
    for each in (parsing, profiles, folder):
        each.mkdir(mode=0o700)
    project = {
        **request,
        "project": str(Path(PROJECT).resolve()),
        "profile": request["parsing_profile"],
        "folder": str(parsing),
        "kept": str(parsing / "none"),
        "templates": str(parsing / "templates"),
    }
    manifest = parsed(project, lambda message: None if message["kind"] in _NOT_TOLD else tell(message))
    if manifest is None:
        return
    places = {"database": request["database"], "schema": request["schema"]}
    ready = {"breaches": list(breaches(manifest, **places)), "foreign": list(foreign_code(manifest))}
    if escape(ready) is not None:
        tell({"kind": "escaped", **ready})
        return
    invoked(manifest, project, {**request, "folder": str(folder), "profiles": str(profiles)}, tell)


def _parts(folder: Path) -> Iterator[Message]:
    """What dbt left, packed, in messages; without its compiled SQL where that is too much."""
    content = packed(folder)
    if len(content) > MOST_PACKED_BYTES:
        content = packed(folder, without=("compiled", "run"))
    starts = range(0, len(content), PART_BYTES)
    for start in starts:
        yield {"kind": "artifacts", "data": b64encode(content[start : start + PART_BYTES]).decode()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
