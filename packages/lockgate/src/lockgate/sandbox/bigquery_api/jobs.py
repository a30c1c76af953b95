"""Jobs of the stand-in for BigQuery: queries, loads and copies, each in a thread of its own.

Source: the resource `Job` of REST, and cloud.google.com/bigquery/docs/reference/rest/v2/jobs.
"""

from __future__ import annotations

import re
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from typing import Any

from lockgate.sandbox.bigquery_api.catalog import now_ms
from lockgate.sandbox.bigquery_api.refusals import Refusal, missing
from lockgate.sandbox.bigquery_api.sessions import Outcome

_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LONG = frozenset({"precision", "scale", "maxLength", "maximumBytesBilled", "jobTimeoutMs", "expirationMs"})
_BILLED = 10 * 2**20
_LOOK_SECONDS = 0.05


@dataclass(slots=True)
class JobFault:
    """What a job meets, before its work or `after` it: it waits for `until`, and ends with `refusal`."""

    refusal: Refusal | None = None
    until: Event | None = None
    after: bool = False


@dataclass(slots=True)
class Job:
    """A job, as it was asked for and as it stands."""

    project: str
    id: str
    location: str
    email: str
    configuration: dict[str, Any]
    content: bytes = b""
    state: str = "PENDING"
    created_ms: int = field(default_factory=now_ms)
    started_ms: int = 0
    ended_ms: int = 0
    error: Refusal | None = None
    outcome: Outcome | None = None
    loaded: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    children: int = 0
    session: str = ""
    transaction: str = ""
    answer: tuple[str, str] = ("", "")
    is_stopped: bool = False
    done: Event = field(default_factory=Event)

    @property
    def kind(self) -> str:
        """`query`, `load` or `copy`."""
        return next(kind for kind in ("query", "load", "copy") if kind in self.configuration)

    @property
    def is_over(self) -> bool:
        """Whether it is to end: somebody wants it, or its time is over."""
        most = int(self.configuration.get("jobTimeoutMs") or 0)
        return self.is_stopped or bool(most and self.started_ms and now_ms() > self.started_ms + most)

    def stopped(self) -> Refusal:
        """Why it ended before it was done."""
        why = "User requested cancellation" if self.is_stopped else "Job timed out"
        return Refusal("stopped", f"Job execution was cancelled: {why}")

    def reference(self) -> dict[str, str]:
        """A `JobReference`."""
        return {"projectId": self.project, "jobId": self.id, "location": self.location}

    def status(self) -> dict[str, Any]:
        """A `JobStatus`."""
        if self.error is None:
            return {"state": self.state}
        return {"state": self.state, "errorResult": self.error.proto(), "errors": [self.error.proto()]}

    def statistics(self) -> dict[str, Any]:
        """A `JobStatistics`."""
        told: dict[str, Any] = {"creationTime": str(self.created_ms)}
        if self.started_ms:
            told["startTime"] = str(self.started_ms)
        if self.ended_ms:
            told["endTime"] = str(self.ended_ms)
        if self.parent:
            told["parentJobId"] = self.parent
        if self.children:
            told["numChildJobs"] = str(self.children)
        if self.session:
            told["sessionInfo"] = {"sessionId": self.session}
        if self.transaction:
            told["transactionInfo"] = {"transactionId": self.transaction}
        if self.kind == "load" and self.loaded:
            told["load"] = self.loaded
        if self.kind == "copy" and self.loaded:
            told["copy"] = self.loaded
        if self.kind == "query" and self.outcome is not None:
            told["totalBytesProcessed"] = str(self.outcome.bytes)
            told["query"] = self._of_query(self.outcome)
        return told

    def _of_query(self, outcome: Outcome) -> dict[str, Any]:
        kind = "SCRIPT" if self.children else outcome.kind
        told: dict[str, Any] = {
            "statementType": kind,
            "totalBytesProcessed": str(outcome.bytes),
            "totalBytesBilled": str(billed(outcome)),
            "cacheHit": False,
            "totalSlotMs": "0",
        }
        if outcome.affected is not None:
            told["numDmlAffectedRows"] = str(outcome.affected)
        if outcome.changes:
            told["dmlStats"] = {key: str(value) for key, value in outcome.changes.items()}
        if outcome.ddl:
            told["ddlOperationPerformed"] = outcome.ddl
            if outcome.target and outcome.target.get("projectId"):
                told["ddlTargetTable"] = outcome.target
        if outcome.fields is not None:
            told["schema"] = {"fields": outcome.fields}
        if outcome.read:
            told["referencedTables"] = [table.reference() for table in outcome.read if table.dataset != "_SESSION"]
        return told

    def document(self, url: str) -> dict[str, Any]:
        """As it is answered."""
        configuration = {**self.configuration, "jobType": self.kind.upper()}
        if self.kind == "query" and self.outcome is not None and self.outcome.fields is not None:
            query = {"destinationTable": self.destination(), **configuration["query"]}
            configuration["query"] = query
        return {
            "kind": "bigquery#job",
            "etag": f"{self.id}-{self.state}",
            "id": f"{self.project}:{self.location}.{self.id}",
            "selfLink": f"{url}/bigquery/v2/projects/{self.project}/jobs/{self.id}?location={self.location}",
            "user_email": self.email,
            "configuration": configuration,
            "jobReference": self.reference(),
            "statistics": self.statistics(),
            "status": self.status(),
        }

    def destination(self) -> dict[str, str]:
        """Where the rows that it answers are, as a `TableReference`."""
        dataset, table = self.answer
        return {"projectId": self.project, "datasetId": dataset, "tableId": table}


