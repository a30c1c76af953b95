"""`RemoteDbtExecutor`: dbt somewhere else, after the project was read here and found to stay in its workshop."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lockgate.adapters.dbt.answers import escape, refusal
from lockgate.adapters.dbt.artifacts import new_folder
from lockgate.adapters.dbt.config import DbtConfig
from lockgate.adapters.dbt.invoking import MANIFEST, NAMED
from lockgate.adapters.dbt.local import LocalDbtExecutor
from lockgate.adapters.dbt.profile import database_of, output_for_parsing, output_of
from lockgate.adapters.dbt.redaction import LOG, Redaction
from lockgate.adapters.dbt.remote.place import Assignment, RemotePlace, RemoteRun, RunState
from lockgate.adapters.dbt.remote.protocol import PROTOCOL, message_of
from lockgate.adapters.dbt.remote.reading import Reading
from lockgate.adapters.dbt.remote.watch import Watch
from lockgate.adapters.dbt.story import Story
from lockgate.adapters.dbt.wire import Message
from lockgate.core.compiled import CompiledGraph
from lockgate.core.execution import DbtExecutionResult, DbtInvocation, ProjectInspection
from lockgate.core.legible import cut, legible
from lockgate.core.nearness import nearest
from lockgate.core.ports import NodeListener
from lockgate.errors import CapabilityMissing, DbtCancelled, DbtProcessLost, ExecutorRefused, ExecutorUnavailable

logger = logging.getLogger(__name__)
LONGEST_SAID = 600
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long nobody may answer before a run is given up, and how long is waited between two questions.

    A run that was asked to end is waited for `end_seconds`, then taken away.
    """

    outage_seconds: float = 60.0
    end_seconds: float = 60.0
    first_wait_seconds: float = 0.05
    longest_wait_seconds: float = 2.0


