"""What flows say about the rest of a project file, and their steps about each other."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from lockgate.config.findings import Declared, Finding
from lockgate.config.flow_shape import FlowShape
from lockgate.config.names import suggestion
from lockgate.config.yaml_positions import KeyPath
from lockgate.core.flow import DEFAULT_POOL, Runtime, StepKind


def flow_findings(declared: Declared) -> Iterator[Finding]:
    """Steps have names of their own and need steps that are there, not in a circle; what flows name is declared."""
    if Runtime.DURABLE in declared.names("runtimes"):
        message = f"the embedded runtime is called {Runtime.DURABLE.value!r}"
        yield Finding(("runtimes", Runtime.DURABLE.value), message, "Choose another name.")
    for name, flow in declared.shape.flows.items():
        path = ("flows", name)
        if flow.calendar is not None:
            yield from _known(declared, "calendars", flow.calendar, (*path, "calendar"))
        if flow.runtime != Runtime.DURABLE:
            yield from _runtime(declared, flow.runtime, (*path, "runtime"))
        yield from _step_findings(declared, flow, (*path, "steps"))
        yield from _circle(flow, (*path, "steps"))


def _step_findings(declared: Declared, flow: FlowShape, path: KeyPath) -> Iterator[Finding]:
    names = [step.name for step in flow.steps]
    for index, step in enumerate(flow.steps):
        if step.name in names[:index]:
            yield Finding((*path, index, "name"), f"another step is called {step.name!r}", "Rename one of them.")
        for place, need in enumerate(step.needs or ()):
            if need not in names:
                remedy = suggestion(need, names, "steps")
                yield Finding((*path, index, "needs", place), f"there is no step {need!r}", remedy)
        if step.pool != DEFAULT_POOL:
            yield from _known(declared, "pools", step.pool, (*path, index, "pool"))
        yield from _subjects(declared, step.kind, getattr(step, step.kind.value), (*path, index, step.kind.value))


def _subjects(declared: Declared, kind: StepKind, said: list[str], path: KeyPath) -> Iterator[Finding]:
    """What a step is about is declared."""
    places = {StepKind.LOAD: "sources", StepKind.GATE: "gates"}
    entities = {StepKind.EXECUTE, StepKind.TEST, StepKind.COMPARE, StepKind.PUBLISH}
    place = "entities" if kind in entities else places.get(kind)
    if place is None:
        return
    for index, name in enumerate(said):
        source, _, stream = name.partition(".")
        yield from _known(declared, place, source if kind is StepKind.LOAD else name, (*path, index))
        streams = declared.names("sources", source, "streams")
        if kind is StepKind.LOAD and stream and streams and stream not in streams:
            yield Finding((*path, index), f"there is no stream {name!r}", suggestion(stream, streams, "streams"))


def _runtime(declared: Declared, name: str, path: KeyPath) -> Iterator[Finding]:
    known = declared.names("runtimes")
    if name not in known:
        near = suggestion(name, (*known, Runtime.DURABLE.value), "runtimes")
        yield Finding(path, f"there is no runtime {name!r}", near if known else "Declare it under `runtimes`.")


def _known(declared: Declared, place: str, name: str, path: KeyPath) -> Iterator[Finding]:
    known = declared.names(place)
    if name not in known:
        singular = {"entities": "entity"}.get(place, place.removesuffix("s"))
        yield Finding(path, f"there is no {singular} {name!r}", suggestion(name, known, place))


def _circle(flow: FlowShape, path: KeyPath) -> Iterator[Finding]:
    try:
        TopologicalSorter({step.name: step.needs or () for step in flow.steps}).prepare()
    except CycleError as error:
        message = f"steps need each other in a circle: {' → '.join(error.args[1])}"
        yield Finding(path, message, "Take one of the needs away.")
