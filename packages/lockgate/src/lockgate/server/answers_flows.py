"""What callers get about flows: the shape of each answer, as the OpenAPI document shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lockgate.core.flow import FlowStatus, Runtime, StepKind, Trigger

_AS_SENT = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class FlowRunSummary(BaseModel):
    """A run of a flow, without its steps."""

    model_config = _AS_SENT

    run: int = Field(description="Its number.")
    flow: str
    run_id: str = Field(description="What its runtime calls it.")
    runtime: Runtime = Field(description="What runs it; `durable` is the embedded one.")
    trigger: Trigger
    status: FlowStatus
    start: datetime = Field(description="From when on the time is that it is about.")
    end: datetime = Field(description="Until when.")
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    by: str = Field(description="Who asked for it; empty: nobody did.")


class StepStateAnswer(BaseModel):
    """How a step of a run stands, at its newest attempt."""

    model_config = _AS_SENT

    step: str
    status: FlowStatus
    attempt: int = Field(description="Which attempt it is, from 1; 0: it has not begun.")
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None = Field(description="Null where it has none, or where nobody told.")
    error: str


class FlowRunAnswer(FlowRunSummary):
    """A run of a flow, with its steps in the order of the declaration."""

    steps: Sequence[StepStateAnswer]


class FlowRunsAnswer(BaseModel):
    """The newest runs first."""

    model_config = _AS_SENT

    runs: Sequence[FlowRunSummary]
    next: int | None = Field(description="Send it as `before` to go on; null: there are no more.")


class FlowStepAnswer(BaseModel):
    """A step as it is declared."""

    model_config = _AS_SENT

    step: str
    kind: StepKind
    needs: Sequence[str] = Field(description="The steps that it comes after.")
    retries: int
    timeout_seconds: float
    pool: str


class ScheduleAnswer(BaseModel):
    """When a flow runs."""

    model_config = _AS_SENT

    cron: str
    timezone: str
    calendar: str | None = Field(description="The calendar on whose days alone.")
    next: datetime | None = Field(description="When it is due next; null: not for years.")


class FlowAnswer(BaseModel):
    """A flow."""

    model_config = _AS_SENT

    flow: str
    description: str
    runtime: str = Field(description="The name of what runs it; `durable` is the embedded one.")
    schedule: ScheduleAnswer | None = Field(description="Null: people alone start it.")
    steps: Sequence[FlowStepAnswer]
    last_run: FlowRunSummary | None


class FlowsAnswer(BaseModel):
    """Every flow, in the project's order."""

    model_config = _AS_SENT

    flows: Sequence[FlowAnswer]


class StepLogAnswer(BaseModel):
    """What an attempt at a step has printed."""

    model_config = _AS_SENT

    run: int
    step: str
    attempt: int
    text: str = Field(description="Of more than a million characters the end.")
    is_whole: bool = Field(description="Whether nothing was left out.")