class RemoteDbtExecutor:
    """Reads projects on this machine, and has them run in a place.

    A run carries the invocation's key: where this process dies, the next one that is asked for the same meets it.
    """

    def __init__(
        self,
        config: DbtConfig,
        place: RemotePlace,
        patience: Patience | None = None,
        *,
        reader: LocalDbtExecutor | None = None,
        grace_seconds: float = 60.0,
    ) -> None:
        """Nobody is asked yet; `close` waits `grace_seconds` for what runs. `reader` reads the projects."""
        self._config = config
        self._place = place
        self._patience = patience or Patience()
        self._grace_seconds = grace_seconds
        self._reader = reader or LocalDbtExecutor(config)
        self._watches: list[Watch] = []
        self._changed = threading.Condition()
        self._is_closed = False

    def warm(self) -> None:
        """Begins to import dbt here, for reading projects."""
        self._reader.warm()

    def inspect(self, project: Path, kind: str, variables: Mapping[str, object]) -> ProjectInspection:
        """See `lockgate.core.ports.DbtExecutor`."""
        self._place.refuse_kind(kind)
        return self._reader.inspect(project, kind, variables)

    def revision(self, project: Path) -> str:
        """See `lockgate.core.ports.DbtExecutor`."""
        return self._reader.revision(project)

    def execute(self, invocation: DbtInvocation, on_node: NodeListener) -> DbtExecutionResult:
        """Runs one invocation to its end; see `lockgate.core.ports.DbtExecutor`.

        Raises:
            CapabilityMissing: the place could not reach the workshop.
            ExecutorRefused: the place refuses to run it.
            ExecutorUnavailable: the place does not answer.
        """
        self._place.refuse(invocation.access)
        with self._watched(invocation) as watch:
            folder = new_folder(self._config.folder, kept=self._config.kept)
            with self._reader.parsed(invocation) as manifest:
                self._refuse_missing(invocation, manifest)
                shutil.copyfile(manifest, folder / MANIFEST)
            run = self._begun(self._assignment(invocation, folder / MANIFEST), invocation, watch)
            with _left_or_removed(run), watch.over(run):
                return self._followed(run, invocation, watch, folder, on_node)

    def compiled(self, invocation: DbtInvocation) -> CompiledGraph:
        """Raises CapabilityMissing: what runs elsewhere is told by its results alone."""
        model = invocation.models[0]
        hint = "Let the implementation run on this machine: `executor: local`."
        raise CapabilityMissing(f"dbt compiles {model} for online use on this machine alone", hint=hint)

    def cancel(self) -> None:
        """Stops every invocation that is running, from another thread."""
        self._reader.cancel()
        with self._changed:
            watches = list(self._watches)
        for watch in watches:
            watch.cancel()

    def close(self) -> None:
        """Ends what runs, and the processes that read projects."""
        with self._changed:
            self._is_closed = True
        self.cancel()
        with self._changed:
            self._changed.wait_for(lambda: not self._watches, timeout=self._grace_seconds)
        self._reader.close()

    @contextmanager
    def _watched(self, invocation: DbtInvocation) -> Iterator[Watch]:
        watch = Watch(invocation.workshop, invocation.timeout_seconds)
        with self._changed:
            if self._is_closed:
                raise DbtCancelled("what runs dbt has been closed")
            self._watches.append(watch)
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.remove(watch)
                self._changed.notify_all()

    def _refuse_missing(self, invocation: DbtInvocation, manifest: Path) -> None:
        """Raises UnknownName where the project lacks one of the invocation's models."""
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
        models = {node["name"] for node in nodes if node["resource_type"] == "model"}
        missing = next((name for name in invocation.models if name not in models), None)
        if missing is not None:
            near = nearest(missing, models)
            raise refusal({"kind": "unknown", "model": missing, "near": near, "models": sorted(models)[:NAMED]})

    def _assignment(self, invocation: DbtInvocation, manifest: Path) -> Assignment:
        parsing = output_for_parsing(invocation.access)
        workshop = _digest(parsing, invocation.access.schema)
        asked: Message = {
            "protocol": PROTOCOL,
            "models": list(invocation.models),
            "select": list(invocation.select),
            "full_refresh": invocation.full_refresh,
            "tests_only": invocation.tests_only,
            "vars": json.dumps(dict(invocation.vars), sort_keys=True, ensure_ascii=False),
            "database": database_of(invocation.access),
            "schema": invocation.access.schema,
            "parsing_profile": parsing,
        }
        revision = self._reader.revision(invocation.project)
        return Assignment(
            key=_digest(workshop, asked, revision, self._place.image, invocation.inputs),
            workshop=workshop,
            schema=invocation.access.schema,
            project=invocation.project,
            manifest=manifest,
            request={
                **asked,
                "session": None,
                "profile": output_of(invocation.access, threads=self._config.threads),
                "timeout_seconds": invocation.timeout_seconds,
            },
            access=invocation.access,
            timeout_seconds=invocation.timeout_seconds,
        )

    def _begun(self, assignment: Assignment, invocation: DbtInvocation, watch: Watch) -> RemoteRun:
        """The run that does it: one that was begun before, or a new one; any other of the workshop is ended first."""
        watch.refuse_if_stopped()
        for run in self._place.found(assignment):
            if run.key == assignment.key and _stands(run.state(), invocation):
                logger.info("dbt already runs for this, and is followed", extra={"facts": {"run": run.key}})
                return run
            run.stop()
            run.remove()
        watch.refuse_if_stopped()
        return self._place.begin(assignment)

    def _followed(
        self, run: RemoteRun, invocation: DbtInvocation, watch: Watch, folder: Path, on_node: NodeListener
    ) -> DbtExecutionResult:
        """Follows a run to its end."""
        story = Story(on_node, Redaction(invocation.access.kind))
        heard = _Heard(story, invocation.project, folder)
        try:
            state = self._end_of(run, heard, watch)
            if story.last is None or story.last["kind"] == "broken":
                watch.refuse_if_stopped()
            with _lenient(story):
                run.fetch(folder)
        finally:
            story.redaction.clean(folder)
        heard.refuse(self._place.image)
        if story.last is None:
            raise _lost(state, heard, folder)
        return story.result(folder)

    def _end_of(self, run: RemoteRun, heard: _Heard, watch: Watch) -> RunState:
        """How a run has ended; what it prints goes to `heard`, however often the way to it breaks."""
        wait, outage = self._patience.first_wait_seconds, _Outage()
        while True:
            try:
                self._read(run, heard, watch, outage)
                state = run.state()
                if not state.is_running:
                    if state.code == 0 and not heard.has_ended:  # its log broke off before it ended
                        self._read(run, heard, watch, outage)
                    return state
                outage.end()
            except ExecutorUnavailable:
                watch.refuse_if_stopped()
                if outage.seconds() > self._patience.outage_seconds:
                    raise
            watch.wait(wait)
            wait = min(2 * wait, self._patience.longest_wait_seconds)

    def _read(self, run: RemoteRun, heard: _Heard, watch: Watch, outage: _Outage) -> None:
        """Hears a run's lines up to their end, or to where it was asked to end and does not."""
        reading = Reading(run.lines)
        try:
            for line in reading.lines(LOOK_SECONDS, lambda: watch.refuse_if_stopped_long(self._patience.end_seconds)):
                outage.end()
                heard.line(line)
        finally:
            reading.leave()


