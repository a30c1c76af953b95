"""`LocalDbtExecutor`: dbt on this machine, in processes of its own that are kept warm."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from lockgate.adapters.dbt.answers import escape, lost, node_result, refusal
from lockgate.adapters.dbt.call import Call, end
from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.profile import output_of
from lockgate.adapters.dbt.project import inspected, inspection_of, problem_of
from lockgate.adapters.dbt.projects import ParsedProject, Projects
from lockgate.adapters.dbt.redaction import LOG, Redaction
from lockgate.adapters.dbt.scratch import Scratch
from lockgate.adapters.dbt.spark_setup import session_of
from lockgate.adapters.dbt.warm import WarmProcess
from lockgate.adapters.dbt.wire import Message, MessageTooLong, pair, send
from lockgate.adapters.registry import is_installed, require
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, NodeResult, ProjectInspection
from lockgate.core.ports import NodeListener
from lockgate.errors import DbtCancelled, DbtFailed, DbtProjectInvalid, Problem

EXTRA = "dbt"
INSPECTION_SECONDS = 300.0


class _NotBegun(Exception):
    """The project's process had died before it could begin an invocation."""


class LocalDbtExecutor:
    """Imports dbt once and parses a project once, then forks a process for each invocation.

    Different workshops may be built at the same time, from several threads; one workshop by one invocation.
    """

    def __init__(self, config: DbtConfig) -> None:
        """No process is started before `warm` or the first invocation."""
        self._config = config
        self._patience_seconds = 4 * config.grace_seconds
        self._scratch = Scratch(config.folder / "running")
        self._process = WarmProcess(self._scratch.new("home"), config.environment, grace_seconds=config.grace_seconds)
        self._projects = Projects(config, self._process, self._scratch)
        self._calls: list[Call] = []
        self._calls_changed = threading.Condition()
        self._is_closed = False

    @property
    def parses(self) -> int:
        """How often dbt had to parse a project, since none was kept of the same content."""
        return self._projects.parses

    def warm(self) -> None:
        """Starts importing dbt without waiting for it, where it is installed."""
        if is_installed(EXTRA):
            self._process.start()

    def execute(self, invocation: DbtInvocation, on_node: NodeListener) -> DbtExecutionResult:
        """Runs one invocation to its end; see `lockgate.core.ports.DbtExecutor`."""
        with self._called(invocation.workshop, invocation.timeout_seconds) as call:
            try:
                return self._executed(invocation, call, on_node)
            except _NotBegun:
                pass
            try:
                return self._executed(invocation, call, on_node)
            except _NotBegun as error:
                raise lost(None, str(self._config.folder)) from error

    def revision(self, project: Path) -> str:
        """See `lockgate.core.ports.DbtExecutor`; a file is read again only where its times, size or inode changed."""
        return self._projects.revision(project)

    def inspect(self, project: Path, kind: str, variables: Mapping[str, object]) -> ProjectInspection:
        """See `lockgate.core.ports.DbtExecutor`."""
        warnings: dict[Problem, None] = {}

        def hear(message: Message) -> None:
            warnings[problem_of(message["message"], project)] = None

        with self._called("", INSPECTION_SECONDS) as call:
            try:
                parsed = self._projects.parse(inspection_of(project, kind, variables), call, hear)
            except DbtProjectInvalid as error:
                return ProjectInspection({}, (), (problem_of(error.message, project),), tuple(warnings))
            try:
                escaped = escape(parsed.ready)
                errors = (problem_of(escaped.message, project),) if escaped else ()
                return inspected(parsed.folder / "manifest.json", errors, tuple(warnings))
            finally:
                parsed.close(patience_seconds=self._patience_seconds)

    def cancel(self) -> None:
        """Stops every invocation that is running, from another thread."""
        with self._calls_changed:
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def close(self) -> None:
        """Ends every process and takes what they needed away; artefacts and parsed projects stay."""
        with self._calls_changed:
            self._is_closed = True
        self.cancel()
        with self._calls_changed:
            self._calls_changed.wait_for(lambda: not self._calls, timeout=self._patience_seconds)
        self._projects.close()
        self._process.close()
        self._scratch.close()

    @contextmanager
    def _called(self, workshop: str, timeout_seconds: float) -> Iterator[Call]:
        require(EXTRA, "an implementation by dbt")
        call = Call(workshop, timeout_seconds=timeout_seconds, patience_seconds=self._patience_seconds)
        with self._calls_changed:
            if self._is_closed:
                raise DbtCancelled("what runs dbt has been closed")
            self._calls.append(call)
        try:
            yield call
        finally:
            with self._calls_changed:
                self._calls.remove(call)
                self._calls_changed.notify_all()

    def _executed(self, invocation: DbtInvocation, call: Call, on_node: NodeListener) -> DbtExecutionResult:
        with self._projects.lease(invocation, call) as project:
            escaped = escape(project.ready)
            if escaped is not None:
                raise escaped
            folder, profiles = self._new_folder(), self._scratch.new("profile")
            try:
                request = self._request(invocation, folder, profiles)
                story = _Story(on_node, Redaction(invocation.access.kind))
                return self._followed(request, project, call, story)
            except _NotBegun:
                self._projects.retire(project)
                raise
            finally:
                shutil.rmtree(profiles, ignore_errors=True)

    def _request(self, invocation: DbtInvocation, folder: Path, profiles: Path) -> Message:
        return {
            "models": list(invocation.models),
            "select": list(invocation.select),
            "full_refresh": invocation.full_refresh,
            "tests_only": invocation.tests_only,
            "profile": output_of(invocation.access, threads=self._config.threads),
            "session": session_of(invocation.access),
            "folder": str(folder),
            "profiles": str(profiles),
        }

    def _followed(self, request: Message, project: ParsedProject, call: Call, story: _Story) -> DbtExecutionResult:
        """Follows an invocation to the end of its process."""
        ours, theirs = pair()
        try:
            with theirs:
                send(project.connection, request, theirs.fileno())
            with call.waiting_on(ours):
                for message in call.messages(ours):
                    story.hear(message)
        except MessageTooLong as error:
            raise DbtFailed(f"the selection is too long for one invocation: {error}") from error
        except OSError as error:
            raise _NotBegun from error
        finally:
            end(ours, patience_seconds=self._patience_seconds)
            story.redaction.clean(Path(request["folder"]))
        return story.result(call, Path(request["folder"]))

    def _new_folder(self) -> Path:
        """A folder for one invocation; the oldest beyond those kept are removed."""
        folder = self._config.folder / "invocations"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = sorted(folder.iterdir(), key=lambda entry: entry.name, reverse=True)
        for old in kept[self._config.kept :]:
            shutil.rmtree(old, ignore_errors=True)
        return Path(mkdtemp(prefix=f"{time.time_ns():020d}-", dir=folder))


