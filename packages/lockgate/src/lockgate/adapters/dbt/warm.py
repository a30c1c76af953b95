"""The warm dbt process as Lockgate sees it: started when it is first needed, and again where it died."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from lockgate.adapters.dbt.wire import pair, send

_QUIET = {"TZ": "UTC", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


class WarmProcess:
    """A fork server. Each request gets a connection of its own; safe to use from several threads."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, grace_seconds: float) -> None:
        """`folder` is its working folder and home; `environment` all that it sees of ours."""
        self._folder = folder
        self._environment = {**environment, **_QUIET, "HOME": str(folder)}
        self._grace_seconds = grace_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Starts the process where none runs; does not wait until it has imported dbt."""
        with self._lock:
            self._alive()

    def request(self, message: Mapping[str, object]) -> socket.socket:
        """A connection on which the answers to `message` will come; a dead process is started again.

        Raises:
            MessageTooLong: nothing was asked.
        """
        ours, theirs = pair()
        try:
            with theirs, self._lock:
                self._ask(message, theirs)
        except BaseException:
            ours.close()
            raise
        return ours

    def close(self) -> None:
        """Ends the process and everything it has forked."""
        with self._lock:
            self._end()

    def _ask(self, message: Mapping[str, object], theirs: socket.socket) -> None:
        try:
            send(self._alive(), message, theirs.fileno())
        except OSError:  # it died between the look and the request
            self._end()
            send(self._alive(), message, theirs.fileno())

    def _alive(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            self._end()
            self._control = self._started()
        return self._control

    def _started(self) -> socket.socket:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours, theirs = pair()
        with theirs, (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-m", "lockgate.adapters.dbt.server", str(self._grace_seconds)],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        return ours

    def _end(self) -> None:
        """Closes the connection, which ends the process; where it does not end, kills it, and its children with it."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(4 * self._grace_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._control = None
