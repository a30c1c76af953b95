"""Declared flows as the nouns of the core: each step with the command that does it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from lockgate.config.flow_shape import WEEKDAYS, CalendarShape, FlowShape
from lockgate.config.flow_steps import Entities, WrittenStep, needs_of, steps_of
from lockgate.core.flow import Calendar, FlowDeclaration, Schedule, StepDeclaration, StepKind


def flow_of(name: str, shape: FlowShape, calendars: Mapping[str, CalendarShape], entities: Entities) -> FlowDeclaration:
    """A flow whose steps come one after the other unless they say what they need."""
    steps = steps_of(shape, entities)
    return FlowDeclaration(
        name=name,
        steps=tuple(_step(step, needs_of(step, shape, steps), shape.target) for step in steps),
        description=shape.description,
        schedule=_schedule(shape, calendars),
        sla=shape.sla,
        max_active_runs=shape.max_active_runs,
        runtime=shape.runtime,
        target=shape.target,
    )


def _schedule(shape: FlowShape, calendars: Mapping[str, CalendarShape]) -> Schedule | None:
    if shape.schedule is None:
        return None
    calendar = _calendar(shape.calendar, calendars[shape.calendar]) if shape.calendar else None
    return Schedule(shape.schedule, shape.timezone, calendar, shape.start, shape.catch_up)


def _calendar(name: str, shape: CalendarShape) -> Calendar:
    weekdays = frozenset(WEEKDAYS.index(day) for day in shape.weekdays)
    return Calendar(name, weekdays, frozenset(shape.skip))


def _step(written: WrittenStep, needs: tuple[str, ...], target: str | None) -> StepDeclaration:
    shape = written.shape
    return StepDeclaration(
        name=written.name,
        kind=written.kind,
        arguments=tuple(_arguments(written)),
        needs=needs,
        retries=shape.retries,
        retry_delay=shape.retry_delay,
        timeout=shape.timeout,
        pool=shape.pool,
        priority=shape.priority,
        target=target,
    )


def _arguments(step: WrittenStep) -> Iterator[str]:
    """The command that does what a step says."""
    said = step.said
    match step.kind:
        case StepKind.RUN | StepKind.SHELL:
            yield from shlex.split(said[0])
        case StepKind.NOTIFY:
            yield from ("notices", "tell", *(["--"] if said[0].startswith("-") else []), said[0])
        case StepKind.EXECUTE:
            yield from ("run", "--skip-load", "--hold")
            for name in said:
                yield from ("--select", name)
        case StepKind.COMPARE:
            yield from ("cutover", "compare", *said)
        case kind:
            yield from (kind.value, *said)
