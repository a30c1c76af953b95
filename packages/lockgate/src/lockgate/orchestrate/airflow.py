"""A flow as a DAG of Airflow 3: tasks that call the command line, on a cron timetable of data intervals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from lockgate.core.flow import DEFAULT_POOL, FlowDeclaration, StepDeclaration
from lockgate.core.project import Project
from lockgate.flow.ticks import interval_of, next_tick
from lockgate.orchestrate.python_text import bracketed, duration, identifiers, literal, spread
from lockgate.orchestrate.templates import rendered

PLACES = {"{start}": "START", "{end}": "END", "{date}": "DATE"}
# Without catching up no earlier run than the newest is made, so any day that is over will do.
FIRST_DAY = date(2020, 1, 1)
_NAMES = {
    "os", "date", "datetime", "timedelta", "Path", "ZoneInfo", "pendulum", "subprocess", "dag", "DAG", "BashOperator",
    "CronDataIntervalTimetable", "DeadlineAlert", "DeadlineReference", "SyncCallback", "PROJECT", "TIMEZONE", "CRON",
    "WEEKDAYS", "SKIPPED", "START", "END", "DATE", "AirflowSkipException", "skip_other_days", "tell_people",
    "tell_failed", "tell_late",
}  # fmt: skip
# The task's own standard input is the socket by which it talks with Airflow.
_NO_INPUT = " < /dev/null"


@dataclass(frozen=True, slots=True)
class Task:
    """A step as the template writes it."""

    variable: str
    step: StepDeclaration
    command: str
    arguments: tuple[tuple[str, str], ...]


def flow_file(flow: FlowDeclaration, _project: Project, place: str, _module: str) -> str:
    """The text of the flow's file; `place` is the expression of the project's folder."""
    variables = identifiers((step.name for step in flow.steps), _NAMES)
    tasks = [Task(variables[step.name], step, _command(step), tuple(_arguments(step))) for step in flow.steps]
    calendar = flow.schedule.calendar if flow.schedule else None
    facts = {
        "flow": flow,
        "tasks": tasks,
        "edges": list(_edges(flow, variables)),
        "place": place,
        "calendar": calendar,
        "skipped": sorted(calendar.skip) if calendar else [],
        "weekdays": sorted(calendar.weekdays) if calendar else [],
        "first": _first(flow),
        "catches_up": bool(flow.schedule and flow.schedule.catch_up and flow.schedule.start),
        "uses_date": any("{date}" in argument for step in flow.steps for argument in step.command),
        "sla": duration(flow.sla) if flow.sla else None,
        "literal": literal,
    }
    return rendered("airflow.py.jinja", facts)


def _first(flow: FlowDeclaration) -> str:
    """When the interval of the first run begins, as arguments of `pendulum.datetime`.

    Airflow makes no run whose interval begins before `start_date`.
    """
    schedule = flow.schedule
    first = FIRST_DAY if schedule is None else schedule.start or FIRST_DAY
    parts = [first.year, first.month, first.day]
    if schedule is not None and schedule.start is not None:
        # Days that the calendar does not have are runs on Airflow too, whose tasks are skipped.
        every_day = replace(schedule, calendar=None)
        tick = next_tick(every_day, datetime.combine(first, time(), UTC) - timedelta(days=2))
        if tick is not None:
            begins = interval_of(every_day, tick).start
            parts = [begins.year, begins.month, begins.day, begins.hour, begins.minute]
    return ", ".join(map(str, parts))


def pools_file(pools: Mapping[str, int]) -> str:
    """What `airflow pools import` reads."""
    described = {
        name: {"slots": slots, "description": "Written by `lockgate flow compile`.", "include_deferred": False}
        for name, slots in pools.items()
    }
    return json.dumps(described, indent=4) + "\n"


def _command(step: StepDeclaration) -> str:
    """The command line as a template of Airflow's, in Python."""
    return spread(step.written + _NO_INPUT, PLACES, indent=8, beside=len("bash_command=,"), escape=_verbatim)


def _verbatim(text: str) -> str:
    """Text that a template of Airflow's gives back as it is; by itself it makes a line feed of a carriage return."""
    return re.sub(r"\{[{%#]|\{$|\{?\r", _spelled, text)


def _spelled(found: re.Match[str]) -> str:
    text = found.group().replace("\r", "\\r")
    return f'{{{{ "{text}" }}}}'


def _arguments(step: StepDeclaration) -> Iterator[tuple[str, str]]:
    """What Airflow is told of a task besides its command."""
    yield "retries", str(step.retries)
    if step.retries:
        yield "retry_delay", duration(step.retry_delay)
    yield "execution_timeout", duration(step.timeout)
    if step.pool != DEFAULT_POOL:
        yield "pool", literal(step.pool)
    if step.priority:
        yield "priority_weight", str(step.priority)


def _edges(flow: FlowDeclaration, variables: Mapping[str, str]) -> Iterator[str]:
    for step in flow.steps:
        needs = [variables[need] for need in step.needs]
        if needs:
            after = f" >> {variables[step.name]}"
            before = needs[0] if len(needs) == 1 else bracketed(needs, indent=4, beside=len(after))
            yield before + after
