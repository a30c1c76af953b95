"""The solution shown in one go: the discovery service, a run of both implementations, their results side by side.

Every command is printed as a person would type it. `python -m inventory.demo --target duckdb|postgres`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from lockgate import start_postgres

FOLDER = Path(__file__).resolve().parents[2]
PORT = 5004
PATIENCE_SECONDS = 30.0
TARGETS = {"duckdb": "main", "postgres": "postgres"}


def main() -> int:
    """Runs the demo: its exit code."""
    parser = argparse.ArgumentParser(description="Load, build by rules and by dbt, publish, and show both.")
    parser.add_argument("--target", choices=TARGETS, default="duckdb")
    parser.add_argument("--project", type=Path, default=FOLDER, help="the solution's folder, or a copy of it")
    parser.add_argument("--port", type=int, default=PORT, help="where the discovery service listens")
    arguments = parser.parse_args()
    with discovery(arguments.port), warehouse(arguments.target, arguments.project) as environment:
        return walk(arguments.project, TARGETS[arguments.target], environment)


def walk(project: Path, target: str, environment: Mapping[str, str]) -> int:
    """Types the demo's commands, one after the other, and stops at the first that fails."""
    report = project / ".lockgate" / "report.html"
    for command in (
        ("check",),
        ("run", "--engine", "rules", "--engine", "dbt", "--report", str(report)),
        ("editions", "list"),
        ("editions", "show", "users", "--by", "department"),
        ("editions", "show", "applications", "--by", "criticality"),
    ):
        code = typed(("--project", str(project), "--target", target, *command), environment)
        if code:
            return code
    _say(f"\nThe report with pictures: {report}")
    return 0


def typed(arguments: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Prints a `lockgate` command and runs it: its exit code."""
    shown = " ".join(_relative(argument) for argument in arguments)
    _say(f"\n$ lockgate {shown}")
    program = Path(sys.executable).with_name("lockgate")
    return subprocess.run([program, *arguments], env={**os.environ, **environment}, check=False).returncode


def _say(line: str) -> None:
    """Tells the person who watches, in step with what the commands print."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _relative(argument: str) -> str:
    """A path below the working folder as a person would type it."""
    path = Path(argument)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else argument


@contextmanager
def discovery(port: int) -> Iterator[None]:
    """The discovery service, answering on `port` while the block runs."""
    _say(f"$ python -m inventory.discovery --port {port} &")
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
    _say(f"$ lockgate sandbox up postgres --folder {_relative(str(folder))} &")
    server = start_postgres(folder)
    try:
        yield {"LOCKGATE_SECRET_WAREHOUSE_URL": server.url}
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
