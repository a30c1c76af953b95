"""One warm dbt process as Lockgate sees it: started when it is first needed, and again where it died."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from lockgate.adapters.dbt.wire import send

STOP_SECONDS = 5.0
_QUIET = {
    "TZ": "UTC",
    "PYTHONUTF8": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
}


class WarmProcess:
    """A fork server. Each request gets a connection of its own; safe to use from several threads."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """`folder` is its working folder and home; `environment` all that it sees of ours."""
        self._folder = folder
        self._environment = {**environment, **_QUIET, "HOME": str(folder)}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def request(self, message: Mapping[str, object]) -> socket.socket:
        """A connection on which the answers to `message` will come; a dead process is started again."""
        ours, theirs = socket.socketpair()
        send(ours, message)
        with self._lock, theirs:
            try:
                socket.send_fds(self._alive(), [b"c"], [theirs.fileno()])
            except OSError:
                self._end()
                socket.send_fds(self._alive(), [b"c"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        """Ends the process and every invocation it has forked."""
        with self._lock:
            self._end()

    def _alive(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            self._end()
            self._start()
        assert self._control is not None  # noqa: S101  _start has just set it
        return self._control

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours, theirs = socket.socketpair()
        log = (self._folder / "server.log").open("ab")
        with theirs, log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "lockgate.adapters.dbt.server"],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        self._control = ours

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._control = None
