"""A flow's steps and what each needs, as a picture (SVG) and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from lockgate.adapters.reports.page import rendered
from lockgate.core.flow import FlowDeclaration, FlowStatus, StepDeclaration
from lockgate.core.legible import cut

BOX_WIDTH, BOX_HEIGHT = 210, 52
GAP_ACROSS, GAP_DOWN = 64, 20
MARGIN = 16
LONGEST_LABEL = 30


@dataclass(frozen=True, slots=True)
class Box:
    """A step, and where its box stands, in pixels."""

    step: StepDeclaration
    x: int
    y: int
    status: str
    command: str


@dataclass(frozen=True, slots=True)
class Line:
    """From the right side of one box to the left side of another."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def bend(self) -> float:
        """Where the curve turns."""
        return (self.x1 + self.x2) / 2


def drawn(flow: FlowDeclaration, statuses: Mapping[str, FlowStatus]) -> str:
    """The picture: steps from left to right, each to the right of all that it needs, coloured by how they stand."""
    columns = columns_of(flow)
    boxes = {
        step.name: Box(
            step,
            MARGIN + across * (BOX_WIDTH + GAP_ACROSS),
            MARGIN + down * (BOX_HEIGHT + GAP_DOWN),
            statuses[step.name].value if step.name in statuses else "none",
            cut(step.written, LONGEST_LABEL),
        )
        for across, column in enumerate(columns)
        for down, step in enumerate(column)
    }
    lines = [_line(boxes[need], boxes[step.name]) for step in flow.steps for need in step.needs]
    width = 2 * MARGIN + len(columns) * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS
    height = 2 * MARGIN + max(map(len, columns)) * (BOX_HEIGHT + GAP_DOWN) - GAP_DOWN
    size = {"box_width": BOX_WIDTH, "box_height": BOX_HEIGHT, "width": width, "height": height}
    return rendered("flow.svg.jinja", flow=flow, boxes=list(boxes.values()), lines=lines, **size)


def _line(one: Box, other: Box) -> Line:
    return Line(one.x + BOX_WIDTH, one.y + BOX_HEIGHT // 2, other.x, other.y + BOX_HEIGHT // 2)


def columns_of(flow: FlowDeclaration) -> list[list[StepDeclaration]]:
    """The steps by how many steps come before them at most; within a column near those that they need.

    Source: layered drawing (Sugiyama, Tagawa, Toda 1981), with one pass of barycentres.
    """
    depth: dict[str, int] = {}
    needs = {step.name: step.needs for step in flow.steps}
    for name in TopologicalSorter(needs).static_order():
        depth[name] = max((depth[need] + 1 for need in needs[name]), default=0)
    columns: list[list[StepDeclaration]] = [[] for _ in range(max(depth.values()) + 1)]
    for step in flow.steps:
        columns[depth[step.name]].append(step)
    places: dict[str, float] = {}
    for column in columns:
        column.sort(key=lambda step: sum(places[need] for need in step.needs) / max(len(step.needs), 1))
        places.update((step.name, place) for place, step in enumerate(column))
    return columns


def outlined(flow: FlowDeclaration, statuses: Mapping[str, FlowStatus]) -> str:
    """The same as text: a line a step, below all that it needs."""
    by_name = {step.name: step for step in flow.steps}
    order = TopologicalSorter({step.name: step.needs for step in flow.steps}).static_order()
    return "\n".join(_outline(by_name[name], statuses) for name in order)


def _outline(step: StepDeclaration, statuses: Mapping[str, FlowStatus]) -> str:
    needs = f"  ← {', '.join(step.needs)}" if step.needs else ""
    status = f"  [{statuses[step.name]}]" if step.name in statuses else ""
    return f"{step.name}: {step.written}{needs}{status}"