class _Outage:
    """How long nobody has answered: counted from the first failure, and over with whatever is answered."""

    def __init__(self) -> None:
        self._since: float | None = None

    def seconds(self) -> float:
        """How long ago the first failure was; this is it where there was none."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since

    def end(self) -> None:
        """Somebody answered."""
        self._since = None


class _Heard:
    """What a run printed: its messages go into a story once each, as if they were about the files that are here."""

    def __init__(self, story: Story, project: Path, folder: Path) -> None:
        self.said = ""
        self._story = story
        self._here = {"project": str(project), "folder": str(folder)}
        self._there: Message = {}
        self._escaped: Message | None = None
        self._next = 0

    def line(self, line: str) -> None:
        """The next line; one that was heard before is left out."""
        found = message_of(line)
        if found is None:
            self.said = cut(legible(line.strip()), LONGEST_SAID) or self.said
            return
        number, message = found
        if number < self._next:
            return
        self._next = number + 1
        if message["kind"] == "hello":
            self._there = message
        elif message["kind"] == "escaped":
            self._escaped = message
        elif message["kind"] != "artifacts":
            self._story.redaction.safe(str(message.get("message", "")))  # as the files have it that are fetched
            self._story.hear({name: self._placed(value) for name, value in message.items()})

    def refuse(self, image: str) -> None:
        """Raises ExecutorRefused where what ran is not what was meant to, WorkshopEscaped where it would not stay."""
        if self._there and self._there.get("protocol") != PROTOCOL:
            other = legible(str(self._there.get("lockgate", "")))[:40]
            hint = "Build the image anew with this version of Lockgate, or name another image."
            raise ExecutorRefused(f"{image} has Lockgate {other}, which speaks another protocol", hint=hint)
        escaped = escape(self._escaped) if self._escaped else None
        if escaped is not None:
            raise escaped

    @property
    def has_ended(self) -> bool:
        """Whether it was said how the work went."""
        return self._story.last is not None or self._escaped is not None

    @property
    def has_begun(self) -> bool:
        """Whether Lockgate's program ran there."""
        return bool(self._there)

    def _placed(self, value: object) -> object:
        if isinstance(value, str):
            for name, here in self._here.items():
                there = str(self._there.get(name) or here)
                value = value.replace(there, here)
        return value


@contextmanager
def _left_or_removed(run: RemoteRun) -> Iterator[None]:
    """Takes a run away at the end, unless nobody answered: it may go on, and the next execution meets it."""
    try:
        yield
    except ExecutorUnavailable:
        raise
    except BaseException:
        _remove(run)
        raise
    _remove(run)


def _remove(run: RemoteRun) -> None:
    """Takes a run away; where that fails, what it did counts all the same, and the next one of its workshop tries."""
    try:
        run.remove()
    except (ExecutorRefused, ExecutorUnavailable) as error:
        logger.warning("a run of dbt could not be taken away: %s", error.message, extra={"facts": {"run": run.key}})


def _stands(state: RunState, invocation: DbtInvocation) -> bool:
    """Whether a run of before may stand for this one: it works, or did its work, on inputs that are known the same."""
    return bool(invocation.inputs) and (state.is_running or state.code == 0)


def _lost(state: RunState, heard: _Heard, folder: Path) -> DbtProcessLost | ExecutorRefused:
    """The error of a run that ended without saying how its work went."""
    said = state.said or heard.said
    if not heard.has_begun and heard.said and not state.said:
        return ExecutorRefused(f"dbt's program did not begin there: {said}", exit_code=state.code)
    how = f"ended with exit code {state.code}" if state.code is not None else "ended"
    because = f" ({said})" if said else ""
    log = str(folder / LOG)
    message = f"the process that ran dbt {how} before its work did{because}; see {log}"
    return DbtProcessLost(message, exit_code=state.code, log=log)


@contextmanager
def _lenient(story: Story) -> Iterator[None]:
    """What a run left is needed where it did its work; else there may be nothing to fetch."""
    try:
        yield
    except (ExecutorUnavailable, ExecutorRefused):
        if story.last is not None and story.last["kind"] == "done":
            raise


def _digest(*parts: object) -> str:
    """A name made of what is said, of 32 characters."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]
