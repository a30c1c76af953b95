"""The one place where ports meet adapters; each is opened when it is first used."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from lockgate.adapters.logs.structured import configure_logs, warn
from lockgate.adapters.registry import NOTIFIERS, RUNTIMES, SOURCES, WAREHOUSES, adapter, dbt_executor
from lockgate.adapters.secrets.chain import open_secrets
from lockgate.adapters.secrets.redaction import redact_with
from lockgate.app.new_files import is_writable, writing
from lockgate.app.places import Places
from lockgate.app.revisions import Revisions
from lockgate.config import PROJECT_FILE, find_project, keep_last_valid, load_last_valid, load_project
from lockgate.core.entity import DbtExecutionMode, Engine, Entity, Implementation
from lockgate.core.executor import ExecutorDeclaration
from lockgate.core.nearness import did_you_mean
from lockgate.core.project import Project, Target
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import Source, Stream
from lockgate.errors import ConfigurationError, LockgateError, ProjectInvalid, UnknownName
from lockgate.settings import Settings, read_settings, secret_variables, unknown_variables
from lockgate.transform.cycle import Batch, ensure_route

if TYPE_CHECKING:
    from lockgate.adapters.jobs.alone import OwnQueue
    from lockgate.adapters.jobs.dbos import DbosWorker
    from lockgate.app.rule_book import RuleBook
    from lockgate.core.execution import Outcome
    from lockgate.core.flow import FlowDeclaration
    from lockgate.core.job import Switch
    from lockgate.core.load import Load
    from lockgate.core.ports import Clock, DbtExecutor, NodeListener, Notifier, Secrets, SourceReader, Stager, Warehouse
    from lockgate.core.ports.flows import OutsideRuntime
    from lockgate.core.run import Bounds
    from lockgate.store import Store
    from lockgate.transform.router import DbtSwitches, TransformationModeRouter

logger = logging.getLogger(__name__)

RUN_LOCK = "run"
# How old what another process switched may be for a request about records.
SWITCH_SECONDS = 0.1


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def open_wiring(
    folder: Path | None, target: str | None, *, log_level: str = "warning", may_be_invalid: bool = False
) -> Wiring:
    """The wiring of the project in `folder` (else as the settings say, else the nearest one), on `target`.

    `log_level` is in force where the settings name none. With `may_be_invalid`, a project file that has problems is
    taken as it was when something was last done by it without any, and a warning says so.

    Raises:
        ProjectInvalid: with all problems of the project file.
        UnknownName: there is no project, or no target of that name.
    """
    settings = read_settings()
    chosen = folder or settings.project
    found = chosen if chosen is not None else find_project(Path.cwd())
    project, invalid = _loaded(found, settings.state_folder(found), may_be_invalid=may_be_invalid)
    wanted = target or settings.target
    secrets = open_secrets(secret_variables(), settings.secrets_folder(project.folder))
    redact_with(secrets.redact)
    configure_logs(as_json=settings.log_format == "json", level=settings.log_level or log_level, redact=secrets.redact)
    for sentence in (*unknown_variables(), *invalid):
        warn(sentence)
    return Wiring(project.at_target(wanted) if wanted else project, settings, secrets, utc_now)


def _loaded(folder: Path, state: Path, *, may_be_invalid: bool) -> tuple[Project, tuple[str, ...]]:
    """The project, and what a person is to be told of its file."""
    try:
        project = load_project(folder)
    except ProjectInvalid as error:
        former = load_last_valid(folder, state) if may_be_invalid else None
        if former is None:
            raise
        return former, (f"{error.problems[0]}; this goes by {PROJECT_FILE} as it was when it last was valid",)
    keep_last_valid(folder, state)
    return project, ()


class Wiring:
    """A project with everything it needs to be run."""

    def __init__(self, project: Project, settings: Settings, secrets: Secrets, clock: Clock) -> None:
        """Nothing is opened yet."""
        self.project = project
        self.secrets = secrets
        self.judge_seconds = settings.judge_seconds
        self.audit_answer_days = settings.audit_answer_days
        self.clock = clock
        self.has_put_down_lineage = False
        self.state = settings.state_folder(project.folder)
        self.secrets_folder = settings.secrets_folder(project.folder)
        self.places = Places(project.folder, self.state)
        self.revisions = Revisions(project.folder, self.state)
        self._opening = Lock()
        self._recent_switches: tuple[tuple[Switch, ...], DbtSwitches | None] = (), None
        self._passing = ExitStack()
        self._executors: dict[DbtExecutionMode, DbtExecutor] = {}
        self._runtimes: dict[str, OutsideRuntime] = {}
        self._control_address = settings.control_address(project.folder)

    def worker(self, kinds: Mapping[str, int]) -> DbosWorker:
        """What hands work of these kinds to the workers of every process, as many at a time here; not launched yet."""
        from lockgate.adapters.jobs.dbos import DbosWorker

        name = f"{self.project.name}.{self.project.default_target}"
        return DbosWorker(self._control_address, self.store.workers, name=name, workers=kinds)

    def own_queue(self, workers: int) -> OwnQueue:
        """What works on so much at a time in this process alone; not launched yet."""
        from lockgate.adapters.jobs.alone import OwnQueue

        return OwnQueue(self.store.workers, workers=workers)

    def declared_now(self, entity: str) -> Entity | None:
        """An entity as the project file has it now; a process that goes on for long knows an older one.

        None where the file is not valid, or has no such entity.
        """
        try:
            return load_project(self.project.folder).entities.get(entity)
        except ConfigurationError:
            return None

    @property
    def target(self) -> Target:
        """The default target, as declared."""
        return self.project.targets[self.project.default_target]

    @cached_property
    def warehouse(self) -> Warehouse:
        """The default target, prepared."""
        target = self.target
        opened = adapter(WAREHOUSES, target.kind)(target.name, **self.options(target.name), clock=self.clock)
        warehouse: Warehouse = opened
        warehouse.prepare()
        return warehouse

    @cached_property
    def store(self) -> Store:
        """The control plane, at its newest revision."""
        from lockgate.store import open_store

        if self._control_address.startswith("sqlite"):
            with writing(f"the state folder {self.state}"):
                self.state.mkdir(parents=True, exist_ok=True)
        return open_store(self._control_address, project=self.project.name, target=self.project.default_target)

    @property
    def executor(self) -> DbtExecutor:
        """What runs dbt on this machine."""
        return self.executor_for(DbtExecutionMode.LOCAL)

    def executor_for(self, mode: DbtExecutionMode) -> DbtExecutor:
        """What runs dbt in a mode, and reads dbt projects.

        Raises:
            CapabilityMissing: nothing runs dbt in that mode.
        """
        with self._opening:
            if mode not in self._executors:
                declared = self.project.executors.get(mode, ExecutorDeclaration(mode))
                self._executors[mode] = dbt_executor(mode)(self._place_for_dbt(), declared, self.secrets)
            return self._executors[mode]

    def stop_executors(self) -> None:
        """Stops every invocation of dbt that is running, wherever it runs."""
        with self._opening:
            executors = list(self._executors.values())
        for executor in executors:
            executor.cancel()

    def _place_for_dbt(self) -> Path:
        """Where dbt keeps what it parsed; where nothing can be kept, a place that goes when this is closed."""
        place = self.state / "dbt"
        if is_writable(place):
            return place
        return Path(self._passing.enter_context(TemporaryDirectory(prefix="lockgate-dbt-")))

    @cached_property
    def rule_book(self) -> RuleBook:
        """The project's rule sets."""
        from lockgate.app.rule_book import RuleBook

        return RuleBook(self.project, self.revisions.located)

    @cached_property
    def router(self) -> TransformationModeRouter:
        """What chooses the implementation that answers, by what is in force at that moment."""
        from lockgate.transform.router import TransformationModeRouter

        return TransformationModeRouter(self.switches, lambda entity: ensure_route(entity, self.warehouse))

    def switches(self) -> DbtSwitches:
        """`Transformation.Dbt.Enabled` as the file declares it and as it was switched."""
        return self._switches_as(self.store.switches.switches())

    def _switches_as(self, stored: tuple[Switch, ...]) -> DbtSwitches:
        from lockgate.transform.router import DbtSwitches

        declared: dict[str | None, bool] = {name: each.dbt_enabled for name, each in self.project.entities.items()}
        return DbtSwitches({**declared, None: self.project.dbt_enabled}, stored)

    def recent_switches(self) -> DbtSwitches:
        """The same as it was `SWITCH_SECONDS` ago at most: for what is asked so often that reading it costs the most.

        What this process switches is in it at once.
        """
        stored = self.store.switches.recent(seconds=SWITCH_SECONDS)
        seen, switches = self._recent_switches
        if switches is None or seen is not stored:
            switches = self._switches_as(stored)
            self._recent_switches = stored, switches
        return switches

    def revision(self, implementation: Implementation) -> str:
        """A digest of the files that an implementation consists of; `<commit>:<path>` where it names a git revision.

        Empty where there is no such revision: nothing is known of it, and whoever builds it is told.
        """
        try:
            located = self.revisions.located(implementation)
            if implementation.engine is Engine.RULES:
                return self.rule_book.revision(implementation)
        except ConfigurationError:
            return ""
        if located.git_revision:
            return f"{located.git_revision}:{os.path.relpath(implementation.path, self.project.folder)}"
        return self.executor_for(implementation.executor).revision(implementation.path)

    @cached_property
    def stager(self) -> Stager:
        """What validates a load's packages."""
        from lockgate.adapters.staging.duckdb import DuckDBStager

        return DuckDBStager()

    def reader(self, source: Source) -> SourceReader:
        """What reads a source."""
        opened: SourceReader = adapter(SOURCES, source.kind)(source, self.secrets, self.project.folder)
        return opened

    def notifier(self, channel: str) -> Notifier:
        """What sends over a channel.

        Raises:
            UnknownName: the project declares no such channel.
        """
        known = self.project.notifications
        if channel not in known:
            named = ", ".join(known) or "none"
            message = f"there is no notification {channel!r}; the project declares {named}"
            raise UnknownName(message, hint=did_you_mean(channel, list(known)), name=channel)
        declared = known[channel]
        origin = f"{self.project.name}.{self.project.default_target}"
        opened: Notifier = adapter(NOTIFIERS, declared.kind)(declared, self.secrets, origin=origin)
        return opened

    def runtime(self, flow: FlowDeclaration) -> OutsideRuntime:
        """What runs a flow that another runtime runs."""
        with self._opening:
            if flow.runtime not in self._runtimes:
                declared = self.project.runtimes[flow.runtime]
                self._runtimes[flow.runtime] = adapter(RUNTIMES, declared.kind)(declared, self.secrets)
            return self._runtimes[flow.runtime]

    def offered(self, source: Source, stream: Stream) -> tuple[Column, ...]:
        """The columns that a source offers of a stream, declared types first; empty where it cannot tell."""
        declared = {column.name: column for column in stream.columns}
        offered = {
            column.name: column
            for each in self.reader(source).streams()
            if each.name == stream.name
            for column in each.columns
        }
        return tuple((offered | declared).values())

    def load(self, source: Source, stream: Stream, bounds: Bounds) -> Load:
        """Loads one stream into the target's raw log."""
        from lockgate.ingest import LoadPorts, load_stream

        ports = LoadPorts(
            reader=self.reader(source),
            stager=self.stager,
            ledger=self.store.loads,
            landings=self.warehouse,
            folder=self.state / "loads",
            clock=self.clock,
        )
        began = perf_counter()
        done = load_stream(source, stream, ports, bounds)
        facts = {"source": source.name, "stream": stream.name, "load": done.load_id, "rows": done.rows}
        seconds = round(perf_counter() - began, 3)
        logger.info("load finished", extra={"facts": {**facts, "rejected": done.rejected, "seconds": seconds}})
        return done

    def streams(self, names: tuple[str, ...]) -> tuple[tuple[Source, Stream], ...]:
        """The streams named `SOURCE` or `SOURCE.STREAM`; all of them where no name is given.

        Raises:
            UnknownName: there is no such source or stream.
        """
        found = tuple(
            (source, stream)
            for source, stream in self.project.streams()
            if not names or source.name in names or f"{source.name}.{stream.name}" in names
        )
        known = {source.name for source, _ in found} | {f"{source.name}.{stream.name}" for source, stream in found}
        unknown = [name for name in names if name not in known]
        if unknown:
            names_of_all = [f"{source.name}.{stream.name}" for source, stream in self.project.streams()]
            raise UnknownName(
                f"there is no stream {unknown[0]!r}; there are {', '.join(names_of_all) or 'none'}",
                hint=did_you_mean(unknown[0], names_of_all),
                name=unknown[0],
            )
        return found

    def relation(self, name: str) -> Relation:
        """The raw relation of the stream named `SOURCE.STREAM`, or as the target names it.

        Raises:
            UnknownName: there is no such stream, or a source with several was named.
        """
        shown = next((relation for relation in self.project.relations() if str(relation) == name), None)
        if shown is not None:
            return shown
        found = self.streams((name,))
        if len(found) > 1:
            raise UnknownName(f"{name!r} has several streams; name one as SOURCE.STREAM", name=name)
        source, stream = found[0]
        return source.relation(stream)

    def execute(
        self, batch: Batch, variables: Mapping[str, object], *, full_refresh: bool, on_node: NodeListener
    ) -> tuple[Outcome, ...]:
        """Executes a batch: what came of each of its pieces, in their order; `on_node` hears of dbt's nodes."""
        located = (self.revisions.located(piece.implementation) for piece in batch.pieces)
        pieces = tuple(replace(piece, implementation=one) for piece, one in zip(batch.pieces, located, strict=True))
        batch = replace(batch, pieces=pieces)
        for piece in batch.pieces:
            facts = {"entity": piece.entity.name, "implementation": piece.implementation.name}
            logger.debug("execution started", extra={"facts": facts})
        try:
            outcomes = self._executed(batch, variables, full_refresh=full_refresh, on_node=on_node)
        except LockgateError as error:
            self.places.error(error)
            raise
        return tuple(self.places.outcome(outcome) for outcome in outcomes)

    def _executed(
        self, batch: Batch, variables: Mapping[str, object], *, full_refresh: bool, on_node: NodeListener
    ) -> tuple[Outcome, ...]:
        if batch.engine is Engine.DBT:
            from lockgate.transform.dbt import DbtExecutionService

            executor = self.executor_for(batch.pieces[0].implementation.executor)
            service = DbtExecutionService(executor, self.warehouse, on_node)
            return service.execute_batch(batch, variables, full_refresh=full_refresh)
        with self.warehouse.workshop(batch.workshop) as workshop:
            return tuple(self.rule_book.executed(piece, workshop) for piece in batch.pieces)

    def close(self) -> None:
        """Closes what was opened."""
        while self._executors:
            self._executors.popitem()[1].close()
        self._passing.close()
        opened = vars(self)
        for name in ("warehouse", "store"):
            if name in opened:
                opened.pop(name).close()

    def options(self, target: str) -> dict[str, object]:
        """A target's options with their secret references replaced by values."""
        options = self.project.targets[target].options
        return {
            name: self.secrets.resolve(value) if isinstance(value, str) else value for name, value in options.items()
        }
