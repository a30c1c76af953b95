"""`App`: one method a verb, each a short sentence in the words of the architecture.

What a verb alone needs is imported with it: a roll-back does not wait for the libraries that comparisons are made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lockgate.app import notifying
from lockgate.app.entities import entity_of
from lockgate.app.groups import Groups
from lockgate.app.new_files import write_page
from lockgate.app.wiring import RUN_LOCK, open_wiring, utc_now

if TYPE_CHECKING:
    from lockgate.app.checks import Findings
    from lockgate.app.lineage import FoundLineage
    from lockgate.app.look import ShownEdition
    from lockgate.core.comparison import Comparison, ComparisonRequest, Noise
    from lockgate.core.entity import Entity
    from lockgate.core.examination import ExaminationResult
    from lockgate.core.flow import FlowDeclaration, FlowStatus
    from lockgate.core.job import JobResult
    from lockgate.core.load import Load, Pruned, Quarantined
    from lockgate.core.ports import Progress
    from lockgate.core.run import Bounds, Breakdown, PublishResult, RunRequest, RunResult
    from lockgate.flow import StepListener
    from lockgate.transform.rules import CaseResult


class App(Groups):
    """A project, opened. Use it as a context manager: connections and processes end with it."""

    @classmethod
    def open(cls, folder: Path | None = None, *, target: str | None = None, may_be_invalid: bool = False) -> App:
        """The app of the project in `folder`, or of the nearest `lockgate.yml` upwards from here.

        With `may_be_invalid`, a file with problems is taken as it was when something was last done by it without any.

        Raises:
            ProjectInvalid: with all problems of the project's files.
            UnknownName: there is no project, or no target of that name.
        """
        return cls(open_wiring(folder, target, may_be_invalid=may_be_invalid))

    @staticmethod
    def init(folder: Path, origins: tuple[str, ...]) -> tuple[Path, ...]:
        """Writes a project from files or PostgreSQL tables into `folder`: the files written.

        Raises:
            ProjectInvalid: a file is in the way; nothing was written.
            SourceRefused: an origin cannot be read.
        """
        from lockgate.app import init

        return init.write_project(folder, origins)

    @staticmethod
    def compare(
        left: str,
        right: str,
        request: ComparisonRequest,
        progress: Progress,
        *,
        folder: Path | None = None,
        target: str | None = None,
    ) -> Comparison:
        """The difference of two relations as people name them; a project is opened only where one is named.

        A name is a file, `FILE.duckdb::SCHEMA.TABLE`, `postgresql://…::SCHEMA.TABLE`, `secret://…::SCHEMA.TABLE`,
        `TARGET.SCHEMA.TABLE`, `ENTITY@IMPLEMENTATION` or `ENTITY`.

        Raises:
            UnknownName: a name means nothing.
            ComparisonInvalid: the request does not fit the relations.
        """
        from lockgate.app import comparing

        return comparing.compared((left, right), request, progress, folder=folder, target=target)

    @staticmethod
    def lineage_of(folder: Path, *, dialect: str | None = None) -> FoundLineage:
        """The lineage of any dbt project, without a database; `dialect` goes before what its own profile says.

        Raises:
            UnknownName: the folder is no dbt project, or there is no such dialect.
            DbtProjectInvalid: dbt can parse nothing of it.
        """
        from lockgate.app import lineage

        return lineage.lineage_of_folder(folder, dialect)

    @staticmethod
    def write_flow(flow: FlowDeclaration, statuses: Mapping[str, FlowStatus], path: Path) -> None:
        """Writes a flow's steps as a picture, coloured by how they stand."""
        from lockgate.adapters.reports.flow import drawn

        write_page(path, drawn(flow, statuses))

    @staticmethod
    def write_comparison(found: Comparison, path: Path) -> None:
        """Writes a comparison as a self-contained HTML page with pictures."""
        from lockgate.adapters.reports import render_comparison

        write_page(path, render_comparison(found, utc_now()))

    def __enter__(self) -> Self:
        """The app itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sends the lineage events that were put down by it, for a moment; then closes what was opened."""
        try:
            self.lineage_events.deliver_soon()
        finally:
            self._wiring.close()

    def check(self, *, offline: bool = False) -> Findings:
        """Everything that is wrong with rule sets, dbt projects and, unless offline, sources; and dbt's warnings."""
        from lockgate.app import checks

        return checks.findings(self._wiring, offline=offline)

    def lineage(self) -> FoundLineage:
        """The lineage of the whole project: streams, rule sets, dbt projects and served views in one graph."""
        from lockgate.app import lineage

        return lineage.lineage_of_project(self._wiring)

    def load(
        self, names: tuple[str, ...], bounds: Bounds, listener: StepListener, *, wait_seconds: float = 0.0
    ) -> RunResult:
        """Loads the streams named `SOURCE` or `SOURCE.STREAM`, or all of them; failed steps are in the result.

        Raises:
            UnknownName: there is no such source or stream.
            TargetBusy: another run held the target all the while.
        """
        from lockgate.app.run import Run
        from lockgate.app.turns import alone
        from lockgate.core.run import RunRequest

        streams = self._wiring.streams(names)
        with notifying.afterwards(self._wiring), alone(self._wiring, "load", listener, wait_seconds) as recorder:
            run = Run(self._wiring, RunRequest(), recorder)
            return run.executed(run.load_steps(streams, bounds))

    def run(self, request: RunRequest, listener: StepListener, *, wait_seconds: float = 0.0) -> RunResult:
        """Loads, builds what the routes or the request call for, and publishes; failed steps are in the result.

        Raises:
            UnknownName: there is no such entity or implementation.
            TargetBusy: another run held the target all the while.
        """
        from lockgate.app.run import Run
        from lockgate.app.turns import alone

        with notifying.afterwards(self._wiring), alone(self._wiring, "run", listener, wait_seconds) as recorder:
            run = Run(self._wiring, request, recorder)
            return run.executed(run.steps())

    def publish(self, names: tuple[str, ...], listener: StepListener, *, wait_seconds: float = 0.0) -> PublishResult:
        """Shows consumers what was built of these entities and their groups and held back, if it may be shown.

        Raises:
            UnknownName: there is no such entity.
            TargetBusy: another run held the target all the while.
        """
        from lockgate.app.publishing import Publishing
        from lockgate.app.turns import alone

        publishing = Publishing(self._wiring, names)
        with notifying.afterwards(self._wiring), alone(self._wiring, "publish", listener, wait_seconds) as recorder:
            return publishing.executed(recorder)

    def test(
        self,
        names: tuple[str, ...],
        listener: StepListener,
        *,
        engine: str | None = None,
        variables: Mapping[str, object] | None = None,
        wait_seconds: float = 0.0,
    ) -> ExaminationResult:
        """Tests what was built of these entities, as routed or by one implementation, and builds nothing.

        Raises:
            UnknownName: there is no such entity or implementation.
            TargetBusy: another run held the target all the while.
        """
        from lockgate.app.examining import Examining
        from lockgate.app.turns import alone

        examining = Examining(self._wiring, names, engine, variables or {})
        with alone(self._wiring, "test", listener, wait_seconds) as recorder:
            return examining.executed(recorder)

    def learn_noise(
        self, name: str, listener: StepListener, progress: Progress, *, wait_seconds: float = 60.0
    ) -> Noise:
        """Executes `ENTITY@IMPLEMENTATION` twice on the loads that have landed, and keeps which columns differ.

        Raises:
            UnknownName: there is no such entity or implementation.
            ComparisonInvalid: inputs moved or files changed meanwhile, or rows come and go.
        """
        from lockgate.app import noise
        from lockgate.core.run import RunRequest

        entity, _, implementation = name.partition("@")
        request = RunRequest(select=(entity,), engines=(implementation,), load=False)
        run = partial(self.run, request, listener, wait_seconds=wait_seconds)
        return noise.learn_noise(self._wiring, self._entity(entity), implementation, run, progress)

    def transform(self, entity: str, *, engine: str | None = None, wait_seconds: float = 0.0) -> JobResult:
        """Executes one implementation, as routed or as named, on the loads landed so far; nothing is published.

        Raises:
            LockgateError: what refused or failed the execution.
        """
        from lockgate.app.performing import perform
        from lockgate.core.job import TransformRequest

        return perform(self._wiring, TransformRequest(entity, engine), lambda _: None, wait_seconds=wait_seconds)

    def transform_records(
        self, entity: str, records: Iterable[dict[str, object]], *, engine: str | None = None
    ) -> Iterator[dict[str, object]]:
        """Transforms records in memory by one implementation: an outcome each, in their order, as they are made.

        Raises:
            CapabilityMissing: the implementation cannot answer records.
        """
        from lockgate.app.record_outcomes import outcomes

        return outcomes(self._wiring, self._entity(entity), records, engine)

    def loads(self, *, limit: int) -> tuple[Load, ...]:
        """The newest loads first."""
        return self._wiring.store.loads.loads(limit=limit)

    def prune_loads(
        self, *, keep: int, older_than: timedelta, dry_run: bool, wait_seconds: float = 0.0
    ) -> tuple[Pruned, ...]:
        """Takes loads out of every stream's log that a whole load has replaced: what was removed, by stream.

        What a pin or an edition stands on stays, and so do the newest `keep` loads and those younger than `older_than`.

        Raises:
            TargetBusy: another run held the target all the while.
        """
        from lockgate.app.pruning import pruned

        with self._wiring.warehouse.lock(RUN_LOCK, wait_seconds=wait_seconds):
            return pruned(self._wiring, keep=keep, older_than=older_than, dry_run=dry_run)

    def load_of(self, load_id: int) -> Load:
        """One load.

        Raises:
            UnknownName: there is none of that number.
        """
        return self._wiring.store.loads.load(load_id)

    def quarantine(self, stream: str | None, *, limit: int) -> tuple[Quarantined, ...]:
        """The newest records set aside, of one stream or of all."""
        from lockgate.app import look

        return look.quarantined(self._wiring, stream, limit)

    def editions(self) -> tuple[ShownEdition, ...]:
        """The editions kept of every entity, and which side of the view shows them."""
        from lockgate.app import look

        return look.editions(self._wiring)

    def breakdown(self, entity: str, by: str) -> Breakdown:
        """Rows by the values of a column, in the newest edition of each implementation.

        Raises:
            UnknownName: there is no such entity, column or edition.
        """
        from lockgate.app import look

        return look.breakdown(self._wiring, self._entity(entity), by)

    def write_report(self, result: RunResult, path: Path) -> None:
        """Writes a run as a self-contained HTML page with pictures."""
        from lockgate.app import run_report

        run_report.write_report(self._wiring, result, path)

    def explain_rules(self, entity: str, *, engine: str | None = None, dialect: str | None = None) -> str:
        """The one query that a rule set compiles to, formatted."""
        from lockgate.app import rules

        return rules.explained(self._wiring, self._entity(entity), engine, dialect)

    def export_rules(self, entity: str, into: Path, *, engine: str | None = None) -> tuple[Path, ...]:
        """Writes the dbt model that equals a rule set: the files written.

        Raises:
            ProjectInvalid: a file is in the way; nothing was written.
        """
        from lockgate.app import rules

        return rules.exported(self._wiring, self._entity(entity), into, engine)

    def check_rule_cases(self, entity: str, *, engine: str | None = None) -> tuple[CaseResult, ...]:
        """How each case of a rule set went."""
        from lockgate.app import rules

        return rules.tested(self._wiring, self._entity(entity), engine)

    def _entity(self, name: str) -> Entity:
        return entity_of(self._wiring, name)
