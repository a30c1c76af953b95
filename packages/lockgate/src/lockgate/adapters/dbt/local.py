"""`LocalDbtExecutor`: dbt on this machine, in processes of its own that are kept warm."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from lockgate.adapters.dbt.answers import escape, lost
from lockgate.adapters.dbt.artifacts import new_folder
from lockgate.adapters.dbt.call import Call, end
from lockgate.adapters.dbt.command import BUILD, COMPILE
from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.dialects import dialect_of_type, parsing_kind, quote_of
from lockgate.adapters.dbt.graph import compiled_graph
from lockgate.adapters.dbt.invoking import MANIFEST
from lockgate.adapters.dbt.lineage import RenderedProject, rendered_project
from lockgate.adapters.dbt.profile import output_of
from lockgate.adapters.dbt.project import inspected, inspection_of, problem_of
from lockgate.adapters.dbt.projects import ParsedProject, Projects
from lockgate.adapters.dbt.redaction import Redaction
from lockgate.adapters.dbt.scratch import Scratch
from lockgate.adapters.dbt.spark_setup import session_of
from lockgate.adapters.dbt.story import Story
from lockgate.adapters.dbt.warm import WarmProcess
from lockgate.adapters.dbt.wire import Message, MessageTooLong, pair, send
from lockgate.adapters.registry import is_installed, require
from lockgate.core.compiled import CompiledGraph
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, NodeResult, ProjectInspection
from lockgate.core.executor import ExecutorDeclaration
from lockgate.core.ports import NodeListener, Secrets
from lockgate.errors import DbtCancelled, DbtFailed, DbtProjectInvalid, Problem

EXTRA = "dbt"
INSPECTION_SECONDS = 300.0
Result = TypeVar("Result")


def _ignore(_node: NodeResult) -> None:
    """Hears of a node, and leaves it at that."""


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
        self._compilations: list[Call] = []  # which end by themselves where invocations are stopped
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
            return self._tried(lambda: self._executed(invocation, call, on_node))

    def compiled(self, invocation: DbtInvocation) -> CompiledGraph:
        """See `lockgate.core.ports.DbtExecutor`; dbt's files are gone with the call."""
        with self._called(invocation.workshop, invocation.timeout_seconds, among=self._compilations) as call:
            return self._tried(lambda: self._compiled(invocation, call))

    @contextmanager
    def parsed(self, invocation: DbtInvocation) -> Iterator[Path]:
        """The `manifest.json` of an invocation's project, which stays for as long as the block runs; nothing is built.

        Raises:
            DbtProjectInvalid: dbt cannot parse it.
            WorkshopEscaped: a node would be built outside the workshop.
            DbtTimedOut: it took longer than the invocation may.
            DbtCancelled: stopped by `cancel`.
        """
        with (
            self._called(invocation.workshop, invocation.timeout_seconds) as call,
            self._projects.lease(invocation, call) as project,
        ):
            refuse_escape(project)
            yield project.folder / MANIFEST

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

    def rendered(self, project: Path, variables: Mapping[str, object], *, kind: str, dialect: str) -> RenderedProject:
        """A project's nodes with the SQL that dbt renders them to, without a database.

        `kind` is the type of connection that the project is parsed as for, `dialect` that of its SQL. What cannot be
        parsed or rendered has its reason with it; nothing else suffers.

        Raises:
            DbtProjectInvalid: nothing of it can be parsed.
            DbtTimedOut: it took too long.
        """
        with self._called("", INSPECTION_SECONDS) as call:
            asked = inspection_of(project.resolve(), parsing_kind(kind), variables)
            found = self._projects.render(asked, call, quote_of(dialect))
            try:
                return rendered_project(found.folder, dialect)
            finally:
                found.close(patience_seconds=self._patience_seconds)

    def cancel(self) -> None:
        """Stops every invocation that is running, from another thread; what is compiled builds nothing, and goes on."""
        with self._calls_changed:
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def close(self) -> None:
        """Ends every process and takes what they needed away; artefacts and parsed projects stay."""
        with self._calls_changed:
            self._is_closed = True
            compilations = list(self._compilations)
        self.cancel()
        for call in compilations:
            call.cancel()
        with self._calls_changed:
            self._calls_changed.wait_for(
                lambda: not self._calls and not self._compilations, timeout=self._patience_seconds
            )
        self._projects.close()
        self._process.close()
        self._scratch.close()

    @contextmanager
    def _called(self, workshop: str, timeout_seconds: float, *, among: list[Call] | None = None) -> Iterator[Call]:
        require(EXTRA, "an implementation by dbt")
        calls = self._calls if among is None else among
        call = Call(workshop, timeout_seconds=timeout_seconds, patience_seconds=self._patience_seconds)
        with self._calls_changed:
            if self._is_closed:
                raise DbtCancelled("what runs dbt has been closed")
            calls.append(call)
        try:
            yield call
        finally:
            with self._calls_changed:
                calls.remove(call)
                self._calls_changed.notify_all()

    def _tried(self, work: Callable[[], Result]) -> Result:
        """What work gives; it is done once more where its process died before it began."""
        with suppress(_NotBegun):
            return work()
        try:
            return work()
        except _NotBegun as error:
            raise lost(None, str(self._config.folder)) from error

    def _executed(self, invocation: DbtInvocation, call: Call, on_node: NodeListener) -> DbtExecutionResult:
        with self._projects.lease(invocation, call) as project:
            refuse_escape(project)
            folder = new_folder(self._config.folder, kept=self._config.kept)
            request = self._request(BUILD, invocation, folder)
            return self._asked(request, project, call, Story(on_node, Redaction(invocation.access.kind)))

    def _compiled(self, invocation: DbtInvocation, call: Call) -> CompiledGraph:
        with self._projects.lease(invocation, call) as project:
            refuse_escape(project)
            folder = self._scratch.new("compiled")
            try:
                request = self._request(COMPILE, invocation, folder)
                self._asked(request, project, call, Story(_ignore, Redaction(invocation.access.kind)))
                return compiled_graph(folder, dialect_of_type(invocation.access.kind))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _asked(self, request: Message, project: ParsedProject, call: Call, story: Story) -> DbtExecutionResult:
        """Has a project's process do what a request says."""
        try:
            return self._followed(request, project, call, story)
        except _NotBegun:
            self._projects.retire(project)
            raise
        finally:
            shutil.rmtree(request["profiles"], ignore_errors=True)

    def _request(self, task: str, invocation: DbtInvocation, folder: Path) -> Message:
        """What a project's process is asked for; it leaves its files in `folder`."""
        return {
            "task": task,
            "models": list(invocation.models),
            "select": list(invocation.select),
            "full_refresh": invocation.full_refresh,
            "tests_only": invocation.tests_only,
            "profile": output_of(invocation.access, threads=self._config.threads),
            "session": session_of(invocation.access),
            "folder": str(folder),
            "profiles": str(self._scratch.new("profile")),
        }

    def _followed(self, request: Message, project: ParsedProject, call: Call, story: Story) -> DbtExecutionResult:
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
        if story.last is None or story.last["kind"] == "broken":
            call.refuse_if_stopped()
        if story.last is None and not story.has_begun:
            raise _NotBegun
        return story.result(Path(request["folder"]))


def refuse_escape(project: ParsedProject) -> None:
    """Returns where a parsed project may be built.

    Raises:
        WorkshopEscaped: it may not.
    """
    escaped = escape(project.ready)
    if escaped is not None:
        raise escaped


def open_local(folder: Path, _declaration: ExecutorDeclaration, _secrets: Secrets) -> LocalDbtExecutor:
    """An executor on this machine that keeps what it parses and leaves in `folder`."""
    return LocalDbtExecutor(DbtConfig(folder))
