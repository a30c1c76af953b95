"""`Service`: what `lockgate serve` offers to callers, in one object that every thread may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from lockgate.adapters.secrets.redaction import redact_also_with, redacted, without_addresses
from lockgate.app import cutting_over
from lockgate.app.access import Access
from lockgate.app.archive import Archive
from lockgate.app.audit_retention import AuditRetention
from lockgate.app.console_desk import ConsoleDesk
from lockgate.app.control_loop import ControlLoop
from lockgate.app.cutting_over import RolledBack, RouteStatus
from lockgate.app.entities import entity_of
from lockgate.app.entity_states import EntityState, standings_of, states_of
from lockgate.app.flows import KIND, STEPS_AT_ONCE, Flows
from lockgate.app.lineage_desk import LineageDesk
from lockgate.app.outside_flows import OutsideWatch
from lockgate.app.performing import Begun, inputs_of, perform
from lockgate.app.record_desk import RecordDesk, RecordLimits, RecordsAnswer
from lockgate.app.shadowing import Listener
from lockgate.app.switching import set_dbt_enabled
from lockgate.app.traffic_book import TrafficBook
from lockgate.app.wiring import Wiring, open_wiring
from lockgate.core.job import (
    MAX_ATTEMPTS,
    Claim,
    Failure,
    IdempotencyKey,
    Job,
    JobResult,
    JobStatus,
    Switch,
    TransformRequest,
)
from lockgate.core.route import Route
from lockgate.errors import LockgateError
from lockgate.transform.job_turn import Ended
from lockgate.transform.jobs import TransformationJobService

# An execution waits as long for another run on the target; then another attempt begins.
TURN_SECONDS = 600.0


class Service:
    """A project that answers requests: batch ones as durable jobs, records at once."""

    def __init__(self, wiring: Wiring, record_limits: RecordLimits | None = None) -> None:
        """A service of a project that is wired already; `Service.open` finds and wires one."""
        self._wiring = wiring
        self._control = ControlLoop(wiring, wiring.judge_seconds)
        self._traffic = TrafficBook(wiring.store.evidence.write_traffic, self._control.judge)
        self._records = RecordDesk(wiring, seen=self._traffic.count, limits=record_limits or RecordLimits())
        self._retention = AuditRetention(wiring, self.access)
        self._listeners: list[Ended] = []
        kinds = {"executions": 1} | ({KIND: STEPS_AT_ONCE} if wiring.project.flows else {})
        worker = wiring.worker(kinds)
        self.flows = Flows(wiring)
        self._flows = self.flows.service(worker.queue(KIND)) if wiring.project.flows else None
        self._watch = OutsideWatch(self.flows.outside) if wiring.project.runtimes else None
        self._jobs = TransformationJobService(
            wiring.store.jobs,
            worker.queue("executions"),
            inputs_of=lambda request: inputs_of(wiring, request),
            perform=self._perform,
            stop=wiring.stop_executors,
            clock=wiring.clock,
            ended=self._tell_ended,
        )

    @classmethod
    def open(
        cls, folder: Path | None = None, *, target: str | None = None, record_limits: RecordLimits | None = None
    ) -> Self:
        """The service of the project in `folder`, or of the nearest `lockgate.yml` upwards from here.

        Raises:
            ProjectInvalid: with all problems of the project's files.
            UnknownName: there is no project, or no target of that name.
            ControlPlaneUnavailable: the control plane does not answer.
        """
        wiring = open_wiring(folder, target, log_level="info")
        redact_also_with(wiring.places.relative)
        redact_also_with(without_addresses)
        try:
            return cls(wiring, record_limits)
        except BaseException:
            wiring.close()
            raise

    def __enter__(self) -> Self:
        """The service itself; it executes nothing before `start`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes what was opened."""
        self.close()

    def start(self) -> None:
        """Begins to execute what is queued, to judge routes, to send notices, and to thin out the audit.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
            WarehouseUnavailable: the target does not answer.
        """
        self.check_ready()
        self._jobs.start()
        if self._flows is not None:
            self._flows.start()
        if self._watch is not None:
            self._watch.start()
        self._traffic.start()
        self._control.start()
        self._retention.start()

    def warm(self) -> None:
        """Begins to import dbt, and to compile what answers records: no first request waits for it; returns at once."""
        self._wiring.executor.warm()
        self._records.prepare()

    def submit(self, request: TransformRequest, *, caller: str, key: IdempotencyKey | None = None) -> Future[Job]:
        """Stores a job: once the future is done it is durable.

        The future's errors: UnknownName (entity, implementation), EngineOff, KeyReused, ControlPlaneUnavailable,
        WarehouseUnavailable.
        """
        return self._jobs.submit(request, caller=caller, key=key)

    def hold(self, key: IdempotencyKey) -> Future[None]:
        """Lets a key stand for a request about records, which makes no job; done once that is durable.

        The future's errors: KeyReused, ControlPlaneUnavailable.
        """
        return self._jobs.hold(key)

    def job_counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status."""
        return self._jobs.counts()

    def when_execution_ends(self, listener: Ended) -> None:
        """Has `listener` called with every execution that ends in this process, and what came of it."""
        self._listeners.append(listener)

    def when_compared(self, listener: Listener) -> None:
        """Has `listener` called with what both sides of a route said of records in this process."""
        self._records.listen(listener)

    def ended(self, job_id: str) -> Future[Job]:
        """The job once it is final; whoever waits no longer cancels the future."""
        return self._jobs.ended(job_id)

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            UnknownName: there is none of that id.
        """
        return self._jobs.job(job_id)

    def jobs(
        self, *, entity: str | None = None, status: JobStatus | None = None, before: str | None = None, limit: int = 100
    ) -> tuple[Job, ...]:
        """The newest jobs first, after the job `before` where it is given.

        Raises:
            UnknownName: there is no job `before`, or no entity of that name, nor was there one.
        """
        found = self._jobs.jobs(entity=entity, status=status, before=before, limit=limit)
        if not found and entity is not None:
            entity_of(self._wiring, entity)
        return found

    def cancel(self, job_id: str) -> Job:
        """Cancels a job: it leaves its execution, which goes on where others wait for it.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it has ended already.
        """
        return self._jobs.cancel(job_id)

    def retry(self, job_id: str) -> Job:
        """Makes a job that failed or was cancelled wait again.

        Raises:
            UnknownName: there is none of that id.
            JobFinal: it succeeded, or has not ended.
        """
        return self._jobs.retry(job_id)

    def transform_records(self, entity: str, records: Sequence[Mapping[str, object]]) -> Future[RecordsAnswer]:
        """What the entity's implementations make of records.

        The future's errors: CapabilityMissing or NotOnline, where none answers records; EngineOff, RuleSetInvalid,
        WarehouseUnavailable, StatementFailed, WaitedTooLong.

        Raises:
            UnknownName: there is no such entity.
            QueueFull: too many requests wait.
            ControlPlaneUnavailable: the service is being stopped.
        """
        return self._records.ask(entity_of(self._wiring, entity), records)

    @property
    def project(self) -> str:
        """The project's name."""
        return self._wiring.project.name

    @property
    def target(self) -> str:
        """The name of the target that is served."""
        return self._wiring.project.default_target

    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of the entities, and those of each one's implementations; no database is asked."""
        return {entity.name: tuple(entity.implementations) for entity in self._wiring.project.entities.values()}

    def entities(self) -> tuple[EntityState, ...]:
        """Every entity, in the project's order."""
        return states_of(self._wiring)

    def routes(self) -> tuple[Route, ...]:
        """The routes in force, in the project's order of entities."""
        return tuple(one.route for one in standings_of(self._wiring))

    def rollback_counts(self) -> Mapping[str, int]:
        """How often each entity was rolled back; those that never were are left out."""
        return self._wiring.store.cutovers.rollbacks()

    def cutover(self, entity: str) -> RouteStatus:
        """Where an entity's route stands, what its gates say, and what was last found and decided.

        Raises:
            UnknownName: there is no such entity.
        """
        return cutting_over.statuses(self._wiring, (entity,))[0]

    def roll_back(self, entity: str, *, by: str, reason: str, off: bool = False) -> tuple[RolledBack, ...]:
        """Gives everything back to the incumbents of an entity and its group; in force at once everywhere, and told.

        With `off`, nothing of the candidate is built any more.

        Raises:
            CutoverInvalid: the candidate answers for nothing.
            StaleToken: somebody else moved the route at the same moment.
            UnknownName: there is no such entity.
        """
        try:
            return cutting_over.roll_back(self._wiring, entity, by=by, reason=reason, off=off)
        finally:
            self._control.wake()

    def set_dbt_enabled(self, entity: str | None, *, enabled: bool, by: str) -> Switch:
        """Moves the live switch `Transformation.Dbt.Enabled`, of one entity or of all; in force at once.

        Requests about records that other processes answer heed it a tenth of a second later.

        Raises:
            UnknownName: there is no such entity.
        """
        return set_dbt_enabled(self._wiring, entity, enabled=enabled, by=by)

    @cached_property
    def console(self) -> ConsoleDesk:
        """What pages about entities ask for and decide."""
        return ConsoleDesk(self._wiring, self._control.wake)

    @cached_property
    def archive(self) -> Archive:
        """What was kept of comparisons, runs, loads and notices, to be looked up."""
        return Archive(self._wiring)

    @cached_property
    def lineage(self) -> LineageDesk:
        """What columns are made of, and what they reach."""
        return LineageDesk(self._wiring)

    @cached_property
    def access(self) -> Access:
        """Who may call, and the audit of what they change."""
        return Access(self._wiring)

    def check_ready(self) -> None:
        """Returns where requests can be served.

        Raises:
            ControlPlaneUnavailable: the control plane does not answer.
            WarehouseUnavailable: the target does not answer.
        """
        self._wiring.store.switches.switches()
        self._wiring.warehouse.pins()

    def close(self, *, patience_seconds: float = 30.0) -> None:
        """Takes no more work, ends what is under way, and closes what was opened."""
        if "console" in vars(self):
            self.console.close(patience_seconds=patience_seconds)
        self._records.close()
        self._traffic.close()
        self._control.close()
        self._retention.close()
        if self._watch is not None:
            self._watch.close()
        if self._flows is not None:
            self._flows.close(patience_seconds=patience_seconds)
        self._jobs.close(patience_seconds=patience_seconds)
        self._wiring.close()

    def _tell_ended(self, claim: Claim, outcome: JobResult | Failure) -> None:
        for listener in self._listeners:
            listener(claim, outcome)

    def _perform(self, claim: Claim, begun: Begun) -> JobResult:
        can_wait = claim.attempt < MAX_ATTEMPTS
        try:
            return perform(self._wiring, claim.request, begun, wait_seconds=TURN_SECONDS, can_wait=can_wait)
        except LockgateError as error:
            error.message = redacted(error.message)  # it is stored with the job, and shown to whoever asks
            raise
