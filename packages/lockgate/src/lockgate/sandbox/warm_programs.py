"""Programs of dbt run by forking a process that has imported it, where starting Python each time would take too long.

A stand-in may be given this in the place of `MachineProcess`: the same commands, the same output, the same ends. The
environment is that of Lockgate's own runs, whatever a command is given.
Started as `python -P -X utf8 -m lockgate.sandbox.warm_programs` with a socket as standard input.
"""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock, Thread

from lockgate.adapters.dbt.forking import ForkServer
from lockgate.adapters.dbt.rehearsal import rehearse
from lockgate.adapters.dbt.remote.protocol import QUIET
from lockgate.adapters.dbt.server import import_dbt
from lockgate.adapters.dbt.wire import ConnectionEnded, Message, pair, receive, send
from lockgate.sandbox.machine_process import MachineProcess, RunningProcess, surroundings

_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_CHUNK = 1 << 16
_PYTHON = ("python", "-P", "-X", "utf8", "-m")
_KINDS = ("duckdb", "postgres")


class WarmPrograms:
    """To be called as `MachineProcess` is; what it does not know is run as that does."""

    def __init__(self) -> None:
        """Starts the process that imports dbt, without waiting for it."""
        self._outputs = Path(mkdtemp(prefix="lockgate-warm-"))
        self._control, theirs = pair()
        self._turn = Lock()
        command = [sys.executable, *_PYTHON[1:], __name__]
        with theirs:
            self._server = subprocess.Popen(command, stdin=theirs.fileno(), env={**surroundings(), **QUIET})

    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> RunningProcess:
        """A process that runs a command."""
        if tuple(command[: len(_PYTHON)]) != _PYTHON and command[0] != "dbt":
            return MachineProcess(command, folder, environment)
        ours, theirs = pair()
        output = self._outputs / os.urandom(8).hex()
        output.touch()
        asked = {"command": list(command), "folder": str(folder), "output": str(output)}
        with theirs, self._turn:
            send(self._control, asked, theirs.fileno())
        return WarmProcess(ours, output)

    def close(self) -> None:
        """Ends what runs."""
        self._control.close()
        self._server.wait()
        for output in self._outputs.iterdir():
            output.unlink()
        self._outputs.rmdir()


class WarmProcess(RunningProcess):
    """See `MachineProcess`."""

    def __init__(self, connection: socket.socket, output: Path) -> None:
        """It was asked for over `connection`, and prints into `output`."""
        super().__init__()
        self._connection = connection
        self._output = output
        self._process = 0
        Thread(target=self._watch, daemon=True).start()

    @property
    def output(self) -> bytes:
        """What it has printed so far."""
        return self._output.read_bytes()

    def followed(self) -> Iterator[bytes]:
        """What it prints, from the beginning to its end."""
        with self._output.open("rb") as file:
            while True:
                has_ended = self.code is not None
                while piece := file.read(_CHUNK):
                    yield piece
                if has_ended:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self.code is not None, _LOOK_SECONDS)

    def _group(self) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._process or self.code is not None)
        return self._process

    def _watch(self) -> None:
        code = 1
        with self._connection, suppress(ConnectionEnded, OSError):
            while True:
                message = receive(self._connection)
                if "process" in message:
                    with self._changed:
                        self._process = message["process"]
                        self._changed.notify_all()
                elif message["kind"] == "ended":
                    code = message["code"]
                    break
        self._has_ended(code)


def _run(request: Message, connection: socket.socket) -> None:
    """In a forked process: becomes what a command would start, as far as it can be told from outside."""
    output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(request["folder"])
    send(connection, {"kind": "started", "process": os.getpid()})
    command = request["command"]
    module, arguments = (command[5], command[6:]) if command[0] != "dbt" else ("dbt.cli.main", command[1:])
    sys.argv = [module, *arguments]
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Imports dbt, and forks."""
    control = socket.socket(fileno=os.dup(0))
    import_dbt()
    for kind in _KINDS:
        rehearse({"kept": os.devnull + "/none", "profile": {"type": kind}})
    ForkServer(control, _run, grace_seconds=_GRACE_SECONDS).serve()
    os._exit(0)  # what it imported has nothing to put in order


if __name__ == "__main__":
    serve()
