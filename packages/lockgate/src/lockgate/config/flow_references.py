"""What flows say about the rest of a project file, and their steps about each other."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from lockgate.config.findings import Declared, Finding
from lockgate.config.flow_shape import FlowShape, StepShape
from lockgate.config.flow_steps import ENTITY, Entities, WrittenStep, needs_of, steps_of, subjects
from lockgate.config.names import name_fault, suggestion
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
        if flow.target is not None:
            yield from _known(declared, "targets", flow.target, (*path, "target"))
        if flow.runtime != Runtime.DURABLE:
            yield from _runtime(declared, flow.runtime, (*path, "runtime"))
        yield from _step_findings(declared, flow, (*path, "steps"))
        yield from _circle(flow, declared.shape.entities, (*path, "steps"))


def _step_findings(declared: Declared, flow: FlowShape, path: KeyPath) -> Iterator[Finding]:
    written = [step.name for step in flow.steps]
    for place, shape in enumerate(flow.steps):
        for number, need in enumerate(shape.needs or ()):
            if need not in written:
                remedy = suggestion(need, written, "steps")
                yield Finding((*path, place, "needs", number), f"there is no step {need!r}", remedy)
        if shape.pool != DEFAULT_POOL:
            yield from _known(declared, "pools", shape.pool, (*path, place, "pool"))
        if shape.each is not None:
            yield from _each(declared, shape, (*path, place, "each"))
    names: set[str] = set()
    for step in steps_of(flow, declared.shape.entities):
        if step.name in names:
            yield Finding((*path, step.place, "name"), f"another step is called {step.name!r}", "Rename one of them.")
        names.add(step.name)
        yield from _about(declared, step, (*path, step.place))


def _about(declared: Declared, step: WrittenStep, path: KeyPath) -> Iterator[Finding]:
    """A step of `each` can be called after its entity; only there stands `{entity}`."""
    where = (*path, step.kind.value)
    if step.entity is not None and (found := name_fault(step.name)):
        yield Finding((*path, "name"), found, "Shorten it: the entity's name is put after it.")
    if step.entity is None and any(ENTITY in text for text in step.said):
        yield Finding(where, f"{ENTITY} stands for nothing here", "Add `each: entities`, or name the entity.")
    elif step.entity is None or step.entity in declared.shape.entities:
        yield from _subjects(declared, step, where)


def _each(declared: Declared, shape: StepShape, path: KeyPath) -> Iterator[Finding]:
    """What a step is for is declared, and there is some of it."""
    if isinstance(shape.each, list):
        for number, name in enumerate(shape.each):
            yield from _known(declared, "entities", name, (*path, number))
    elif not subjects(shape, declared.shape.entities):
        what = "no entity is made by rules" if shape.each == "rules" else "no entity is declared"
        yield Finding(path, what, "Declare one, or take the step away.")


def _subjects(declared: Declared, step: WrittenStep, path: KeyPath) -> Iterator[Finding]:
    """What a step is about is declared."""
    places = {StepKind.LOAD: "sources", StepKind.GATE: "gates"}
    entities = {StepKind.EXECUTE, StepKind.TEST, StepKind.COMPARE, StepKind.PUBLISH}
    place = "entities" if step.kind in entities else places.get(step.kind)
    if place is None:
        return
    for index, name in enumerate(step.said):
        source, _, stream = name.partition(".")
        yield from _known(declared, place, source if step.kind is StepKind.LOAD else name, (*path, index))
        streams = declared.names("sources", source, "streams")
        if step.kind is StepKind.LOAD and stream and streams and stream not in streams:
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


def _circle(flow: FlowShape, entities: Entities, path: KeyPath) -> Iterator[Finding]:
    """Steps need each other, be it that one comes after the step before it because it does not say what it needs."""
    steps = steps_of(flow, entities)
    try:
        TopologicalSorter({step.name: needs_of(step, flow, steps) for step in steps}).prepare()
    except CycleError as error:
        message = f"steps need each other in a circle: {' → '.join(error.args[1])}"
        unsaid = [step.name for step in steps if step.name in error.args[1] and step.shape.needs is None]
        remedy = "Take one of the needs away."
        if unsaid:
            remedy = f"Say what {unsaid[0]} needs, such as `needs: []`; else it comes after the step before it."
        yield Finding(path, message, remedy)
