"""Programs that end together: when one of them ends, or when whoever asked for them does, however that came.

A process of its own, run as a file: it reads what to start as one line of JSON from its standard input, and ends
everything that came of it, to the last process, once that input is closed. `held` is such a process for one program,
which says how that program ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeAlias

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_TERMINATED = 128 + signal.SIGTERM
_END = "end"
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
    _tell(process, json.dumps(order))
    return process


def held(command: Sequence[str], *, folder: Path, output: int, grace_seconds: float = GRACE_SECONDS) -> Supervisor:
    """Starts a program in a folder, which prints to a descriptor: a process that ends as the program does.

    `let_go` ends the program with all that it started. Where we are gone without a word, it is killed with them at
    once. A program that cannot be started is told in its output, with exit code 126 or, where there is none, 127.

    Raises:
        OSError: the folder is not there.
    """
    order = {"command": list(command), "grace_seconds": grace_seconds}
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        cwd=folder,
        start_new_session=True,
    )
    _tell(process, json.dumps(order))
    return process


def let_go(supervisor: Supervisor) -> None:
    """Ends what is held, with time for it to end by itself, and waits until no process of it is left."""
    _tell(supervisor, _END)
    supervisor.wait()


def _tell(supervisor: Supervisor, line: str) -> None:
    """Writes a line to it, unless it has ended."""
    if supervisor.stdin is None:
        raise AssertionError("a pipe was asked for")
    with suppress(BrokenPipeError):
        supervisor.stdin.write(line.encode() + b"\n")
        supervisor.stdin.flush()


def end(supervisor: Supervisor) -> None:
    """Ends what is supervised, and waits until no process of it is left. A second call does nothing."""
    if supervisor.stdin is not None:
        with suppress(BrokenPipeError):
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
    if "command" in order:
        _hold(order["command"], order["grace_seconds"])
    try:
        begun = {_begin(name, command) for name, command in order["programs"].items()}
        while not _is_closed() and not begun & _reaped():
            pass
    finally:
        _end_all(order["grace_seconds"])


def _hold(command: Sequence[str], grace_seconds: float) -> NoReturn:
    """Ends as a program does; ends it, where nobody waits for that any more."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    started = _start(command)
    try:
        status = _awaited(started.pid, woken)
    except SystemExit:
        _end_all(grace_seconds)
        raise
    if status is None:
        was_told = sys.stdin.buffer.readline().strip() == _END.encode()
        _end_all(grace_seconds if was_told else 0.0)
        raise SystemExit(_TERMINATED)
    if os.WIFSIGNALED(status):
        _end_by(os.WTERMSIG(status))
    raise SystemExit(os.WEXITSTATUS(status))


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The program's process, to be kept until it is waited for; it does not outlive ours even where that is killed."""
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: PLW1509  no other thread is here
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        raise SystemExit(127 if isinstance(error, FileNotFoundError) else 126) from None


def _awaited(process: int, woken: int) -> int | None:
    """How a child ended; None where something is to be read from our standard input before, or that is closed."""
    while (status := _ended(process)) is None:
        if sys.stdin.fileno() in select.select([sys.stdin.fileno(), woken], [], [])[0]:
            return None
        os.read(woken, 4096)
    return status


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _ended(process: int) -> int | None:
    """How a child ended, None where it goes on; what else has ended meanwhile is buried."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended in {0, process}:
            return status if ended else None


def _end_by(number: int) -> NoReturn:
    """Ends as the program did, by a signal, without leaving another core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_TERMINATED)


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
