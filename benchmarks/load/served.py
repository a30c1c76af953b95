"""A copy of the inventory solution, loaded and served by `lockgate serve` for a person who has signed in."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg

from lockgate import start_postgres

SOLUTION = Path(__file__).resolve().parents[2] / "solutions/inventory"
PROGRAMS = Path(sys.executable).parent
HOST = "127.0.0.1"
TARGETS = {"duckdb": "main", "postgres": "postgres"}
PERSON, PASSWORD = "ada", "eleven grey herons at dawn"
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of the solution; `target` is what `--target` is told, `environment` what its commands need."""

    folder: Path
    target: str
    environment: Mapping[str, str]

    def lockgate(self, *arguments: str, given: str | None = None, fine: Sequence[int] = (0,)) -> str:
        """Runs a command: its standard output.

        Raises:
            SystemExit: it ended otherwise than with one of the codes that are `fine`.
        """
        done = subprocess.run(
            self.command(*arguments), input=given, capture_output=True, text=True, check=False, env=self.surroundings
        )
        if done.returncode not in fine:
            raise SystemExit(f"lockgate {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def asked(self, *arguments: str, fine: Sequence[int] = (0,)) -> Any:
        """What a command says as JSON."""
        return json.loads(self.lockgate(*arguments, "--json", fine=fine))

    def command(self, *arguments: str) -> list[str]:
        """A command as it is typed."""
        return [str(PROGRAMS / "lockgate"), "--project", str(self.folder), "--target", self.target, *arguments]

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment of its commands."""
        return {**os.environ, **self.environment}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and a token for it."""

    project: Project
    port: int
    process: subprocess.Popen[bytes]
    token: str = field(repr=False)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str], address: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from when it answers to the end of the block."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start:\n{log.read_text(encoding='utf-8')}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait()


def _answers(address: str) -> bool:
    with suppress(URLError, OSError), urlopen(address, timeout=2):  # noqa: S310
        return True
    return False


@contextmanager
def loaded(scratch: Path, kind: str = "duckdb", *, stage: str = "promoted") -> Iterator[Project]:
    """The copy, with everything loaded, a person who may operate it, and both entities at a stage of their routes.

    On `postgres` a real server holds what is loaded, and the control plane in a database of its own. The discovery
    service answers as long as the block lasts, so that it can be loaded again.
    """
    folder, port = scratch / "inventory", free_port()
    left_out = shutil.ignore_patterns(".lockgate", "warehouse", "warehouse-spark", "target", "logs", "*.duckdb")
    shutil.copytree(SOLUTION, folder, ignore=left_out)
    text = (folder / "lockgate.yml").read_text(encoding="utf-8").replace("127.0.0.1:5004", f"{HOST}:{port}")
    (folder / "lockgate.yml").write_text(text.replace("stage: promoted", f"stage: {stage}"), encoding="utf-8")
    discovery = [sys.executable, "-m", "inventory.discovery", "--port", str(port)]
    with (
        _database(kind, scratch) as environment,
        running(discovery, f"http://{HOST}:{port}/health", scratch / "discovery.log"),
    ):
        project = Project(folder, TARGETS[kind], {"LOCKGATE_LOG_LEVEL": "warning", **environment})
        project.lockgate("load", "discovery")
        project.lockgate("govern", "user", "add", PERSON, "--role", "operator", "--password-stdin", given=PASSWORD)
        yield project


@contextmanager
def _database(kind: str, scratch: Path) -> Iterator[dict[str, str]]:
    """What commands need to reach the target and the control plane."""
    if kind == "duckdb":
        yield {}
        return
    server = start_postgres(scratch / "postgres")
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE warehouse")
            connection.execute("CREATE DATABASE control")
        at = {name: urlsplit(server.url)._replace(path=f"/{name}").geturl() for name in ("warehouse", "control")}
        yield {"LOCKGATE_SECRET_WAREHOUSE_URL": at["warehouse"], "LOCKGATE_CONTROL_URL": at["control"]}
    finally:
        server.stop()


@contextmanager
def serving(project: Project, log: Path, *options: str) -> Iterator[Server]:
    """`lockgate serve` in production, where only who has signed in is answered, and somebody who has."""
    port = free_port()
    command = project.command("serve", "--port", str(port), *options)
    environment = {**project.surroundings, "LOCKGATE_MODE": "production"}
    with running(command, f"http://{HOST}:{port}/api/health", log, environment) as process:
        yield Server(project, port, process, _signed_in(port))


def _signed_in(port: int) -> str:
    body = json.dumps({"name": PERSON, "password": PASSWORD}).encode()
    asked = Request(f"http://{HOST}:{port}/api/token", body, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
        token: str = json.load(answer)["access_token"]
    return token
