"""What is told of runs as lineage: put down as it happens, in the control plane, and sent from there.

Nothing of it fails a run, and none of it waits for a receiver.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.recorder import Found, told
from lockgate.app.told_datasets import ToldDatasets, assertions_of
from lockgate.core.examination import Examination
from lockgate.core.execution import DbtExecutionResult, Execution, FailedExecution, NodeResult, NodeStatus
from lockgate.core.lineage_event import JobKind, JobRun, LineageEvent, Phase, Work, run_uuid
from lockgate.core.load import Load
from lockgate.core.nominal_time import nominal_time
from lockgate.core.record import RecordStatus
from lockgate.core.route import Edition
from lockgate.errors import DbtCancelled, LockgateError

if TYPE_CHECKING:
    from lockgate.adapters.openlineage.documents import Documents
    from lockgate.app.wiring import Wiring

logger = logging.getLogger(__name__)

_ENDS = {
    RecordStatus.SUCCESS: Phase.COMPLETE,
    RecordStatus.FAILED: Phase.FAIL,
    RecordStatus.INTERRUPTED: Phase.ABORT,
}
_MODELS = frozenset({"model", "seed", "snapshot"})
INTERRUPTED = "it was interrupted"


def namespace_of(wiring: Wiring) -> str:
    """The namespace of the project's jobs."""
    declared = wiring.project.lineage_events
    own = f"{wiring.project.name}.{wiring.project.default_target}"
    return (declared.namespace if declared is not None else "") or own


@dataclass(frozen=True, slots=True)
class _KeptFromFailing:
    """A block in which whatever goes wrong is logged, and fails nothing."""

    what: str

    def __enter__(self) -> None:
        """Begins it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Ends it; what somebody interrupts stays interrupted."""
        if not isinstance(error, Exception):
            return False
        said = redacted(f"{type(error).__name__}: {error}")
        logger.warning("lineage not told", extra={"facts": {"of": self.what, "error": said}})
        return True


