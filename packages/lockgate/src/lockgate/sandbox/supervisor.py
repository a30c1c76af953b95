"""Programs that end together: when one of them ends, or when whoever asked for them does, however that came.

A process of its own, run as a file: it reads what to start as one line of JSON from its standard input, and ends
everything that came of it, to the last process, once that input is closed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TypeAlias

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
Supervisor: TypeAlias = "subprocess.Popen[bytes]"


def supervised(
    programs: Mapping[str, Sequence[str]],
    *,
    environment: Mapping[str, str],
    folder: Path,
    grace_seconds: float = GRACE_SECONDS,
) -> Supervisor:
    """Starts programs, by name, in a folder where each writes `<name>.log`. `end` ends them, and so does our own end.

    What has not ended so long after it was asked to is killed.
    """
    order = {"programs": {name: list(command) for name, command in programs.items()}, "grace_seconds": grace_seconds}
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    if process.stdin is None:
        raise AssertionError("a pipe was asked for")
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    return process


def end(supervisor: Supervisor) -> None:
    """Ends what is supervised, and waits until no process of it is left. A second call does nothing."""
    if supervisor.stdin is not None:
        supervisor.stdin.close()
    supervisor.wait()


def descendants(ancestor: int) -> list[int]:
    """The processes that a process started, those that they started, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): pid (name) state parent …; a name may hold blanks and brackets.
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found = list(children.get(ancestor, ()))
    for process in found:  # grows while it is read
        found += children.get(process, ())
    return found


def _main() -> None:
    """Starts what it is told to, waits, and ends it all."""
    signal.signal(signal.SIGTERM, _leave)
    # Whatever loses its parent among our descendants becomes our child: none of them gets away.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    order = json.loads(sys.stdin.buffer.readline())
    try:
        begun = {_begin(name, command) for name, command in order["programs"].items()}
        while not _is_closed() and not begun & _reaped():
            pass
    finally:
        _end_all(order["grace_seconds"])


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit


def _begin(name: str, command: Sequence[str]) -> int:
    with Path(f"{name}.log").open("ab") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    return started.pid


def _is_closed() -> bool:
    """Whether nobody holds our standard input any more; waits a moment for that."""
    readable, _, _ = select.select([sys.stdin.fileno()], [], [], _POLL_SECONDS)
    return bool(readable)


def _reaped() -> set[int]:
    """The children that have ended since.

    Raises:
        ChildProcessError: there is no child any more.
    """
    ended: set[int] = set()
    while process := os.waitpid(-1, os.WNOHANG)[0]:
        ended.add(process)
    return ended


def _end_all(grace_seconds: float) -> None:
    """Asks every descendant to end, then takes down those that have not; returns when there is none."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asked: set[int] = set()
    deadline = time.monotonic() + grace_seconds
    while True:
        try:
            _reaped()
        except ChildProcessError:
            return
        is_late = time.monotonic() > deadline
        for process in descendants(os.getpid()):
            if is_late or process not in asked:
                _send(process, signal.SIGKILL if is_late else signal.SIGTERM)
                asked.add(process)
        time.sleep(_POLL_SECONDS)


def _send(process: int, request: signal.Signals) -> None:
    try:
        os.kill(process, request)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    _main()
