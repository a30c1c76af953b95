"""Flows as nouns: steps and the command of each, when a flow runs, and what is remembered of its runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

DEFAULT_POOL = "default"
DEFAULT_SLOTS = 4
EVERY_DAY = frozenset(range(7))
FIRST_YEAR, LAST_YEAR = 1900, 2200  # before and after, no business had or will have data


class StepKind(StrEnum):
    """What a step does; `run` is any command of ours, `shell` any other program."""

    LOAD = "load"
    EXECUTE = "execute"
    TEST = "test"
    COMPARE = "compare"
    GATE = "gate"
    PUBLISH = "publish"
    NOTIFY = "notify"
    RUN = "run"
    SHELL = "shell"


class Runtime(StrEnum):
    """What runs a flow."""

    DURABLE = "durable"
    AIRFLOW = "airflow"
    DAGSTER = "dagster"
    LUIGI = "luigi"

    @property
    def tells_failures(self) -> bool:
        """Whether what a flow is compiled to tells people itself that a run has failed."""
        return self in {Runtime.AIRFLOW, Runtime.DAGSTER}


class Trigger(StrEnum):
    """Why a run was begun."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"


class FlowStatus(StrEnum):
    """How far a run or a step of it has come; a step is skipped where one that it needs did not succeed."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes of it."""
        return self not in {FlowStatus.WAITING, FlowStatus.QUEUED, FlowStatus.RUNNING}


@dataclass(frozen=True, slots=True)
class StepDeclaration:
    """One step: the arguments of `lockgate`, or of a shell step the program's and its own.

    It begins when every step in `needs` has succeeded. Arguments may hold `{start}`, `{end}` and `{date}`, which stand
    for the run's interval. Steps of one pool share its slots; where they are scarce, higher `priority` goes first.
    It works on `target`, where it has one, whatever target is asked for.
    """

    name: str
    kind: StepKind
    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()
    retries: int = 0
    retry_delay: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(hours=4)
    pool: str = DEFAULT_POOL
    priority: int = 0
    target: str | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """The program and its arguments."""
        if self.kind is StepKind.SHELL:
            return self.arguments
        return ("lockgate", *(("--target", self.target) if self.target else ()), *self.arguments)

    @property
    def written(self) -> str:
        """The command as it is typed in a shell."""
        return shlex.join(self.command)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which a flow runs: those `weekdays` (Monday is 0) but for the ones to `skip`."""

    name: str
    weekdays: frozenset[int] = EVERY_DAY
    skip: frozenset[date] = frozenset()

    def has(self, day: date) -> bool:
        """Whether a flow runs on that day."""
        return day.weekday() in self.weekdays and day not in self.skip


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone, on the days of a calendar, from `start` on.

    With `catch_up`, runs whose time passed while nothing was running are made up for; else the newest of them alone.
    """

    cron: str
    timezone: str = "UTC"
    calendar: Calendar | None = None
    start: date | None = None
    catch_up: bool = False


@dataclass(frozen=True, slots=True)
class FlowDeclaration:
    """Steps that run together; without a schedule only people start it.

    No more than `max_active_runs` of it are under way at a time, the others wait. `sla` is how long after its time a
    run may end before people are told. `runtime` is the name of one that the project declares, or the embedded one.
    `target` is where its steps work, where it says so; its runs are kept with those of every other flow.
    """

    name: str
    steps: tuple[StepDeclaration, ...]
    description: str = ""
    schedule: Schedule | None = None
    sla: timedelta | None = None
    max_active_runs: int = 1
    runtime: str = Runtime.DURABLE.value
    target: str | None = None

    @property
    def is_outside(self) -> bool:
        """Whether another runtime than the embedded one runs it, by its own schedule too."""
        return self.runtime != Runtime.DURABLE

    def step(self, name: str) -> StepDeclaration:
        """One of its steps; KeyError where it has none of that name."""
        return {step.name: step for step in self.steps}[name]


@dataclass(frozen=True, slots=True)
class RuntimeDeclaration:
    """A runtime that runs somewhere else; secrets in `options` stay references until they are used."""

    name: str
    kind: Runtime
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interval:
    """The time that a run is about: from the tick before its own to its own; where people ask, the moment of asking."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class StepState:
    """What is remembered of a step of a run; `attempt` counts from 1, `exit_code` is None where it had none."""

    name: str
    status: FlowStatus
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    error: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class FlowRun:
    """What is remembered of a run, wherever it ran; `run_id` is unique for its flow and runtime."""

    number: int
    flow: str
    run_id: str
    runtime: Runtime
    trigger: Trigger
    status: FlowStatus
    interval: Interval
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    by: str = ""
    steps: tuple[StepState, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run as another runtime shows it; its steps are only there where they were asked for."""

    run_id: str
    trigger: Trigger
    status: FlowStatus
    interval: Interval
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    by: str = ""
    steps: tuple[StepState, ...] = ()


@dataclass(frozen=True, slots=True)
class StepLog:
    """What an attempt at a step has printed; `is_whole` where nothing of it was left out."""

    text: str
    is_whole: bool = True
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be begun."""

    flow: str
    run_id: str
    runtime: Runtime
    trigger: Trigger
    interval: Interval
    steps: tuple[str, ...]
    by: str = ""


@dataclass(frozen=True, slots=True)
class OutsideStep:
    """A step of a run on another runtime; without an interval its run is about the moment at which it began."""

    flow: str
    step: str
    runtime: Runtime
    run_id: str
    interval: Interval | None = None

    @property
    def trigger(self) -> Trigger:
        """Why its run was begun, as far as its id and its interval tell."""
        named = next((trigger for trigger in Trigger if self.run_id.startswith(f"{trigger}__")), None)
        is_due = self.interval is not None and self.interval.start < self.interval.end
        return named or (Trigger.SCHEDULED if is_due else Trigger.MANUAL)


@dataclass(frozen=True, slots=True)
class StepClaim:
    """An attempt at a step, begun under a token: whoever holds an earlier one can no longer say how it ended."""

    number: int
    flow: str
    run_id: str
    step: str
    attempt: int
    token: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Taker:
    """Who queues steps: under which name, and of which runs; of all of them where none are named.

    Whoever names runs takes those too which these have to wait for.
    """

    worker: str
    runs: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How an attempt ended: the program's exit code, or why it has none; and where its log lies."""

    exit_code: int | None
    error: str = ""
    log: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the program ended well."""
        return self.exit_code == 0
