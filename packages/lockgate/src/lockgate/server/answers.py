"""What callers get: the shape of each answer, as the OpenAPI document shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lockgate.core.cutover import Action
from lockgate.core.execution import NodeStatus
from lockgate.core.gate import Answer, EvidenceKind
from lockgate.core.job import JobStatus, RoutedBy
from lockgate.core.route import Stage

_AS_SENT = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class NodeAnswer(BaseModel):
    """How one dbt model, test, seed or snapshot ended."""

    model_config = _AS_SENT

    node: str
    status: NodeStatus
    seconds: float
    rows: int | None = Field(description="The rows of a table, where they are known.")
    failures: int | None = Field(description="How many rows a test found.")
    message: str
    file: str


class RuleAnswer(BaseModel):
    """What one rule did: to how many rows."""

    model_config = _AS_SENT

    rule: str
    outcome: str
    rows: int
    reason: str


class PinAnswer(BaseModel):
    """Which loads of a stream were read: from the first to the last, both included."""

    model_config = _AS_SENT

    relation: str
    first_load: int
    last_load: int


class FailureAnswer(BaseModel):
    """An error that is part of an answer."""

    model_config = _AS_SENT

    code: str
    error: str
    message: str
    hint: str


class FailedFallbackAnswer(FailureAnswer):
    """The implementation that was to answer in place of the one that failed, and why it failed too."""

    engine: str


class JobFailureAnswer(FailureAnswer):
    """Why a job failed."""

    fallback: FailedFallbackAnswer | None = Field(description="What failed too in its place; null: nothing was tried.")


class FallbackAnswer(FailureAnswer):
    """Which implementation was chosen and failed, and why, where another one answered in its place."""

    instead_of: str = Field(alias="from")


class ResultAnswer(BaseModel):
    """What came of an execution."""

    model_config = _AS_SENT

    engine: str = Field(description="The implementation that answered.")
    routed_by: RoutedBy
    rows: int
    seconds: float
    nodes: Sequence[NodeAnswer]
    tests: Mapping[str, int] = Field(description="How many dbt tests ended how; `total` is all of them.")
    rules: Sequence[RuleAnswer]
    pins: Sequence[PinAnswer]
    revision: str = Field(description="A digest of the implementation's files.")
    fallback: FallbackAnswer | None


class TransformAnswer(ResultAnswer):
    """What came of a transformation of an entity's tables."""

    entity_type: str
    status: Literal[JobStatus.SUCCESS]
    job_id: str
    joined: bool = Field(description="Whether another request had asked for the execution before.")


class OutcomeAnswer(BaseModel):
    """What came of one record."""

    model_config = _AS_SENT

    index: int
    engine: str
    status: str = Field(description="`ok`, `rejected`, `duplicate` or `filtered`.")
    reason: str | None
    output: Mapping[str, Any] | None


class RecordsAnswer(BaseModel):
    """What came of records, in their order."""

    model_config = _AS_SENT

    entity_type: str
    engine: str
    engines: Mapping[str, int] = Field(description="How many records each implementation answered.")
    records: int
    scope: str = Field(description="`row`, or `request` where records depend on each other.")
    fallback: FallbackAnswer | None = Field(description="Who was to answer and failed, where another one did instead.")
    outcomes: Sequence[OutcomeAnswer]


class JobSummary(BaseModel):
    """A job, without what came of it."""

    model_config = _AS_SENT

    job_id: str
    entity_type: str
    engine: str | None = Field(description="The implementation that was asked for; null: as routed.")
    full_refresh: bool
    again: bool
    status: JobStatus
    joined: bool
    execution_id: str
    attempts: int
    caller: str
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobAnswer(JobSummary):
    """A job."""

    vars: Mapping[str, Any]
    result: ResultAnswer | None
    failure: JobFailureAnswer | None


class JobsAnswer(BaseModel):
    """The newest jobs first."""

    model_config = _AS_SENT

    jobs: Sequence[JobSummary]
    next: str | None = Field(description="Send it as `before` to go on; null: there are no more.")


