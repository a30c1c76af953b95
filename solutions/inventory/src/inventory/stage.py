"""What the demo stands on: commands printed as they are typed, the discovery service, a target."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from lockgate import start_postgres

PATIENCE_SECONDS = 30.0
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where commands are typed: the folder, and what the target needs in their environment."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def typed(self, *command: str) -> int:
        """Prints a command and runs it: its exit code."""
        say(f"\n$ {shlex.join(_relative(argument) for argument in command)}")
        own = _PROGRAMS / command[0]
        program = [str(own) if own.exists() else command[0], *command[1:]]
        environment = {**os.environ, "LOCKGATE_LOG_LEVEL": "error", **self.environment}
        return subprocess.run(program, cwd=self.folder, env=environment, check=False).returncode

    def lockgate(self, *arguments: str, options: Sequence[str] = (), ends_with: int = 0) -> bool:
        """Types a `lockgate` command: whether it ended as it should."""
        return self.typed("lockgate", *options, *arguments) == ends_with


def say(line: str) -> None:
    """Tells the person who watches, in step with what the commands print."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def shown(path: Path) -> str:
    """A path below the working folder as a person would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


def _relative(argument: str) -> str:
    return shown(Path(argument)) if argument.startswith("/") else argument


@contextmanager
def discovery(port: int) -> Iterator[None]:
    """The discovery service, answering on `port` while the block runs."""
    say(f"$ python -m inventory.discovery --port {port} &")
    service = subprocess.Popen(
        [sys.executable, "-m", "inventory.discovery", "--port", str(port)], stdout=subprocess.DEVNULL
    )
    try:
        _await(f"http://127.0.0.1:{port}/health", service)
        yield
    finally:
        service.terminate()
        service.wait()


def _await(address: str, service: subprocess.Popen[bytes]) -> None:
    """Waits until the service answers; ends the demo with a remedy where it cannot."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if service.poll() is not None:
            sys.exit(f"the discovery service ended at once; is something else using the port of {address}?")
        try:
            with urlopen(address, timeout=1):  # noqa: S310
                return
        except (URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"the discovery service did not answer at {address} within {PATIENCE_SECONDS:.0f} seconds")


@contextmanager
def warehouse(kind: str, project: Path) -> Iterator[Mapping[str, str]]:
    """What a command's environment needs to reach the target; a real PostgreSQL is started where one is asked for."""
    if kind == "duckdb":
        yield {}
        return
    folder = project / ".lockgate" / "postgres"
    say(f"$ lockgate sandbox up postgres --folder {shown(folder)} &")
    server = start_postgres(folder)
    try:
        yield {"LOCKGATE_SECRET_WAREHOUSE_URL": server.url}
    finally:
        server.stop()
