"""What the pages of lineage show: nodes as lines of a list, and one node with its columns and what it reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind, Unresolved
from lockgate.core.touches import KINDS_TOLD
from lockgate.lineage import CONSUMERS
from lockgate.server.console.lineage_picture import Neighbourhood, Picture, Reach

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

MOST_TIED = 100
MOST_IMPACT = 20
MOST_UNRESOLVED = 10


def list_path(**asked: object) -> str:
    """The address of a list of nodes."""
    return f"/lineage?{urlencode({name: value for name, value in asked.items() if value})}"


def node_path(name: str, **asked: object) -> str:
    """The address of a node, whatever its name is made of."""
    return (
        f"/lineage/node?{urlencode({'name': name, **{key: str(value) for key, value in asked.items() if value != ''}})}"
    )


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node in a list."""

    name: str
    kind: str
    path: str
    entity: str
    columns: int
    unresolved: int


@dataclass(frozen=True, slots=True)
class Tie:
    """A column that the chosen one is made of, or goes into, and how; without a column a reader as a whole."""

    node: str
    column: str
    path: str
    is_direct: bool


@dataclass(frozen=True, slots=True)
class Ties:
    """The columns on one side of the chosen one."""

    rows: tuple[Tie, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ImpactGroup:
    """What is reached of one kind; `more` is the address of the whole list, where it is longer."""

    title: str
    links: tuple[tuple[str, str], ...]
    many: int
    more: str


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node, with what is near it."""

    node: LineageNode
    kind: str
    entity: str
    column: str
    up: int
    down: int
    picture: Picture
    columns: tuple[str, ...]
    made_of: Ties
    goes_into: Ties
    impact: tuple[ImpactGroup, ...]
    unresolved: tuple[Unresolved, ...]
    unresolved_left_out: int


def counts_of(found: FoundLineage) -> tuple[tuple[NodeKind, str, int], ...]:
    """How many nodes there are of each kind."""
    counted = Counter(node.kind for node in found.graph.nodes.values())
    return tuple((kind, KINDS_TOLD[kind], counted[kind]) for kind in NodeKind if counted[kind])


def lines_of(found: FoundLineage, names: Sequence[str]) -> list[NodeLine]:
    """Nodes as lines."""
    makers, unresolved = found.makers, Counter(one.node for one in found.graph.unresolved)
    return [
        NodeLine(
            name,
            KINDS_TOLD[found.graph.nodes[name].kind],
            node_path(name),
            makers.get(name, ""),
            len(found.graph.columns_of(name)),
            unresolved[name],
        )
        for name in names
    ]


def view_of(found: FoundLineage, name: str, column: str, *, up: int, down: int) -> NodeView:
    """One node, with so many levels before and after it.

    Raises:
        UnknownName: it has no such column.
    """
    graph, node = found.graph, found.graph.nodes[name]
    chosen = found.column(name, column) if column else None
    before = graph.levels(name, upstream=True, most=up)
    after = graph.levels(name, upstream=False, most=down)
    reached = _reached(found, chosen) if chosen else {}
    picture = Neighbourhood(name, before, after, graph.nodes, graph.node_edges, reached).drawn()
    mine = tuple(one for one in graph.unresolved if one.node == name)
    return NodeView(
        node=node,
        kind=KINDS_TOLD[node.kind],
        entity=found.makers.get(name, ""),
        column=chosen.column if chosen else "",
        up=up,
        down=down,
        picture=picture,
        columns=graph.columns_of(name),
        made_of=_ties(found, chosen, upstream=True),
        goes_into=_ties(found, chosen, upstream=False),
        impact=tuple(_impact(found, name, chosen)),
        unresolved=mine[:MOST_UNRESOLVED],
        unresolved_left_out=max(0, len(mine) - MOST_UNRESOLVED),
    )


def impacted(found: FoundLineage, name: str, column: str) -> tuple[str, ...]:
    """The nodes that a column reaches, at any distance.

    Raises:
        UnknownName: there is no such column.
    """
    reach = found.impact(name, column)
    return tuple(sorted({*reach.nodes, *(ref.node for ref in reach.columns)} - {name}))


def _reached(found: FoundLineage, chosen: ColumnRef) -> dict[str, Reach]:
    """By which columns nodes and the chosen column reach each other."""
    graph = found.graph
    direct = {chosen, *graph.upstream(chosen), *graph.downstream(chosen)}
    every = direct | {*graph.upstream(chosen, indirect=True), *graph.downstream(chosen, indirect=True)}
    by_value = set(graph.impact([chosen], indirect=False).nodes)
    reached = {name: Reach(is_direct=name in by_value) for name in graph.impact([chosen]).nodes}
    for name in {ref.node for ref in every}:
        values = tuple(sorted(ref.column for ref in direct if ref.node == name and ref.column))
        filters = tuple(sorted(ref.column for ref in every - direct if ref.node == name and ref.column))
        reached[name] = Reach(values, filters, is_direct=bool(values) or (not filters and name in by_value))
    return reached


def _ties(found: FoundLineage, chosen: ColumnRef | None, *, upstream: bool) -> Ties:
    if chosen is None:
        return Ties((), 0)
    look = found.graph.upstream if upstream else found.graph.downstream
    direct, every = set(look(chosen)), look(chosen, indirect=True)
    ordered = sorted(every, key=lambda ref: (ref not in direct, ref))
    rows = tuple(
        Tie(ref.node, ref.column, node_path(ref.node, column=ref.column), ref in direct) for ref in ordered[:MOST_TIED]
    )
    return Ties(rows, max(0, len(every) - MOST_TIED))


def _impact(found: FoundLineage, name: str, chosen: ColumnRef | None) -> Iterator[ImpactGroup]:
    """Consumers by kind, those that people look at first."""
    nodes = found.graph.nodes
    reached = found.impact(name, chosen.column if chosen else None).nodes
    for kind in CONSUMERS:
        names = [one for one in reached if one in nodes and nodes[one].kind is kind and one != name]
        if names:
            more = list_path(of=name, column=chosen.column if chosen else "", kind=kind.value)
            links = tuple((node_path(one), one) for one in names[:MOST_IMPACT])
            yield ImpactGroup(f"{KINDS_TOLD[kind]}s", links, len(names), more if len(names) > MOST_IMPACT else "")