class EntityAnswer(BaseModel):
    """An entity: who would answer for it now, and why."""

    model_config = _AS_SENT

    entity_type: str
    key: Sequence[str]
    contract: Mapping[str, str] = Field(description="The columns and their types.")
    implementations: Mapping[str, str] = Field(description="Each implementation's engine.")
    stage: Stage
    incumbent: str
    candidate: str | None
    share: int = Field(description="How many of 10,000 buckets the candidate answers.")
    answers: str | None = Field(description="The implementation that would answer now; null: none could.")
    routed_by: RoutedBy | None
    is_dbt_enabled: bool
    warning: str | None = Field(description="Where the served view cannot show what answers: why, and what to do.")


class RouteAnswer(BaseModel):
    """A route: who answers for an entity, and for which share of its keys."""

    model_config = _AS_SENT

    incumbent: str
    candidate: str | None
    stage: Stage
    share: int = Field(description="How many of 10,000 buckets the candidate answers.")
    token: int = Field(description="It grows with every change.")


class ConditionAnswer(BaseModel):
    """What one condition of a gate says, and the numbers of the evidence that it saw."""

    model_config = _AS_SENT

    condition: str
    answer: Answer
    sentence: str
    evidence: Sequence[int]


class GateAnswer(BaseModel):
    """What a gate says now."""

    model_config = _AS_SENT

    gate: str
    answer: Answer
    conditions: Sequence[ConditionAnswer]


class EvidenceAnswer(BaseModel):
    """One recorded fact about both sides, seen under the route's token then."""

    model_config = _AS_SENT

    evidence_id: int
    kind: EvidenceKind
    token: int
    at: datetime
    by: str
    facts: Mapping[str, Any]


class DecisionAnswer(BaseModel):
    """What was decided about a route: by whom and why."""

    model_config = _AS_SENT

    decision_id: int
    entity_type: str
    action: Action
    answer: Answer
    before: RouteAnswer
    after: RouteAnswer | None
    by: str
    reason: str
    at: datetime


class CutoverAnswer(BaseModel):
    """Where an entity's cutover stands."""

    model_config = _AS_SENT

    entity_type: str
    group: str = Field(description="The group that moves together; empty: the entity moves alone.")
    route: RouteAnswer
    gates: Sequence[GateAnswer]
    comparison: EvidenceAnswer | None = Field(description="The newest comparison of both sides.")
    decision: DecisionAnswer | None = Field(description="The newest decision.")


class RolledBackAnswer(DecisionAnswer):
    """A decision to roll back."""

    age_seconds: float | None = Field(description="How old the data is that the served view shows; null: it has none.")


class RollbackAnswer(BaseModel):
    """What was rolled back: the entity, and its group with it."""

    model_config = _AS_SENT

    rolled_back: Sequence[RolledBackAnswer]


class EntitiesAnswer(BaseModel):
    """Every entity, in the project's order."""

    model_config = _AS_SENT

    entities: Sequence[EntityAnswer]


class SwitchAnswer(BaseModel):
    """The live switch, as it stands now."""

    model_config = _AS_SENT

    entity_type: str | None = Field(description="Null: all entities.")
    enabled: bool
    changed_at: datetime
    changed_by: str
    warnings: Sequence[str] = Field(description="Entities whose served view cannot show what answers now.")


class HealthAnswer(BaseModel):
    """That the server is there."""

    status: Literal["ok", "ready"]


class FlawAnswer(BaseModel):
    """One thing wrong with a request: in its body, or in a parameter."""

    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body, as a URI fragment.")
    parameter: str | None = None


class FailedNodeAnswer(BaseModel):
    """A dbt node that failed, or was skipped because of one that did."""

    node: str
    status: str | None = None
    message: str | None = None
    file: str | None = None


class TokenAnswer(BaseModel):
    """A token, in the shape of RFC 6749, section 5.1."""

    access_token: str = Field(repr=False, description="To be sent as `Authorization: Bearer`.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="The seconds that it is good for, unless its session ends before.")


class Problem(BaseModel):
    """What is wrong (RFC 9457)."""

    model_config = _AS_SENT

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="`LG` and three digits: what docs/reference/errors.md and api.md explain.")
    instance: str | None = Field(None, description="The path of the request or, where a job failed, of the job.")
    hint: str | None = Field(None, description="What to do.")
    correlation_id: str | None = None
    errors: Sequence[FlawAnswer] | None = None
    nearest: Sequence[str] | None = Field(None, description="Known names like the one that is not.")
    job_id: str | None = None
    entity_type: str | None = None
    error: str | None = None
    nodes: Sequence[FailedNodeAnswer] | None = None
    fallback: FailedFallbackAnswer | None = None
