"""Projects kept parsed: each in a process of its own, replaced when the content of a file changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lockgate.adapters.dbt.answers import refusal
from lockgate.adapters.dbt.call import Call, end
from lockgate.adapters.dbt.command import RENDER, SERVE
from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.fingerprint import Fingerprint
from lockgate.adapters.dbt.profile import database_of, output_for_parsing
from lockgate.adapters.dbt.scratch import Scratch
from lockgate.adapters.dbt.warm import WarmProcess
from lockgate.adapters.dbt.wire import Message, MessageTooLong
from lockgate.core.execution import DbtInvocation
from lockgate.errors import DbtFailed, DbtProcessLost, LockgateError

SHORTER = "Write what is long into a table or a seed, and let a variable name it."
Hear = Callable[[Message], None]


def nothing(_message: Message) -> None:
    """Hears, and leaves it at that."""


@dataclass(slots=True)
class ParsedProject:
    """A process that holds a project's manifest for one workshop and one set of variables.

    `folder` has dbt's `manifest.json`; `content` is the hash of what was parsed, empty where it changed meanwhile.
    """

    place: str
    connection: socket.socket
    folder: Path
    content: str
    ready: Message
    users: int = 0

    def close(self, *, patience_seconds: float) -> None:
        """Ends the process and takes its folder away."""
        end(self.connection, patience_seconds=patience_seconds)
        shutil.rmtree(self.folder, ignore_errors=True)


class Projects:
    """The parsed projects of one executor, the least recently used first; `parses` counts dbt's parses."""

    def __init__(self, config: DbtConfig, warm: WarmProcess, scratch: Scratch) -> None:
        """Nothing is parsed yet."""
        self._config = config
        self._warm = warm
        self._scratch = scratch
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._parsed: dict[str, ParsedProject] = {}
        self._fingerprints: dict[Path, Fingerprint] = {}
        self.parses = 0

    @contextmanager
    def lease(self, invocation: DbtInvocation, call: Call) -> Iterator[ParsedProject]:
        """The invocation's project, parsed as its files are now; its process stays for as long as the block runs.

        Raises:
            DbtProjectInvalid: dbt cannot parse it.
            DbtProcessLost: its process ended meanwhile, twice.
        """
        place = place_of(invocation)
        with self._lock:
            opening = self._opening.setdefault(place, threading.Lock())
        with opening:
            project = self._current(place, invocation, call)
        try:
            yield project
        finally:
            with self._lock:
                project.users -= 1
                is_left = project.users == 0 and self._parsed.get(place) is not project
            if is_left:
                self._close(project)

    def parse(self, invocation: DbtInvocation, call: Call, hear: Hear) -> ParsedProject:
        """The invocation's project, parsed whole and for this once; `hear` is told of dbt's warnings.

        Raises:
            DbtProjectInvalid: dbt cannot parse it.
            DbtProcessLost: its process ended meanwhile.
        """
        folder = self._scratch.new("project")
        return self._asked("", invocation, call, folder=folder, kept=folder / "none", hear=hear)

    def render(self, invocation: DbtInvocation, call: Call, quote: str) -> ParsedProject:
        """The invocation's project with what lineage needs in its folder; names in SQL stand between two `quote`.

        Raises:
            DbtProjectInvalid: dbt cannot parse it, not even in part.
            DbtProcessLost: its process ended meanwhile.
        """
        folder = self._scratch.new("project")
        request = {**self._request(invocation, folder, folder / "none"), "task": RENDER, "quote": quote}
        return self._answered("", request, call, nothing)

    def retire(self, project: ParsedProject) -> None:
        """Keeps a project no longer; it is closed once nobody uses it."""
        with self._lock:
            if self._parsed.get(project.place) is project:
                del self._parsed[project.place]
            is_left = project.users == 0
        if is_left:
            self._close(project)

    def close(self) -> None:
        """Ends every project's process."""
        with self._lock:
            left, self._parsed = list(self._parsed.values()), {}
        for project in left:
            self._close(project)

    def revision(self, project: Path) -> str:
        """The digest of a project's files as they are."""
        with self._lock:
            return self._fingerprints.setdefault(project, Fingerprint(project)).now()

    def _close(self, project: ParsedProject) -> None:
        project.close(patience_seconds=4 * self._config.grace_seconds)

    def _current(self, place: str, invocation: DbtInvocation, call: Call) -> ParsedProject:
        """The project kept for a place where its content is still that, else parsed again; with one user more."""
        content = self.revision(invocation.project)
        with self._lock:
            known = self._parsed.pop(place, None)
            if known is not None and known.content == content:
                known.users += 1
                self._parsed[place] = known
                return known
        if known is not None:
            self.retire(known)
        project = self._opened(place, invocation, call)
        project.content = content if self.revision(invocation.project) == content else ""
        self._keep(project)
        return project

    def _keep(self, project: ParsedProject) -> None:
        """Keeps a project that has its first user, and retires the one that was used the longest time ago."""
        with self._lock:
            project.users = 1
            self._parsed[project.place] = project
            oldest = next(iter(self._parsed.values()))
            are_too_many = len(self._parsed) > self._config.warm_projects
        if are_too_many:
            self.retire(oldest)

    def _opened(self, place: str, invocation: DbtInvocation, call: Call) -> ParsedProject:
        """A project's process; where it dies while it parses, another one, once."""
        kept = self._config.folder / "parsed" / f"{place}.msgpack"
        try:
            return self._asked(place, invocation, call, folder=self._scratch.new("project"), kept=kept)
        except DbtProcessLost:
            return self._asked(place, invocation, call, folder=self._scratch.new("project"), kept=kept)

    def _asked(
        self, place: str, invocation: DbtInvocation, call: Call, *, folder: Path, kept: Path, hear: Hear = nothing
    ) -> ParsedProject:
        return self._answered(place, self._request(invocation, folder, kept), call, hear)

    def _answered(self, place: str, request: Message, call: Call, hear: Hear) -> ParsedProject:
        folder = Path(request["folder"])
        try:
            connection = self._warm.request(request)
        except MessageTooLong as error:
            raise DbtFailed(f"the variables are too long for one invocation: {error}", hint=SHORTER) from error
        try:
            with call.waiting_on(connection):
                ready = self._followed(connection, call, hear)
        except BaseException:
            end(connection, patience_seconds=4 * self._config.grace_seconds)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return ParsedProject(place, connection, folder, "", ready)

    def _followed(self, connection: socket.socket, call: Call, hear: Hear) -> Message:
        """What a project's process says once it is ready."""
        problem: LockgateError = DbtProcessLost("the process that parsed the dbt project ended before it was done")
        for answer in call.messages(connection):
            if answer["kind"] == "ready":
                return answer
            if answer["kind"] == "parsed":
                self.parses += answer["anew"]
            elif answer["kind"] in {"unparsed", "broken"}:
                problem = refusal(answer)
            elif answer["kind"] == "ended":
                problem.fields["exit_code"] = answer["code"]
            else:
                hear(answer)
        call.refuse_if_stopped()
        raise problem

    def _request(self, invocation: DbtInvocation, folder: Path, kept: Path) -> Message:
        access = invocation.access
        return {
            "task": SERVE,
            "project": str(invocation.project),
            "vars": _variables(invocation),
            "profile": output_for_parsing(access),
            "database": database_of(access),
            "schema": access.schema,
            "folder": str(folder),
            "kept": str(kept),
            "templates": str(kept.with_suffix(".templates")),
            "limits": self._config.limits.named(),
            "grace_seconds": self._config.grace_seconds,
        }


def place_of(invocation: DbtInvocation) -> str:
    """A name for what a manifest depends on besides the project's files: workshop, connection, variables."""
    parts = [str(invocation.project), _variables(invocation), json.dumps(output_for_parsing(invocation.access))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _variables(invocation: DbtInvocation) -> str:
    """The variables as dbt's command line takes them: JSON, which is YAML."""
    return json.dumps(dict(invocation.vars), sort_keys=True, ensure_ascii=False)