def open_local(folder: Path) -> LocalDbtExecutor:
    """An executor on this machine that keeps what it parses and leaves in `folder`."""
    return LocalDbtExecutor(DbtConfig(folder))


class _Story:
    """What an invocation has told so far."""

    def __init__(self, on_node: NodeListener, redaction: Redaction) -> None:
        self.redaction = redaction
        self._on_node = on_node
        self._nodes: list[NodeResult] = []
        self._upstream: dict[str, frozenset[str]] = {}
        self._last: Message | None = None
        self._has_begun = False
        self._code: int | None = None

    def hear(self, message: Message) -> None:
        kind = message["kind"]
        self._has_begun = True
        if kind == "node":
            self._nodes.append(node_result(message, self.redaction.safe))
            self._on_node(self._nodes[-1])
        elif kind == "upstream":
            name = message["model"]
            self._upstream[name] = self._upstream.get(name, frozenset()).union(message["nodes"])
        elif kind == "ended":
            self._code = message["code"]
        elif kind != "started":
            self._last = {**message, "message": self.redaction.safe(message.get("message", ""))}

    def result(self, call: Call, folder: Path) -> DbtExecutionResult:
        """The result of an invocation whose process has ended."""
        last = self._last
        if last is None or last["kind"] == "broken":
            call.refuse_if_stopped()
        if last is None and not self._has_begun:
            raise _NotBegun
        if last is None:
            raise lost(self._code, str(folder / LOG))
        if last["kind"] != "done":
            raise refusal(last)
        return DbtExecutionResult(
            last["invocation_id"],
            tuple(self._nodes),
            last["seconds"],
            artifacts=folder,
            log=folder / LOG,
            upstream=self._upstream,
        )
