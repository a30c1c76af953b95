"""Jobs: durable requests to transform an entity, and the executions that they wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self, cast

from lockgate.core.execution import Execution
from lockgate.core.load import Pin
from lockgate.core.plain import to_plain
from lockgate.errors import LockgateError, RetryableError

MAX_ATTEMPTS = 3
# The field of a failure that tells which implementation was to answer in its place, and how that one failed.
FALLBACK = "fallback"


class JobStatus(StrEnum):
    """How far a job, or the execution that it waits for, has come."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it stays so, unless somebody asks for another try."""
        return self in {JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELLED}


class RoutedBy(StrEnum):
    """What decided which implementation answers, the strongest first."""

    REQUEST = "request"
    SWITCH = "switch"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class TransformRequest:
    """What is asked for: an entity, by the implementation `engine` or, where it is None, as routed.

    `again` asks for an execution even where one on the same inputs has succeeded already; `full_refresh` does too.
    """

    entity: str
    engine: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    full_refresh: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The implementation that answers, what decided so, and the one that answers where it fails (None: none does)."""

    entity: str
    implementation: str
    routed_by: RoutedBy
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an execution's output depends on, besides its variables: the program's revision and the pins.

    `revision` is a digest of the files of the implementation. Two executions of an implementation with equal inputs
    and variables are one.
    """

    implementation: str
    revision: str
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's name for a request, so that sending it twice is sending it once: for 24 h, within `scope`.

    `scope` is caller and route; `digest` is that of the request's body. (IETF draft "The Idempotency-Key HTTP Header
    Field".)
    """

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A request, by whom, and under which key where the caller named one.

    `inputs` are those that an execution would have if it began now: what the submitter saw. `correlation_id` is that of
    the call that it came by.
    """

    request: TransformRequest
    caller: str
    inputs: Inputs
    key: IdempotencyKey | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is stored and shown, without row values or secrets; `fields` are its own, as JSON holds them."""

    code: str
    error: str
    message: str
    hint: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def fallback(self) -> Mapping[str, object] | None:
        """What failed in its place (`engine`), and its `code`, `error`, `message`, `hint`; None where nothing did."""
        found = self.fields.get(FALLBACK)
        return found if isinstance(found, Mapping) else None

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return any(kind.code == self.code for kind in RetryableError.__subclasses__())

    @classmethod
    def of(cls, error: LockgateError) -> Self:
        """An error of ours as it is stored and shown."""
        fields = to_plain(error.fields)
        return cls(error.code, type(error).__name__, error.message, error.remedy, cast("dict[str, object]", fields))


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of an execution: by which implementation, on which inputs.

    `fallen_back` is set where the chosen implementation failed and the incumbent answered in its place.
    """

    execution: Execution
    inputs: Inputs
    routed_by: RoutedBy
    fallen_back: Failure | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One request's durable row, with what is known of the execution that it waits for.

    `joined` tells that the execution was there when the job came. `attempts` counts how often a worker has begun the
    execution; more than one means that workers died or lost it.
    """

    job_id: str
    caller: str
    request: TransformRequest
    status: JobStatus
    execution_id: str
    joined: bool
    submitted_at: datetime
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: JobResult | None = None
    failure: Failure | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's turn at an execution; `attempt` is the fencing token that its commit must carry.

    `correlation_id` is that of the first job among those that wait for it.
    """

    execution_id: str
    attempt: int
    request: TransformRequest
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """The live switch `Transformation.Dbt.Enabled`: of one entity, or of all where `entity` is None."""

    entity: str | None
    enabled: bool
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A working process' hold on a slot, which must be renewed; `token` tells it from those before and after it."""

    slot: str
    token: int
