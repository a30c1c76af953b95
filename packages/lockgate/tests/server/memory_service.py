"""A service in memory that stands where `lockgate.app.service.Service` would; also imported by processes of tests."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace

from lockgate.adapters.secrets.chain import open_secrets
from lockgate.app.access import Access
from lockgate.app.cutting_over import RolledBack, RouteStatus
from lockgate.app.entity_states import EntityState
from lockgate.app.flows import Flows
from lockgate.app.record_desk import RecordsAnswer
from lockgate.core.cutover import Action, Decision
from lockgate.core.execution import Execution, NodeResult, NodeStatus, RuleCount
from lockgate.core.flow import FlowDeclaration, Runtime, RuntimeDeclaration, Schedule, StepDeclaration, StepKind
from lockgate.core.gate import Answer, ConditionAnswer, Evidence, EvidenceKind, GateAnswer, Pair
from lockgate.core.job import (
    Claim,
    Failure,
    IdempotencyKey,
    Inputs,
    Job,
    JobResult,
    JobStatus,
    RoutedBy,
    Switch,
)
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Edition, Route, Stage
from lockgate.errors import CapabilityMissing, CutoverInvalid, JobFinal, KeyReused, UnknownName
from lockgate.flow.running import FlowService
from lockgate.store import open_store
from lockgate.testing.credentials import QuickPasswords

NOW = datetime(2026, 1, 31, 5, 0, tzinfo=UTC)
NODES = (
    NodeResult("model.inventory.fct_users", NodeStatus.SUCCESS, 0.25, rows=3, file="models/fct_users.sql"),
    NodeResult("test.inventory.unique_users", NodeStatus.PASS, 0.125, failures=0, file="models/users.yml"),
)
GATES = (GateAnswer("safe", "users", (ConditionAnswer("row_budget", Answer.GO, "0 rows differ", (5,)),)),)
COMPARISON = Evidence(
    5,
    EvidenceKind.COMPARISON,
    Pair("users", "rules", "dbt", "1", "2"),
    7,
    NOW,
    "controller",
    {"verdict": "pass", "unexplained": 0},
)
PINS = (Pin(Relation("raw", "users"), 4, 7),)


class CountedPasswords(QuickPasswords):
    """Counts the hashings."""

    hashings = 0

    def hashed(self, password: str) -> str:
        self.hashings += 1
        return super().hashed(password)

    def is_right(self, password: str, kept: str | None) -> bool:
        self.hashings += 1
        return super().is_right(password, kept)


@cache
def empty_control_plane() -> Path:
    """A control plane at its newest revision, made once."""
    path = Path(tempfile.mkdtemp()) / "control.db"
    open_store(f"sqlite:///{path}", project="inventory", target="main").close()
    return path


class MemoryAccess(Access):
    """The real thing over a control plane of its own, with passwords that cost nothing and a clock that can be set."""

    def __init__(self, folder: Path, project: str = "inventory") -> None:
        self.folder = folder
        self.late = timedelta()
        self.is_shared = (folder / "control.db").exists()
        if not self.is_shared:
            shutil.copy(empty_control_plane(), folder / "control.db")
        self.wiring = SimpleNamespace(
            store=open_store(f"sqlite:///{folder / 'control.db'}", project=project, target="main"),
            clock=lambda: datetime.now(UTC) + self.late,
            project=SimpleNamespace(name=project),
            secrets=open_secrets({}, folder),
            secrets_folder=folder,
            folder=folder,
        )
        self.passwords = CountedPasswords()
        super().__init__(self.wiring, self.passwords)

    def close(self) -> None:
        self.wiring.store.close()
        if not self.is_shared:
            shutil.rmtree(self.folder, ignore_errors=True)


class NothingKept:
    """Stands where pages look things up: there is none of whatever they ask for."""

    streams = ()

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)

        def absent(*given, **named):
            raise UnknownName("there is nothing of that name")

        return absent


class MemoryFlows(Flows):
    """The real thing over the same control plane, with a flow of each runtime; nobody works on the embedded one's."""

    def __init__(self, wiring: SimpleNamespace) -> None:
        load = StepDeclaration("load", StepKind.LOAD, ("load", "discovery"), retries=1)
        steps = (load, StepDeclaration("build", StepKind.EXECUTE, ("run", "--select", "users"), ("load",)))
        nightly = FlowDeclaration("nightly", steps, "Loads and builds.", Schedule("0 5 * * *", "Europe/Berlin"))
        there = FlowDeclaration("there", steps, runtime="production")
        self.fails_with: Callable[[], None] = lambda: None
        wiring.project.flows = {"nightly": nightly, "there": there}
        wiring.project.pools = {"default": 4}
        wiring.project.runtimes = {"production": RuntimeDeclaration("production", Runtime.AIRFLOW)}
        wiring.state = wiring.folder
        super().__init__(wiring)
        self._embedded = FlowService(
            wiring.store.flows, None, None, wiring.clock, flows=self.declared, slots=wiring.project.pools
        )

    def declared(self):
        self.fails_with()
        return super().declared()


