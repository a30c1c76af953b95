"""A flow as a job of Dagster: operations that call the command line, a schedule, and the assets that come of it."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from lockgate.core.flow import DEFAULT_POOL, FlowDeclaration, StepDeclaration, StepKind
from lockgate.core.project import Project
from lockgate.orchestrate.python_text import called, identifiers, listed, literal
from lockgate.orchestrate.templates import rendered

PLACES = {"{start}": "start", "{end}": "end", "{date}": "date"}
_NAMES = {
    "os", "shlex", "signal", "subprocess", "datetime", "timedelta", "day", "Path", "ZoneInfo", "dg", "PROJECT",
    "TIMEZONE", "FIRST_DAY", "WEEKDAYS", "SKIPPED", "INTERVALS", "ASSETS", "UTC", "call", "command", "interval",
    "schedule", "context", "start", "end", "date", "defs", "tempfile", "time", "suppress", "tell_failed",
}  # fmt: skip
# What Dagster gives no operation and no job for a name (dagster/_core/definitions/utils.py, DISALLOWED_NAMES).
_RESERVED = {
    "context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict", "int", "str", "float",
    "bool", "input", "output", "type", *keyword.kwlist,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """A step as the template writes it."""

    function: str
    step: StepDeclaration
    command: str
    places: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """What a flow makes, and from which other assets."""

    key: str
    group: str
    makes_of: tuple[str, ...]


def flow_file(flow: FlowDeclaration, project: Project, place: str, _module: str) -> str:
    """The text of the flow's file; `place` is the expression of the project's folder."""
    job = identifiers([flow.name], {*_NAMES, *_RESERVED})[flow.name]
    taken = {*_NAMES, *_RESERVED, flow.name, job}
    functions = identifiers((step.name for step in flow.steps), taken)
    makes = {step.name: tuple(_made(step, flow, project)) for step in flow.steps}
    calendar = flow.schedule.calendar if flow.schedule else None
    facts = {
        "flow": flow,
        "job": job,
        "job_name": job if flow.name in _RESERVED else flow.name,
        "operations": [_operation(step, functions[step.name], makes[step.name]) for step in flow.steps],
        "functions": functions,
        "calls": list(_calls(flow, functions)),
        "assets": list(_assets(flow, makes)),
        "place": place,
        "calendar": calendar,
        "skipped": sorted(calendar.skip) if calendar else [],
        "weekdays": sorted(calendar.weekdays) if calendar else [],
        "uses_interval": any(_places(step) for step in flow.steps),
        "uses_date": any("date" in _places(step) for step in flow.steps),
        "default_pool": DEFAULT_POOL,
        "literal": literal,
        "asset_key": _key,
    }
    return rendered("dagster.py.jinja", facts)


def _key(asset: str) -> str:
    """The key of an asset in Python; Dagster takes a stroke in a text for a part of it in some places only."""
    parts = [literal(part) for part in asset.split("/")]
    return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"


def instance_file(flows: Iterable[FlowDeclaration], pools: Mapping[str, int]) -> str:
    """What belongs into the `dagster.yaml` of an instance: how many runs of a flow go on at a time."""
    return rendered("dagster.yaml.jinja", {"flows": list(flows), "pools": pools})


def workspace_file(files: Mapping[str, str]) -> str:
    """What `dagster dev -w` reads: each flow's file as a code location of its own."""
    return rendered("workspace.yaml.jinja", {"files": files})


def _operation(step: StepDeclaration, function: str, makes: tuple[str, ...]) -> Operation:
    command = listed(step.command, PLACES, indent=4, beside=len("command = "))
    return Operation(function, step, command, _places(step), makes)


def _places(step: StepDeclaration) -> tuple[str, ...]:
    return tuple(name for place, name in PLACES.items() if any(place in word for word in step.command))


def _in_order(flow: FlowDeclaration) -> Iterator[StepDeclaration]:
    """The steps so that each comes after what it needs; otherwise as they were declared."""
    order = TopologicalSorter({step.name: step.needs for step in flow.steps})
    order.prepare()
    while order.is_active():
        ready = set(order.get_ready())
        yield from (step for step in flow.steps if step.name in ready)
        order.done(*ready)


def _calls(flow: FlowDeclaration, functions: Mapping[str, str]) -> Iterator[str]:
    """The lines that put the steps into the job."""
    needed = [functions[step.name] for step in flow.steps if any(step.name in other.needs for other in flow.steps)]
    # In the job they would hide an operation of their name.
    done = identifiers((f"{function}_done" for function in needed), functions.values())
    for step in _in_order(flow):
        function = functions[step.name]
        needs = [f"{_input(functions[need])}={done[f'{functions[need]}_done']}" for need in step.needs]
        result = f"{done[f'{function}_done']} = " if function in needed else ""
        yield result + called(function, needs, indent=4, beside=len(result))


def _input(function: str) -> str:
    return f"after_{function}"


def _made(step: StepDeclaration, flow: FlowDeclaration, project: Project) -> Iterator[str]:
    """The keys of the assets that a step makes: streams that it loads, entities that consumers see after it."""
    names = step.arguments[1:]
    if step.kind is StepKind.LOAD:
        for source, stream in project.streams():
            if source.name in names or f"{source.name}.{stream.name}" in names:
                yield f"{source.name}/{stream.name}"
    published = {name for other in flow.steps if other.kind is StepKind.PUBLISH for name in other.arguments[1:]}
    if step.kind is StepKind.PUBLISH:
        yield from names
    if step.kind is StepKind.EXECUTE:
        yield from (name for name in project.entities if name in names and name not in published)


def _assets(flow: FlowDeclaration, makes: Mapping[str, tuple[str, ...]]) -> Iterator[Asset]:
    """What the flow makes: entities of all the streams that were loaded before them in it."""
    before: dict[str, set[str]] = {}
    seen: set[str] = set()
    for step in _in_order(flow):
        before[step.name] = {name for need in step.needs for name in (*before[need], need)}
        loaded = sorted(key for name in before[step.name] for key in makes[name] if "/" in key)
        for key in makes[step.name]:
            if key not in seen:
                seen.add(key)
                yield Asset(key, "sources" if "/" in key else "entities", () if "/" in key else tuple(loaded))
