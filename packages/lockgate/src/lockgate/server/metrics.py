"""Counts what a server does, for Prometheus; several processes count into one folder of files."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from lockgate.app.shadowing import Compared
from lockgate.core.bucket import BUCKETS
from lockgate.core.job import Claim, Failure, Job, JobResult, JobStatus
from lockgate.core.route import Route, Stage

CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
UNMATCHED = "unmatched"
JOBS_REMEMBERED = 10_000
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """The figures of one process or, with a folder, of all that count into it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Counts from nought; where a folder is given, PROMETHEUS_MULTIPROC_DIR must have named it at import."""
        self._folder = folder
        self._registry = registry = CollectorRegistry()
        request, job = ("method", "route", "status"), ("entity", "engine", "status")
        self._requests = Counter("lockgate_http_requests", "Requests answered.", request, registry=registry)
        self._seconds = Histogram(
            "lockgate_http_request_seconds", "Seconds to an answer.", request[:2], buckets=_SECONDS, registry=registry
        )
        self._in_flight = Gauge(
            "lockgate_http_requests_in_flight", "Requests under way.", multiprocess_mode="livesum", registry=registry
        )
        self._submitted = Counter("lockgate_jobs_submitted", "Jobs submitted here.", job[:2], registry=registry)
        self._ended = Counter("lockgate_jobs_ended", "Jobs submitted here that ended.", job, registry=registry)
        self._executions = Counter("lockgate_executions", "Executions that ended here.", job, registry=registry)
        self._fallbacks = Counter(
            "lockgate_fallbacks", "Executions that another implementation was to answer.", job[:2], registry=registry
        )
        self._shadow_records = Counter(
            "lockgate_shadow_records",
            "Records that both sides of a route answered.",
            ("entity", "result"),
            registry=registry,
        )
        self._shadow_errors = Counter(
            "lockgate_shadow_errors", "Requests that the candidate alone failed.", ("entity",), registry=registry
        )
        self._shadow_dropped = Counter(
            "lockgate_shadow_dropped", "Records that were not compared.", ("entity",), registry=registry
        )
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def request_began(self) -> None:
        """A request has come."""
        self._in_flight.inc()

    def request_ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request was answered, after so long; unknown paths and methods have one name each."""
        self._in_flight.dec()
        labels = (method if method in METHODS else "other", route or UNMATCHED)
        self._requests.labels(*labels, str(status)).inc()
        self._seconds.labels(*labels).observe(seconds)

    def submitted(self, job: Job) -> bool:
        """Counts a job; False where it was counted before, because its request was sent again."""
        with self._lock:
            if job.job_id in self._known:
                return False
            self._known[job.job_id] = None
            if len(self._known) > JOBS_REMEMBERED:
                self._known.popitem(last=False)
        self._submitted.labels(job.request.entity, job.request.engine or "routed").inc()
        return True

    def ended(self, future: Future[Job]) -> None:
        """Counts the end of a job."""
        if future.cancelled() or future.exception() is not None:
            return
        job = future.result()
        engine = job.result.execution.implementation if job.result else job.request.engine or "routed"
        self._ended.labels(job.request.entity, engine, job.status.value).inc()

    def execution_ended(self, claim: Claim, outcome: JobResult | Failure) -> None:
        """Counts an execution that ended in this process."""
        if isinstance(outcome, Failure):
            engine = claim.request.engine or "routed"
            self._executions.labels(claim.request.entity, engine, JobStatus.FAILED.value).inc()
            if outcome.fallback:
                self._fallbacks.labels(claim.request.entity, str(outcome.fallback["engine"])).inc()
            return
        labels = (claim.request.entity, outcome.execution.implementation)
        self._executions.labels(*labels, JobStatus.SUCCESS.value).inc()
        if outcome.fallen_back:
            self._fallbacks.labels(*labels).inc()

    def compared(self, compared: Compared) -> None:
        """Counts what both sides of a route said of records."""
        entity = compared.entity
        for result, records in (("equal", compared.equal), ("wrong", compared.wrong)):
            self._shadow_records.labels(entity, result).inc(records)
        self._shadow_errors.labels(entity).inc(compared.errors)
        self._shadow_dropped.labels(entity).inc(compared.dropped)

    def text(self, known: Known) -> bytes:
        """All figures in Prometheus' text format, with what is known besides."""
        registry = self._registry
        if self._folder is not None:
            _bury(self._folder)
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        now = CollectorRegistry()
        now.register(_Facts(known))
        return generate_latest(registry) + generate_latest(now)

    def close(self) -> None:
        """Takes this process's gauges out of the folder."""
        if self._folder is not None:
            mark_process_dead(os.getpid(), str(self._folder))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Known:
    """Facts of control plane and target, which are no process's own; None: they do not tell."""

    jobs: Mapping[JobStatus, int] | None = None
    rollbacks: Mapping[str, int] | None = None
    routes: Sequence[Route] | None = None


class _Facts:
    """A collector of facts."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def collect(self) -> Iterable[Metric]:
        """The figures of what is known."""
        known = self._known
        if known.jobs is not None:
            yield _jobs(known.jobs)
        if known.rollbacks is not None:
            yield _rollbacks(known.rollbacks)
        if known.routes is not None:
            yield from _routes(known.routes)


def _jobs(jobs: Mapping[JobStatus, int]) -> Metric:
    gauge = GaugeMetricFamily("lockgate_jobs", "Jobs, those that ended for thirty days.", labels=("status",))
    for status, count in jobs.items():
        gauge.add_metric((status.value,), count)
    return gauge


def _rollbacks(rollbacks: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily("lockgate_rollbacks", "Rollbacks of an entity's route.", labels=("entity",))
    for entity, times in rollbacks.items():
        counter.add_metric((entity,), times)
    return counter


def _routes(routes: Sequence[Route]) -> tuple[Metric, Metric]:
    """How much the candidate answers, of 1, and in which stage each entity is: 1 for that one, 0 for the others."""
    share = GaugeMetricFamily("lockgate_route_share", "Part of keys the candidate answers.", labels=("entity",))
    stage = GaugeMetricFamily("lockgate_route_stage", "The stage of a route is 1.", labels=("entity", "stage"))
    for route in routes:
        share.add_metric((route.entity,), route.share / BUCKETS)
        for each in Stage:
            stage.add_metric((route.entity, each.value), float(each is route.stage))
    return share, stage


def _bury(folder: Path) -> None:
    """Takes the gauges of processes out that were killed before they could."""
    for file in folder.glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{process}").exists():
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]
