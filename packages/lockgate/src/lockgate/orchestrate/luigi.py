"""A flow as tasks of Luigi: each calls the command line, and is done when its marker for the interval is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockgate.core.flow import DEFAULT_POOL, FlowDeclaration, StepDeclaration
from lockgate.core.project import Project
from lockgate.orchestrate.python_text import bracketed, class_names, docstring, listed, literal
from lockgate.orchestrate.templates import rendered

PLACES = {"{start}": "self.start", "{end}": "self.end", "{date}": "self.date"}
_NAMES = {"Path", "ZoneInfo", "Step", "PROJECT", "STATE", "TIMEZONE"}


@dataclass(frozen=True, slots=True)
class Task:
    """A step as the template writes it."""

    name: str
    step: StepDeclaration
    command: str
    needs: str


def flow_file(flow: FlowDeclaration, _project: Project, place: str, module: str) -> str:
    """The text of the flow's file, the module of that name; `place` is the expression of the project's folder."""
    wrapper = class_names([flow.name], _NAMES)[flow.name]
    names = class_names((step.name for step in flow.steps), {*_NAMES, wrapper})
    facts = {
        "flow": flow,
        "wrapper": wrapper,
        "tasks": [_task(step, names) for step in flow.steps],
        "all_tasks": _clones((step.name for step in flow.steps), names),
        "place": place,
        "module": module,
        "uses_date": any("{date}" in word for step in flow.steps for word in step.command),
        "default_pool": DEFAULT_POOL,
        "literal": literal,
        "docstring": docstring(flow.description),
    }
    return rendered("luigi.py.jinja", facts)


def settings_file(flows: Iterable[FlowDeclaration], pools: Mapping[str, int]) -> str:
    """What belongs into the `luigi.cfg` of luigid and of its workers: retries, time-outs, and the slots of pools."""
    delays = [step.retry_delay.total_seconds() for flow in flows for step in flow.steps if step.retries]
    return rendered("luigi.cfg.jinja", {"delay": int(max(delays, default=30)), "pools": pools})


def _task(step: StepDeclaration, names: Mapping[str, str]) -> Task:
    command = listed(step.command, PLACES, indent=8, beside=len("return "))
    return Task(names[step.name], step, command, _clones(step.needs, names))


def _clones(steps: Iterable[str], names: Mapping[str, str]) -> str:
    """The tasks of steps for the same interval."""
    return bracketed([f"self.clone({names[step]})" for step in steps], indent=8, beside=len("return "))
