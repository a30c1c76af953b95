"""A process that forks: a child for each request, watched to its end, with nothing left behind."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from lockgate.adapters.dbt.wire import ConnectionEnded, Message, receive_with_descriptors, send

PR_SET_PDEATHSIG = 1
POLL_HALF_CLOSED = 0x2000  # POLLRDHUP of poll(2), which Python does not name
TELL_SECONDS = 5.0
LONGEST_TRACE = 4000

Work = Callable[[Message, socket.socket], None]


def nothing(*_: object) -> None:
    """Nothing is left to do."""


@dataclass(slots=True)
class _Child:
    """A child, a descriptor that becomes readable at its end, and whoever asked for it.

    `kill_at` is when it will be killed, once it `is_asked` to end and as long as it was not.
    """

    process: int
    end: int
    connection: socket.socket
    is_asked: bool = False
    kill_at: float | None = None


class ForkServer:
    """Forks a child for each request that comes over `control`, and answers with how it ended.

    A request brings a connection, which the child is given; when the asker closes its side of that, the child is asked
    to end (SIGTERM to its process group) and, `grace_seconds` later, made to (SIGKILL). The last message on the
    connection is `{"kind": "ended", "code": …}`: the exit status, or the negative number of the signal that ended the
    child. One that raises says `broken`, with its trace, before that.
    """

    def __init__(
        self,
        control: socket.socket,
        work: Work,
        *,
        grace_seconds: float,
        before: Callable[[Message], None] = nothing,
        after: Callable[[], None] = nothing,
    ) -> None:
        """`work` is done in each child; `before` here, when one is asked for, and `after` once it has ended."""
        self._control = control
        self._work = work
        self._grace_seconds = grace_seconds
        self._before = before
        self._after = after
        self._children: list[_Child] = []
        self._is_open = True

    def serve(self) -> None:
        """Serves until the other side of `control` is closed; then every child is ended first."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the other side's end is what ends this process
        while self._is_open or self._children:
            ready = self._ready()
            self._look_after(ready)
            if self._is_open and self._control.fileno() in ready:
                self._take()

    def _ready(self) -> set[int]:
        """Waits for a request, an end, or the time to kill; the descriptors on which something happened."""
        poll = select.poll()
        if self._is_open:
            poll.register(self._control, select.POLLIN)
        for child in self._children:
            poll.register(child.end, select.POLLIN)
            if not child.is_asked:
                poll.register(child.connection, POLL_HALF_CLOSED)
        times = [child.kill_at for child in self._children if child.kill_at is not None]
        patience = max(0.0, min(times) - time.monotonic()) * 1000 if times else None
        return {descriptor for descriptor, _ in poll.poll(patience)}

    def _look_after(self, ready: set[int]) -> None:
        for child in list(self._children):
            if child.end in ready:
                self._bury(child)
            elif not child.is_asked and child.connection.fileno() in ready:
                self._ask_to_end(child)
            elif child.kill_at is not None and time.monotonic() >= child.kill_at:
                child.kill_at = None
                _signal(child.process, signal.SIGKILL)

    def _ask_to_end(self, child: _Child) -> None:
        child.is_asked, child.kill_at = True, time.monotonic() + self._grace_seconds
        _signal(child.process, signal.SIGTERM)

    def _bury(self, child: _Child) -> None:
        """Ends what the child leaves in its process group, and tells how it ended itself."""
        _signal(child.process, signal.SIGKILL)
        _, status = os.waitpid(child.process, 0)
        os.close(child.end)
        self._children.remove(child)
        child.connection.settimeout(TELL_SECONDS)
        with child.connection, suppress(OSError):
            send(child.connection, {"kind": "ended", "code": os.waitstatus_to_exitcode(status)})
        self._after()

    def _take(self) -> None:
        """Forks a child for the next request; where the other side has gone, asks every child to end."""
        try:
            message, descriptors = receive_with_descriptors(self._control)
        except ConnectionEnded:
            self._is_open = False
            for child in self._children:
                if not child.is_asked:
                    self._ask_to_end(child)
            return
        connection = socket.socket(fileno=descriptors[0])
        self._before(message)
        ours = os.getpid()
        process = os.fork()
        if process == 0:
            self._become(message, connection, ours)
        self._children.append(_Child(process, os.pidfd_open(process), connection))

    def _become(self, message: Message, connection: socket.socket, parent: int) -> NoReturn:
        """Does the work in a child: a session of its own, none of the parent's connections, ends with the parent."""
        code = 1
        try:
            os.setsid()
            die_with(parent)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _close(self._control, self._children)
            self._work(message, connection)
            code = 0
        except BaseException:  # noqa: BLE001  the process ends here; whoever asked for it learns why
            with suppress(OSError):
                send(connection, {"kind": "broken", "message": traceback.format_exc(limit=-3)[:LONGEST_TRACE]})
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def die_with(parent: int) -> None:
    """The kernel kills this process when its parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be watched
        os._exit(1)


def _close(control: socket.socket, children: Sequence[_Child]) -> None:
    control.close()
    for child in children:
        os.close(child.end)
        child.connection.close()


def _signal(process: int, number: signal.Signals) -> None:
    """Signals a child's process group, or the child alone where it has none yet."""
    try:
        os.killpg(process, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(process, number)
