"""The geometry of a node's neighbourhood in the lineage: levels from left to right, a box a node."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lockgate.core.legible import cut, legible
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.core.touches import KINDS_TOLD

MOST_BOXES = 10
"""On a level, besides the one that leads to the others."""
MOST_EDGES = 400
BOX_WIDTH, BOX_HEIGHT = 184, 62
GAP_ACROSS, GAP_DOWN = 44, 14
MARGIN = 12
LONGEST_LABEL, LONGEST_BY = 21, 24
_BEND = 30
_HASH = re.compile(r"\.[0-9a-f]{10}$")
_CORNERS = {NodeKind.EXPOSURE: 31, NodeKind.METRIC: 18, NodeKind.SERVED: 2, NodeKind.TEST: 10}


@dataclass(frozen=True, slots=True)
class Reach:
    """By which columns a node and the chosen column reach each other: by value, or by deciding about rows.

    What has no columns stands on the column as a whole; `is_direct` tells that its value gets there.
    """

    direct: tuple[str, ...] = ()
    indirect: tuple[str, ...] = ()
    is_direct: bool = False

    @property
    def told(self) -> str:
        """The same in words."""
        parts = [f"value: {', '.join(self.direct)}"] if self.direct else []
        parts += [f"filter: {', '.join(self.indirect)}"] if self.indirect else []
        return "; ".join(parts) or ("stands on it" if self.is_direct else "stands on it by a filter")


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or what stands for `more` of a level; `way` is below 0 upstream and above 0 downstream."""

    name: str
    kind: str
    label: str
    told: str
    way: int
    x: int
    y: int
    corner: int = 6
    reach: Reach | None = None
    more: int = 0

    @property
    def by(self) -> str:
        """By what it is reached from the chosen column, cut to fit."""
        return cut(legible(self.reach.told), LONGEST_BY) if self.reach else ""


@dataclass(frozen=True, slots=True)
class Level:
    """The nodes that are so many steps away, of which `boxes` are drawn."""

    way: int
    boxes: tuple[Box, ...]
    nodes: int

    @property
    def title(self) -> str:
        """Where it is, in words."""
        steps = f"{abs(self.way)} step{'s' if abs(self.way) > 1 else ''}"
        return f"{steps} {'upstream' if self.way < 0 else 'downstream'}" if self.way else "This node"


@dataclass(frozen=True, slots=True)
class Picture:
    """Levels with their boxes, and curves between them as SVG paths."""

    levels: tuple[Level, ...]
    edges: tuple[str, ...]
    width: int
    height: int
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Every box, from left to right and from above."""
        return tuple(box for level in self.levels for box in level.boxes)


@dataclass(slots=True)
class Neighbourhood:
    """What is drawn: the node, the levels before and after it, nearest first, and what the chosen column reaches."""

    name: str
    before: Sequence[Sequence[str]]
    after: Sequence[Sequence[str]]
    nodes: Mapping[str, LineageNode]
    edges: Iterable[tuple[str, str]]
    reached: Mapping[str, Reach] = field(default_factory=dict)

    def drawn(self) -> Picture:
        """The picture; of a level the nodes come first that the chosen column reaches."""
        levels = [(-number, names) for number, names in enumerate(self.before, start=1)][::-1]
        levels += [(0, (self.name,)), *enumerate(self.after, start=1)]
        chosen = {way: self._chosen(names) for way, names in levels}
        shown = {name for names in chosen.values() for name in names}
        edges = [(one, other) for one, other in self.edges if one in shown and other in shown]
        places = _places(chosen, edges)
        tallest = max(len(chosen[way]) + (len(names) > len(chosen[way])) for way, names in levels)
        height = 2 * MARGIN + tallest * (BOX_HEIGHT + GAP_DOWN) - GAP_DOWN
        drawn = tuple(
            self._level(way, sorted(chosen[way], key=places.__getitem__), len(names), (across, height))
            for across, (way, names) in enumerate(levels)
        )
        boxes = {box.name: box for level in drawn for box in level.boxes if not box.more}
        curves = tuple(_curve(boxes[one], boxes[other]) for one, other in edges[:MOST_EDGES])
        width = 2 * MARGIN + len(levels) * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS
        return Picture(drawn, curves, width, height)

    def _chosen(self, names: Sequence[str]) -> list[str]:
        """As many of a level as are drawn."""
        return sorted(names, key=lambda name: (name not in self.reached, name))[:MOST_BOXES]

    def _level(self, way: int, names: Sequence[str], many: int, place: tuple[int, int]) -> Level:
        across, height = place
        more = many - len(names)
        rows = len(names) + (more > 0)
        x = MARGIN + across * (BOX_WIDTH + GAP_ACROSS)
        top = (height - rows * (BOX_HEIGHT + GAP_DOWN) + GAP_DOWN) // 2
        boxes = [self._box(name, way, x, top + at * (BOX_HEIGHT + GAP_DOWN)) for at, name in enumerate(names)]
        if more:
            y = top + len(names) * (BOX_HEIGHT + GAP_DOWN)
            boxes.append(Box("", "more", f"and {more:,} more", "as a list", way, x, y, more=more))
        return Level(way, tuple(boxes), many)

    def _box(self, name: str, way: int, x: int, y: int) -> Box:
        node = self.nodes.get(name)
        kind = node.kind if node else NodeKind.OTHER
        told = KINDS_TOLD[kind] if node else "not in the project"
        label = cut(legible(label_of(name, kind)), LONGEST_LABEL)
        return Box(name, kind.value, label, told, way, x, y, _CORNERS.get(kind, 6), self.reached.get(name))


def label_of(name: str, kind: NodeKind) -> str:
    """A node's name without what it is and whose: `orders` of `model.shop.orders`."""
    parts = name.split(".", 2)
    label = parts[-1] if len(parts) > 2 else name  # noqa: PLR2004  a kind, a project and a name
    return _HASH.sub("", label) if kind is NodeKind.TEST else label


def _places(chosen: Mapping[int, Sequence[str]], edges: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Where each node stands in its level: near what it is tied to in the level that is nearer to the middle.

    Source: layered drawing (Sugiyama, Tagawa, Toda 1981), with one pass of barycentres outwards.
    """
    tied: dict[str, list[str]] = {}
    for one, other in edges:
        tied.setdefault(one, []).append(other)
        tied.setdefault(other, []).append(one)
    places: dict[str, float] = {}
    for way in sorted(chosen, key=abs):
        names = chosen[way]
        inner = {name: [places[one] for one in tied.get(name, ()) if one in places] for name in names}
        middle = {name: sum(near) / len(near) if near else len(names) for name, near in inner.items()}
        ordered = sorted(names, key=lambda name: (middle[name], name))
        places.update((name, at - len(names) / 2) for at, name in enumerate(ordered))
    return places


def _curve(one: Box, other: Box) -> str:
    """From what is read to what reads it; a bow where both stand in one level."""
    y1, y2 = one.y + BOX_HEIGHT // 2, other.y + BOX_HEIGHT // 2
    if one.x < other.x:
        x1, x2 = one.x + BOX_WIDTH, other.x
        middle = (x1 + x2) // 2
        return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
    if one.x == other.x:
        x = one.x + BOX_WIDTH
        return f"M{x} {y1}C{x + _BEND} {y1} {x + _BEND} {y2} {x} {y2}"
    x1, x2 = one.x, other.x + BOX_WIDTH
    return f"M{x1} {y1}C{x1 - _BEND} {y1} {x2 + _BEND} {y2} {x2} {y2}"
