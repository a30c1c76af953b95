"""`LocalDbtExecutor`: dbt on this machine, in processes of its own that are kept warm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from lockgate.adapters.dbt.answers import refusal, result_of
from lockgate.adapters.dbt.config import DbtConfig, Limits
from lockgate.adapters.dbt.fingerprint import Fingerprint
from lockgate.adapters.dbt.profile import PROFILE, TARGET, database_of, output_of, write_profile
from lockgate.adapters.dbt.warm import WarmProcess
from lockgate.adapters.dbt.wire import ConnectionEnded, Inbox
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, WorkshopAccess
from lockgate.core.ports import NodeListener
from lockgate.errors import DbtCancelled, DbtFailed, DbtProjectInvalid, DbtTimedOut

PARSE_SECONDS = 300.0
# A workshop that is never reached: parsing asks no database.
_NOWHERE: Mapping[str, Mapping[str, object]] = {
    "duckdb": {"path": "check.duckdb"},
    "postgres": {"host": "", "port": 5432, "user": "", "dbname": "check"},
}


class LocalDbtExecutor:
    """Imports dbt once and parses a project once, then forks a process for each invocation.

    Different workshops may be built at the same time, from several threads; one workshop by one invocation.
    """

    def __init__(self, config: DbtConfig) -> None:
        """Nothing is started before the first invocation."""
        self._config = config
        self._warm = WarmProcess(config.folder / "warm", config.environment)
        self._fingerprints: dict[Path, Fingerprint] = {}
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._cancelled: set[int] = set()
        self.parses = 0

    def execute(self, invocation: DbtInvocation, on_node: NodeListener) -> DbtExecutionResult:
        """Runs one invocation to its end; see `lockgate.core.ports.DbtExecutor`."""
        folder = self._new_folder()
        profiles = Path(mkdtemp(prefix="profile-", dir=folder))
        deadline = time.monotonic() + invocation.timeout_seconds
        try:
            write_profile(profiles, output_of(invocation.access, threads=self._config.threads))
            with self._asked(invocation, folder, profiles) as connection:
                answer = self._followed(connection, deadline, on_node)
        finally:
            shutil.rmtree(profiles, ignore_errors=True)
        return result_of(answer, folder)

    def models(self, project: Path, kind: str) -> Mapping[str, tuple[str, ...]]:
        """The project's models with the columns that its YAML describes; asks no database.

        Raises:
            DbtProjectInvalid: dbt cannot parse the project; the message is its own.
        """
        access = WorkshopAccess(kind, "check", _NOWHERE[kind], {"password": ""})
        invocation = DbtInvocation(project, (), "check", access, command="parse")
        folder = self._new_folder()
        try:
            write_profile(folder, output_of(access, threads=1))
            with self._asked(invocation, folder, folder) as connection:
                answer = Inbox(connection).receive(time.monotonic() + PARSE_SECONDS)
        except (TimeoutError, ConnectionEnded) as error:
            raise DbtProjectInvalid(f"dbt gave no answer about {project.name}", project=str(project)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._count_parses(answer)
        if answer["kind"] != "parsed":
            raise refusal(answer)
        return {name: tuple(columns) for name, columns in answer["models"].items()}

    def cancel(self) -> None:
        """Stops every invocation that is running."""
        with self._lock:
            running = set(self._running)
            self._cancelled |= running
        for process in running:
            self._stop(process)

    def close(self) -> None:
        """Ends the warm process and whatever it runs."""
        self.cancel()
        self._warm.close()

    def _asked(self, invocation: DbtInvocation, folder: Path, profiles: Path) -> socket.socket:
        """A connection on which the warm process answers."""
        with self._lock:
            fingerprint = self._fingerprints.setdefault(invocation.project, Fingerprint(invocation.project))
            content = fingerprint.now()
        return self._warm.request(self._message(invocation, content, folder, profiles))

    def _message(self, invocation: DbtInvocation, content: str, folder: Path, profiles: Path) -> dict[str, object]:
        """The request, with the key under which its manifest is kept."""
        access, variables = invocation.access, json.dumps(dict(invocation.vars), sort_keys=True)
        place = _short(str(invocation.project), access.kind, database_of(access), access.schema, variables)
        return {
            "command": invocation.command,
            "key": f"{place} {content}",
            "project": str(invocation.project),
            "models": list(invocation.models),
            "select": list(invocation.select),
            "full_refresh": invocation.full_refresh,
            "vars": variables,
            "database": database_of(access),
            "schema": access.schema,
            "profiles": str(profiles),
            "profile": PROFILE,
            "target": TARGET,
            "parse_path": str(self._config.folder / "parsed" / place),
            "target_path": str(folder / "target"),
            "log_path": str(folder / "logs"),
            "limits": _limits(self._config.limits),
        }

    def _followed(self, connection: socket.socket, deadline: float, on_node: NodeListener) -> dict[str, Any]:
        """Follows an invocation to its last message, and stops it where its time is over."""
        inbox, process = Inbox(connection), 0
        try:
            while True:
                answer = inbox.receive(deadline)
                self._count_parses(answer)
                if answer["kind"] == "started":
                    process = self._begun(answer["pid"])
                elif answer["kind"] == "node":
                    on_node(answer["node"])
                else:
                    return answer
        except TimeoutError as error:
            self._stop(process)
            raise DbtTimedOut from error
        except ConnectionEnded as error:
            if process in self._cancelled:
                raise DbtCancelled from error
            raise DbtFailed("dbt's process ended without an answer; it may have been killed") from error
        finally:
            with self._lock:
                self._running.discard(process)
                self._cancelled.discard(process)

    def _begun(self, process: int) -> int:
        with self._lock:
            self._running.add(process)
        return process

    def _count_parses(self, answer: Mapping[str, Any]) -> None:
        self.parses = answer.get("parses", self.parses)

    def _stop(self, process: int) -> None:
        """Asks a process group to end, and ends it where it does not."""
        if not process:
            return
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGTERM)
        if not _gone(process, self._config.grace_seconds):
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)

    def _new_folder(self) -> Path:
        """A folder for one invocation; the oldest beyond those kept are removed."""
        folder = self._config.folder / "invocations"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = sorted(folder.iterdir(), key=lambda entry: entry.name, reverse=True)
        for old in kept[self._config.kept :]:
            shutil.rmtree(old, ignore_errors=True)
        return Path(mkdtemp(prefix=f"{time.time_ns():020d}-", dir=folder))


def _limits(limits: Limits) -> dict[str, int]:
    """Limits under the names of setrlimit(2)."""
    return {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }


def _short(*parts: str) -> str:
    """A name for a folder from what it is for."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _gone(process: int, patience_seconds: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether a process ended within the patience."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        sleep(0.02)
    return False
