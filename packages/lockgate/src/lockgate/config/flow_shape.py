"""The shape of flows, their calendars and pools in the project file."""

from __future__ import annotations

import re
import shlex
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from lockgate.config.comparison_shape import Day
from lockgate.config.grammar import Cron, Duration, Name, Shape, Text, TimeZone, fault
from lockgate.core.flow import DEFAULT_POOL, FIRST_YEAR, LAST_YEAR, Runtime, StepKind

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


def _listed(written: object) -> object:
    """One name stands for a list of it."""
    return [written] if isinstance(written, str) else written


def _command(written: object) -> object:
    """A command line whose quotes are closed."""
    if isinstance(written, str):
        try:
            if shlex.split(written):
                return written
        except ValueError as error:
            raise fault(f"this is no command line: {str(error).lower()}", "Close the quotes.") from error
    raise fault("this is no command line", "Write a command and its arguments as one text.")


def _program(written: str) -> str:
    """A command line that begins with a program."""
    first = shlex.split(written)[0]
    if re.match(r"[A-Za-z_]\w*=", first, re.ASCII):
        raise fault(f"{first!r} sets a variable, and is no program", f"Put `env` before it: env {written}")
    if not first or first.startswith("-"):
        raise fault(f"{first!r} is no program", "Write the program first, and then its options.")
    return written


def _each(written: object) -> object:
    """All entities, those made by rules, or some by name."""
    is_list = isinstance(written, list) and written and all(isinstance(name, str) for name in written)
    if written in get_args(EachOf) or is_list:
        return written
    raise fault("this says not for which entities", "Write entities, rules, or a list of entities: [users, devices].")


def _first_day(day: date) -> date:
    """A day on which a schedule can begin."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        said = f"no flow begins before {FIRST_YEAR} or after {LAST_YEAR}"
        raise fault(said, "Write its first day, as YYYY-MM-DD.")
    return day


FirstDay: TypeAlias = Annotated[Day, AfterValidator(_first_day)]
EachOf: TypeAlias = Literal["entities", "rules"]
Each: TypeAlias = Annotated[
    Any,
    BeforeValidator(_each),
    WithJsonSchema({"anyOf": [{"enum": list(get_args(EachOf))}, {"type": "array", "items": {"type": "string"}}]}),
]
Names: TypeAlias = Annotated[list[Text], BeforeValidator(_listed), Field(min_length=1)]
Command: TypeAlias = Annotated[str, BeforeValidator(_command)]
Program: TypeAlias = Annotated[Command, AfterValidator(_program)]


class CalendarShape(Shape):
    """The days on which a flow runs."""

    weekdays: list[Weekday] = Field(list(get_args(Weekday)), min_length=1, description="Those alone.")
    skip: list[Day] = Field(default_factory=list[date], description="Days, such as holidays, on which it does not run.")


class StepShape(Shape):
    """One step of a flow: its name, one thing that it does, and how."""

    name: Name = Field(description="What the step is called.")
    load: Names | None = Field(None, description="Loads sources or streams: `discovery`, `discovery.users`.")
    execute: Names | None = Field(None, description="Builds entities from what is pinned, and holds them back.")
    test: Names | None = Field(None, description="Tests what was built of entities.")
    compare: Names | None = Field(None, description="Compares both sides of entities' routes, as evidence.")
    gate: Names | None = Field(None, description="Asks gates; anything but go ends the flow.")
    publish: Names | None = Field(None, description="Shows consumers what was built and held back.")
    notify: Text | None = Field(None, description="Tells the project's channels a sentence.")
    run: Command | None = Field(None, description="Any command without the program's name: `run --skip-load`.")
    shell: Program | None = Field(None, description="Any other program of this machine, with its arguments.")
    each: Each | None = Field(
        None,
        description="One such step an entity: of all `entities`, those by `rules`, or these; `{entity}` is its name.",
    )
    needs: list[Name] | None = Field(None, description="The steps it comes after; else the one before it.")
    retries: int = Field(0, ge=0, le=100, description="How often it is tried again.")
    retry_delay: Duration = Field(timedelta(seconds=30), description="How long it waits before.")
    timeout: Duration = Field(timedelta(hours=4), description="How long an attempt may take.")
    pool: Name = Field(DEFAULT_POOL, description="The pool whose slots it shares.")
    priority: int = Field(0, ge=-1000, le=1000, description="Where slots are scarce, the higher one goes first.")

    @model_validator(mode="after")
    def does_one_thing(self) -> Self:
        """A step says one thing that it does.

        Raises:
            PydanticCustomError: it says none, or several.
        """
        said = [kind.value for kind in StepKind if getattr(self, kind.value) is not None]
        if len(said) != 1:
            what = f"it says {' and '.join(said)}" if said else "it does not say what it does"
            raise fault(f"a step does one thing; {what}", f"Write one of {', '.join(kind.value for kind in StepKind)}.")
        return self

    @property
    def kind(self) -> StepKind:
        """What it does."""
        return next(kind for kind in StepKind if getattr(self, kind.value) is not None)


class FlowShape(Shape):
    """Steps that run together."""

    description: str = Field("", description="What the flow is for.")
    schedule: Cron | None = Field(None, description="Minute, hour, day, month, weekday; without it people start it.")
    timezone: TimeZone = Field("UTC", description="The zone of the schedule.")
    calendar: Name | None = Field(None, description="The calendar on whose days it runs; else every day.")
    start: FirstDay | None = Field(None, description="The first day of its schedule.")
    catch_up: bool = Field(False, description="Whether runs that were missed are made up for; else the newest alone.")
    sla: Duration | None = Field(None, description="How long after its time a run may end before people are told.")
    max_active_runs: int = Field(1, ge=1, le=100, description="How many runs of it are under way at a time.")
    runtime: Name = Field(
        Runtime.DURABLE.value, description="What runs it: one of `runtimes`; else `durable`, the embedded one."
    )
    target: Name | None = Field(None, description="The target that its steps work on; else the one that is asked for.")
    steps: list[StepShape] = Field(min_length=1, description="Its steps.")