class Emitting:
    """Fulfils `Witness`: one run, of which every event is put down when what it tells of has happened."""

    def __init__(self, wiring: Wiring, run_id: int, command: str, started_at: datetime) -> None:
        """Puts down that a run of `command` has begun, and that those are over which were left by their processes."""
        self._wiring = wiring
        self._datasets = ToldDatasets(wiring)
        self._began_at = started_at
        self._parts = (wiring.project.name, wiring.project.default_target, str(run_id))
        self._run = JobRun(self._identity("run"), f"{wiring.project.name}.{command.replace(' ', '_')}")
        self._works: dict[Work, JobRun] = {}
        self._begun: Counter[Work] = Counter()
        self._nodes: dict[str, tuple[NodeResult, datetime]] = {}
        with _KeptFromFailing(command):
            self._end_what_was_left()
        with _KeptFromFailing(command):
            self._put([self._event(Phase.START, self._run, JobKind.RUN)])

    def began(self, work: Work) -> None:
        """See `Witness`."""
        with _KeptFromFailing(work.subject):
            self._works[work] = self._new(work)
            self._put([self._event(Phase.START, self._works[work], work.kind)])

    def node_ended(self, node: NodeResult) -> None:
        """See `Witness`."""
        self._nodes[node.node] = (node, self._wiring.clock())

    def ended(self, work: Work, found: Found | LockgateError | None) -> None:
        """See `Witness`."""
        run = self._works.pop(work, None)
        if run is None:
            return
        with _KeptFromFailing(work.subject):
            self._put(self._end(work, run, found))
            return
        with _KeptFromFailing(work.subject):  # that it ended is told even where what it did cannot be
            error = found if isinstance(found, LockgateError) else getattr(found, "error", None)
            self._put([self._plain_end(work, run, error if isinstance(error, LockgateError) else None)])

    def closed(self, status: RecordStatus, error: LockgateError | None) -> None:
        """See `Witness`."""
        with _KeptFromFailing(self._run.job):
            said = told(error) if error is not None else INTERRUPTED if status is RecordStatus.INTERRUPTED else ""
            ends = [self._event(Phase.ABORT, run, work.kind, error=INTERRUPTED) for work, run in self._works.items()]
            self._works.clear()
            self._put([*ends, self._event(_ENDS[status], self._run, JobKind.RUN, error=said)])

    # --- what an end tells -------------------------------------------------------------------------------------------

    def _end(self, work: Work, run: JobRun, found: Found | LockgateError | None) -> Iterator[LineageEvent]:
        """The events that a work's end comes to."""
        if isinstance(found, LockgateError | None):
            yield self._plain_end(work, run, found)
        elif isinstance(found, Load):
            yield self._loaded(run, found)
        elif isinstance(found, Edition):
            inputs, outputs = self._datasets.published(found)
            yield replace(self._event(Phase.COMPLETE, run, work.kind), inputs=inputs, outputs=outputs)
        elif isinstance(found, Examination):
            yield self._examined(run, found)
        else:
            yield from self._built(work, run, found)

    def _plain_end(self, work: Work, run: JobRun, error: LockgateError | None) -> LineageEvent:
        """How a work ended, and no more."""
        if error is None:
            return self._event(Phase.COMPLETE, run, work.kind)
        return self._event(_phase_of(error), run, work.kind, error=told(error))

    def _loaded(self, run: JobRun, load: Load) -> LineageEvent:
        event = self._event(Phase.COMPLETE, run, JobKind.LOAD)
        source, output = self._datasets.loaded(load)
        return replace(event, inputs=(source,), outputs=(output,))

    def _examined(self, run: JobRun, found: Examination) -> LineageEvent:
        tested = self._datasets.tested(found)
        phase, error = (Phase.COMPLETE, "") if found.error is None else (Phase.FAIL, told(found.error))
        return replace(self._event(phase, run, JobKind.TEST, error=error), inputs=(tested,))

    def _built(
        self, work: Work, run: JobRun, found: Execution | FailedExecution | DbtExecutionResult
    ) -> Iterator[LineageEvent]:
        """What was built: by dbt, one run for each model and one for the tests; by rules, one."""
        if found.nodes:
            workshop = self._datasets.workshop(work.subject)
            yield from self._models(run, workshop, found.nodes)
            yield from self._tests(run, work, found.nodes)
        if isinstance(found, FailedExecution):
            yield self._plain_end(work, run, found.error)
            return
        if isinstance(found, DbtExecutionResult):
            phase = Phase.COMPLETE if found.success else Phase.FAIL
            error = "" if found.success else f"{len(found.failed)} nodes of dbt failed"
            yield self._event(phase, run, JobKind.BUILD, error=error)
            return
        self._datasets.know_built(found)
        event = self._event(Phase.COMPLETE, run, JobKind.BUILD)
        if not found.nodes:
            with _KeptFromFailing(work.subject):  # its lineage may be too much for us; its end is told all the same
                event = self._datasets.by_rules(event, found)
        yield event

    def _models(self, parent: JobRun, workshop: str, nodes: Sequence[NodeResult]) -> Iterator[LineageEvent]:
        built = [node for node in nodes if node.kind in _MODELS and node.status is not NodeStatus.SKIPPED]
        with _KeptFromFailing(workshop):
            self._datasets.trace([self._as_it_ended(node) for node in built])
        for node in built:
            run = JobRun(self._identity(JobKind.MODEL, workshop, node.node), f"{self._project}.{workshop}.{node.node}")
            ended_at = self._ended_at(node)
            began_at = max(self._began_at, ended_at - timedelta(seconds=node.seconds))
            begun = replace(self._event(Phase.START, run, JobKind.MODEL, parent=parent), at=began_at)
            phase, error = (Phase.FAIL, node.message) if node.status.is_bad else (Phase.COMPLETE, "")
            yield begun
            end = replace(begun, phase=phase, at=ended_at, error=self._wiring.places.relative(error))
            yield self._datasets.by_model(end, node)

    def _tests(self, parent: JobRun, work: Work, nodes: Sequence[NodeResult]) -> Iterator[LineageEvent]:
        tests = [node for node in nodes if node.kind in {"test", "unit_test"}]
        if not tests:
            return
        test = Work(JobKind.TEST, work.subject)
        run = self._new(test)
        at = self._ended_at(tests[0]) - timedelta(seconds=tests[0].seconds)
        begun = replace(self._event(Phase.START, run, JobKind.TEST, parent=parent), at=max(self._began_at, at))
        yield begun
        bad = [node.node for node in tests if node.status.is_bad]
        phase, error = (Phase.FAIL, f"these tests failed: {', '.join(bad)}") if bad else (Phase.COMPLETE, "")
        inputs = self._datasets.asserted(work.subject, nodes, assertions_of(tests))
        yield replace(begun, phase=phase, at=self._ended_at(tests[-1]), inputs=inputs, error=error)

    # --- who it is told of -------------------------------------------------------------------------------------------

    @property
    def _project(self) -> str:
        return self._wiring.project.name

    def _job(self, work: Work) -> str:
        """A job's name: `PROJECT.load.SOURCE.STREAM`, `PROJECT.ENTITY.IMPLEMENTATION`, and what is done with that."""
        if work.kind is JobKind.LOAD:
            return f"{self._project}.load.{work.subject}"
        behind = {JobKind.BUILD: "", JobKind.TEST: ".test", JobKind.PUBLICATION: ".publish"}[work.kind]
        return f"{self._project}.{work.subject.replace('@', '.')}{behind}"

    def _new(self, work: Work) -> JobRun:
        """A run of a work's job, which one run of ours may do several times."""
        self._begun[work] += 1
        return JobRun(self._identity(work.kind, work.subject, str(self._begun[work])), self._job(work))

    def _identity(self, *parts: str) -> str:
        return run_uuid(self._began_at, *self._parts, *parts)

    def _as_it_ended(self, node: NodeResult) -> NodeResult:
        """A node with the place of its SQL as dbt said it, not as people are told it."""
        return self._nodes[node.node][0] if node.node in self._nodes else node

    def _ended_at(self, node: NodeResult) -> datetime:
        return self._nodes[node.node][1] if node.node in self._nodes else self._wiring.clock()

    def _event(
        self,
        phase: Phase,
        run: JobRun,
        kind: JobKind,
        *,
        parent: JobRun | None = None,
        error: str = "",
    ) -> LineageEvent:
        is_root = run == self._run
        return LineageEvent(
            phase,
            self._began_at if is_root and phase is Phase.START else self._wiring.clock(),
            run,
            kind,
            parent=None if is_root else parent or self._run,
            root=None if is_root else self._run,
            error=self._wiring.places.relative(error),
            nominal=nominal_time(),
        )

    # --- putting down ------------------------------------------------------------------------------------------------

    @cached_property
    def _documents(self) -> Documents:
        from lockgate.adapters.openlineage.documents import Documents

        return Documents(namespace_of(self._wiring), redacted)

    def _put(self, events: Iterable[LineageEvent]) -> None:
        made = self._documents
        self._wiring.store.lineage_events.add([made.of(event) for event in events])

    def _end_what_was_left(self) -> None:
        """Puts down the ends of what began and will not end, for its process is gone: this run has the target alone."""
        log = self._wiring.store.lineage_events
        log.add([self._documents.aborted(left, self._began_at, INTERRUPTED) for left in log.unended()])


def _phase_of(error: LockgateError) -> Phase:
    """How something ended that ended by an error."""
    return Phase.ABORT if isinstance(error, DbtCancelled) else Phase.FAIL