class MemoryService:
    """Jobs end when a test says so or, with `seconds`, by themselves; what is asked of it is remembered."""

    project, target = "inventory", "main"
    console = archive = lineage = NothingKept()

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.fails_with: Exception | None = None
        self.calls: list[object] = []
        self.listeners: list = []
        self.comparing: list = []
        self.rolled_back: list[tuple[str, str]] = []
        self.warnings: dict[str, str] = {}
        self.is_open = self.is_warm = False
        self.waiters: dict[str, list[Future[Job]]] = {}
        self._jobs: dict[str, Job] = {}
        self._keys: dict[tuple[str, str], tuple[str, str]] = {}
        self._switches: dict[str | None, bool] = {None: True}
        self._lock = threading.RLock()

    @cached_property
    def flows(self) -> MemoryFlows:
        flows = MemoryFlows(self.access.wiring)
        flows.fails_with = self._may_fail
        return flows

    @cached_property
    def access(self) -> MemoryAccess:
        return MemoryAccess(Path(tempfile.mkdtemp()))

    def start(self) -> None:
        self._may_fail()
        self.is_open = True

    def warm(self) -> None:
        self.is_warm = True

    def close(self, *, patience_seconds: float = 30.0) -> None:
        self.is_open = False
        if "access" in vars(self):
            self.access.close()

    def submit(self, request, *, caller, key=None) -> Future[Job]:
        future: Future[Job] = Future()
        try:
            self._may_fail()
            self._entity(request.entity)
            future.set_result(self._submitted(request, caller, key))
        except Exception as error:  # noqa: BLE001  what stands in a future is raised by whoever asks it
            future.set_exception(error)
        return future

    def _submitted(self, request, caller, key) -> Job:
        with self._lock:
            self.calls.append((request, caller, key))
            if key is not None and (key.scope, key.key) in self._keys:
                job_id, digest = self._keys[key.scope, key.key]
                if digest != key.digest:
                    raise KeyReused("the key was sent before with another body")
                return self._jobs[job_id]
            job_id = f"job-{len(self._jobs) + 1}"
            job = Job(job_id, caller, request, JobStatus.QUEUED, f"execution-{job_id}", joined=False, submitted_at=NOW)
            self._jobs[job_id] = job
            self.waiters[job_id] = []
            if key is not None:
                self._keys[key.scope, key.key] = (job_id, key.digest)
        if self.seconds is not None:
            timer = threading.Timer(self.seconds, self.succeed, (job_id,))
            timer.daemon = True
            timer.start()
        return job

    def ended(self, job_id: str) -> Future[Job]:
        future: Future[Job] = Future()
        with self._lock:
            job = self._jobs[job_id]
            if job.status.is_final:
                future.set_result(job)
            else:
                self.waiters[job_id].append(future)
        return future

    def job(self, job_id: str) -> Job:
        self._may_fail()
        if job_id not in self._jobs:
            raise UnknownName("there is no job of that id", name=job_id)
        return self._jobs[job_id]

    def jobs(self, *, entity=None, status=None, before=None, limit=100) -> tuple[Job, ...]:
        self._may_fail()
        newest = list(reversed(self._jobs.values()))
        if before is not None:
            newest = newest[newest.index(self.job(before)) + 1 :]
        found = [job for job in newest if entity in {None, job.request.entity} and status in {None, job.status}]
        if not found and entity is not None:
            self._entity(entity)
        return tuple(found[:limit])

    def cancel(self, job_id: str) -> Job:
        if self.job(job_id).status.is_final:
            raise JobFinal("the job has ended already")
        return self._end(job_id, status=JobStatus.CANCELLED)

    def retry(self, job_id: str) -> Job:
        if self.job(job_id).status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
            raise JobFinal("the job has not failed")
        with self._lock:
            job = replace(self._jobs[job_id], status=JobStatus.QUEUED, failure=None, finished_at=None)
            self._jobs[job_id] = job
            return job

    def hold(self, key: IdempotencyKey) -> Future[None]:
        held: Future[None] = Future()
        with self._lock:
            _, digest = self._keys.setdefault((key.scope, key.key), ("", key.digest))
        if digest == key.digest:
            held.set_result(None)
        else:
            held.set_exception(KeyReused("the key was sent before with another body"))
        return held

    def job_counts(self) -> dict[JobStatus, int]:
        self._may_fail()
        return dict.fromkeys(JobStatus, 0) | Counter(job.status for job in self._jobs.values())

    def when_execution_ends(self, listener) -> None:
        self.listeners.append(listener)

    def when_compared(self, listener) -> None:
        self.comparing.append(listener)

    def routes(self) -> tuple[Route, ...]:
        self._may_fail()
        return tuple(self._route(each.name) for each in self.entities())

    def rollback_counts(self) -> dict[str, int]:
        self._may_fail()
        return dict(Counter(name for name, _ in self.rolled_back))

    def cutover(self, entity: str) -> RouteStatus:
        self._may_fail()
        self._entity(entity)
        made = [self._decision(name, by) for name, by in self.rolled_back if name == entity]
        return RouteStatus(entity, self._route(entity), "", (), GATES, COMPARISON, (made or [None])[-1], None, None)

    def roll_back(self, entity: str, *, by: str, reason: str) -> tuple[RolledBack, ...]:
        self._may_fail()
        self._entity(entity)
        if self._route(entity).stage is Stage.SHADOW:
            raise CutoverInvalid(f"{entity} is shadow: there is nothing to roll back")
        self.rolled_back.append((entity, f"{by}: {reason}"))
        edition = Edition(entity, 4, "rules", 3, NOW - timedelta(seconds=90))
        return (RolledBack(self._decision(entity, f"{by}: {reason}"), edition),)

    def _route(self, name: str) -> Route:
        if name in dict(self.rolled_back):
            return Route(name, "rules", "dbt", Stage.SHADOW, 0, 8)
        return Route(name, "rules", "dbt", Stage.PROMOTED, 10_000, 7)

    def _decision(self, name: str, said: str) -> Decision:
        by, _, reason = said.partition(": ")
        before = Route(name, "rules", "dbt", Stage.PROMOTED, 10_000, 7)
        return Decision(9, name, Action.ROLL_BACK, Answer.NO_GO, before, self._route(name), by, reason, NOW)

    def transform_records(self, entity: str, records: Sequence[Mapping[str, object]]) -> Future[RecordsAnswer]:
        self.calls.append((entity, records))
        self._may_fail()
        if "rules" not in self._entity(entity).implementations:
            raise CapabilityMissing(f"{entity} has no implementation by rules")
        outcomes = [outcome_of(number, record) for number, record in enumerate(records)]
        engines = Counter(str(outcome["engine"]) for outcome in outcomes)
        answer: Future[RecordsAnswer] = Future()
        answer.set_result(RecordsAnswer(entity, "rules", dict(engines), "row", outcomes))
        return answer

    def names(self) -> dict[str, tuple[str, ...]]:
        return {each.name: tuple(each.implementations) for each in self.entities()}

    def entities(self) -> tuple[EntityState, ...]:
        return (self._state("users", {"rules": "rules", "dbt": "dbt"}), self._state("applications", {"dbt": "dbt"}))

    def set_dbt_enabled(self, entity: str | None, *, enabled: bool, by: str) -> Switch:
        if entity is not None:
            self._entity(entity)
        self._switches[entity] = enabled
        return Switch(entity, enabled, NOW, by)

    def check_ready(self) -> None:
        self._may_fail()

    # What tests do to it.

    def succeed(self, job_id: str, **result) -> Job:
        """Ends a job well; `result` says in what the result differs from the usual one."""
        job = self._jobs[job_id]
        engine = job.request.engine or "dbt"
        execution = Execution(
            job.request.entity, engine, Relation("workshop", "fct_users"), 3, 0.375,
            rules=(RuleCount("no email", "rejected", 1, "email is missing"),), nodes=NODES,
        )  # fmt: skip
        usual = JobResult(execution, Inputs(engine, "sha256:51", PINS), RoutedBy.ROUTE)
        return self._end(job_id, status=JobStatus.SUCCESS, result=replace(usual, **result))

    def fail(self, job_id: str, failure: Failure) -> Job:
        return self._end(job_id, status=JobStatus.FAILED, failure=failure)

    def _end(self, job_id: str, **changes) -> Job:
        with self._lock:
            job = replace(
                self._jobs[job_id], attempts=1, started_at=NOW, finished_at=NOW + timedelta(seconds=1), **changes
            )
            self._jobs[job_id] = job
            waiters, self.waiters[job_id] = self.waiters[job_id], []
        if job.status is not JobStatus.CANCELLED:
            for listener in self.listeners:
                listener(Claim(job.execution_id, 1, job.request), job.result or job.failure)
        for future in waiters:
            if future.set_running_or_notify_cancel():
                future.set_result(job)
        return job

    def _may_fail(self) -> None:
        if self.fails_with is not None:
            raise self.fails_with

    def _entity(self, name: str) -> EntityState:
        for entity in self.entities():
            if entity.name == name:
                return entity
        raise UnknownName(f"there is no entity {name!r}", name=name)

    def _state(self, name: str, implementations: dict[str, str]) -> EntityState:
        return EntityState(
            name=name,
            key=("user_id",),
            contract={"user_id": "bigint", "email": "text"},
            implementations=implementations,
            stage=Stage.PROMOTED,
            incumbent=next(iter(implementations)),
            candidate="dbt",
            share=10_000,
            answers="dbt",
            routed_by=RoutedBy.ROUTE,
            is_dbt_enabled=self._switches.get(name, self._switches[None]),
            warning=self.warnings.get(name, ""),
        )


def outcome_of(number: int, record: Mapping[str, object]) -> dict[str, object]:
    """A record is rejected where it has no e-mail."""
    good = bool(record.get("email"))
    return {
        "index": number,
        "engine": "rules",
        "status": "ok" if good else "rejected",
        "reason": None if good else "email is missing",
        "output": dict(record) if good else None,
    }