def billed(outcome: Outcome) -> int:
    """Bytes that are billed: ten mebibytes at least where a table is read."""
    tables = len({table.physical for table in outcome.read if table.physical})
    return max(outcome.bytes, _BILLED * tables)


class Jobs:
    """The jobs that there are, by id."""

    def __init__(self, project: str, location: str) -> None:
        """None yet."""
        self.project = project
        self.location = location
        self.faults: deque[JobFault | None] = deque()
        self._jobs: dict[str, Job] = {}
        self._lock = RLock()

    def add(self, configuration: dict[str, Any], reference: Mapping[str, str], email: str, **more: Any) -> Job:
        """A new job, which is not begun.

        Raises:
            Refusal: its id is not one, or is taken, or it is of no kind.
        """
        number = reference.get("jobId") or f"job_{uuid.uuid4().hex}"
        if not _ID.fullmatch(number):
            raise Refusal("invalid", f'Invalid job ID "{number}"')
        if sum(kind in configuration for kind in ("query", "load", "copy")) != 1:
            raise Refusal("invalid", "Required parameter is missing: the job has no configuration that is known")
        location = reference.get("location") or self.location
        if location.casefold() != self.location.casefold():
            raise Refusal(
                "invalid", f"Invalid value for location: {location} is not that of the stand-in, {self.location}"
            )
        job = Job(self.project, number, self.location, email, _spelled(configuration), **more)
        job.answer = ("_" + uuid.uuid4().hex, "anon" + uuid.uuid4().hex)
        with self._lock:
            if number in self._jobs:
                raise Refusal("duplicate", f"Already Exists: Job {self.project}:{self.location}.{number}")
            self._jobs[number] = job
        return job

    def find(self, number: str, location: str = "") -> Job:
        """A job.

        Raises:
            Refusal: there is none such, or not there.
        """
        job = self._jobs.get(number)
        if job is None or (location and location.casefold() != job.location.casefold()):
            raise missing("Job", f"{self.project}:{location + '.' if location else ''}{number}")
        return job

    def all(self) -> list[Job]:
        """Every job, the youngest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def answering(self, dataset: str, table: str) -> Job | None:
        """The job whose rows are in a table that has no name of its own."""
        return next((job for job in self.all() if job.answer == (dataset, table)), None)

    def start(self, job: Job, work: Any) -> None:
        """Begins a job: `work` is called in a thread."""
        fault = self.faults.popleft() if self.faults else None
        Thread(target=self._live, args=(job, work, fault), daemon=True).start()

    def _live(self, job: Job, work: Any, fault: JobFault | None) -> None:
        job.state, job.started_ms = "RUNNING", now_ms()
        try:
            if fault is not None and not fault.after:
                _meet(job, fault)
            work(job)
            if fault is not None and fault.after:
                _meet(job, fault)
        except Refusal as error:
            job.error = error
        except Exception as error:  # noqa: BLE001  a job ends whatever happened to it
            job.error = Refusal("notImplemented", f"The stand-in for BigQuery failed: {type(error).__name__}: {error}")
        job.ended_ms, job.state = now_ms(), "DONE"
        job.done.set()


def _spelled(part: Any) -> Any:
    """A configuration as it is answered: whole numbers of 64 bits are text there, and null is nothing."""
    if isinstance(part, list):
        return [_spelled(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _spelled(value) for key, value in part.items() if value is not None}
    return {key: str(value) if key in _LONG and isinstance(value, int) else value for key, value in kept.items()}


def _meet(job: Job, fault: JobFault) -> None:
    while fault.until is not None and not fault.until.wait(_LOOK_SECONDS) and not job.is_over:
        pass
    if job.is_over:
        raise job.stopped()
    if fault.refusal is not None:
        raise fault.refusal
