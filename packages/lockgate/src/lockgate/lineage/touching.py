"""`touched`: who stands on columns that differ, and by which of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lockgate.core.lineage import ColumnRef, NodeKind, Unresolved
from lockgate.core.touches import Touched
from lockgate.lineage.graph import Graph

CONSUMERS = (NodeKind.EXPOSURE, NodeKind.SERVED, NodeKind.METRIC, NodeKind.TEST)
"""What a difference is told to touch, besides what makes entities; those that people look at first."""


def touched(
    graph: Graph, differing: Mapping[str, Collection[ColumnRef]], rows_of: Collection[str], makers: Mapping[str, str]
) -> tuple[Touched, ...]:
    """The consumers and makers that columns reach at any distance; `differing` has the places of each column.

    With `rows_of`, the nodes that have missing or extra rows, all that stands on these too. `makers` are the nodes that
    make or serve an entity, with its name.
    """
    direct, every = (_reached(graph, differing, indirect=indirect) for indirect in (False, True))
    below = {one for name in rows_of for one in (name, *graph.nodes_downstream(name))}
    below |= set(_nodes(graph, [ColumnRef(name, one) for name in rows_of for one in graph.columns_of(name)]))
    names = {name for found in every.values() for name in found} | below
    told = (
        Touched(
            node=name,
            kind=graph.nodes[name].kind,
            direct=tuple(one for one in differing if name in direct[one]),
            indirect=tuple(one for one in differing if name in every[one] and name not in direct[one]),
            by_rows=name in below,
            entity=makers.get(name, ""),
        )
        for name in names
        if name in graph.nodes and (graph.nodes[name].kind in CONSUMERS or name in makers)
    )
    return tuple(sorted(told, key=lambda one: (_place(one.kind), one.node)))


def unresolved_below(graph: Graph, starts: Collection[str]) -> tuple[Unresolved, ...]:
    """What is not resolved of nodes, and of those that stand on them."""
    below = {one for name in starts for one in (name, *graph.nodes_downstream(name))}
    return tuple(one for one in graph.unresolved if one.node in below)


def _reached(
    graph: Graph, differing: Mapping[str, Collection[ColumnRef]], *, indirect: bool
) -> dict[str, frozenset[str]]:
    return {name: frozenset(_nodes(graph, refs, indirect=indirect)) for name, refs in differing.items()}


def _nodes(graph: Graph, refs: Collection[ColumnRef], *, indirect: bool = True) -> Iterator[str]:
    """The nodes that are reached; those where the columns are among them."""
    found = graph.impact(refs, indirect=indirect)
    yield from found.nodes
    yield from (ref.node for ref in (*refs, *found.columns))


def _place(kind: NodeKind) -> int:
    return CONSUMERS.index(kind) if kind in CONSUMERS else len(CONSUMERS)
