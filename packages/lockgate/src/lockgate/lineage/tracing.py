"""Traces a set of nodes: each query once, after those that it reads, or not at all where it was traced before."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind, QueryLineage, Unresolved
from lockgate.lineage.queries import query_lineage
from lockgate.lineage.reading import Unreadable, folded
from lockgate.lineage.shapes import Opening, Reach, Shape

# Lineage that was kept by another version of this room is worked out again.
VERSION = 1
# The schema under which a query may read a node by its own name, where several have the same relation.
BY_NAME = "lockgate node"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Traced:
    """Nodes by name, and what was found of those that have a query; `keys` name each finding by what it rests on.

    `worked_out` counts the queries that were not known from before; `circles` are nodes that stand on themselves.
    """

    nodes: Mapping[str, LineageNode]
    lineages: Mapping[str, QueryLineage]
    keys: Mapping[str, str]
    worked_out: int
    circles: tuple[Unresolved, ...] = ()

    def unresolved(self) -> tuple[Unresolved, ...]:
        """All that is not resolved, by node; a source may have columns that nobody reads."""
        unread = (Unresolved(node.name, "", node.why_unread) for node in self.nodes.values() if node.why_unread)
        sources = {node.name for node in self.nodes.values() if node.kind is NodeKind.SOURCE}
        listed = (one for lineage in self.lineages.values() for one in lineage.unresolved)
        found = (one for one in listed if one.node not in sources or one.column != "*")
        return tuple(
            sorted((*unread, *self.circles, *found), key=lambda one: (one.node, one.line, one.position, one.column))
        )


def trace(nodes: Iterable[LineageNode], known: Mapping[str, QueryLineage] | None = None) -> Traced:
    """What every column of the nodes is made of.

    `known` is what was found before, by key: a node whose query, dialect and relations read have not changed is taken
    from there.
    """
    by_name = {node.name: node for node in sorted(nodes, key=lambda node: node.name)}
    return _Tracing(by_name, known or {}, version("sqlglot")).traced()


@dataclass(slots=True)
class _Tracing:
    """One tracing of a set of nodes."""

    nodes: dict[str, LineageNode]
    known: Mapping[str, QueryLineage]
    parser: str
    lineages: dict[str, QueryLineage] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    worked_out: int = 0

    def traced(self) -> Traced:
        """The whole, in an order in which what is read comes first."""
        by_identifier: dict[str, list[LineageNode]] = {}
        for node in self.nodes.values():
            if node.relation:
                by_identifier.setdefault(node.relation[-1].casefold(), []).append(node)
        graph = {node.name: [one for one in node.parents if one in self.nodes] for node in self.nodes.values()}
        order, circles = _ordered(graph)
        for name in order:
            node = self.nodes[name]
            if node.sql:
                self._trace(node, by_identifier)
        return Traced(self.nodes, self.lineages, self.keys, self.worked_out, circles)

    def _trace(self, node: LineageNode, by_identifier: Mapping[str, list[LineageNode]]) -> None:
        words = {word.casefold() for word in _WORD.findall(node.sql)}
        named = {one.name: one for word in words & by_identifier.keys() for one in by_identifier[word]}
        named |= {name: self.nodes[name] for name in node.parents if name in self.nodes and self.nodes[name].relation}
        read = [named[name] for name in sorted(named)]
        key = self.keys[node.name] = self._key(node, read)
        lineage = self.known.get(key)
        if lineage is None:
            self.worked_out += 1
            lineage = query_lineage(node.name, node.sql, node.dialect, _Relations(node, read, self._shape))
        self.lineages[node.name] = lineage

    def _key(self, node: LineageNode, read: Iterable[LineageNode]) -> str:
        """The hash of all that a query's lineage rests on."""
        relations = [[one.name, one.relation, self._stated(one)] for one in read]
        content = [VERSION, self.parser, node.name, node.dialect, node.sql, relations]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _stated(self, node: LineageNode) -> list[object]:
        """What is known of a relation's columns, as far as a query that reads it can tell."""
        shape = self._shape(node)
        return [list(shape.columns), [sorted(opening.hidden) for opening in shape.openings]]

    def _shape(self, node: LineageNode) -> Shape:
        if node.name in self.shapes:
            return self.shapes[node.name]
        shape = self._shape_of(node)
        if node.name in self.lineages or not node.sql:
            self.shapes[node.name] = shape
        return shape

    def _shape_of(self, node: LineageNode) -> Shape:
        lineage = self.lineages.get(node.name)
        if lineage is None or not (lineage.columns or lineage.passages):
            names: tuple[str, ...] = tuple(_folded(node))
            openings = () if node.is_complete and names else (Opening(node.name),)
        else:
            names = (*(column.name for column in lineage.columns), *node.added)
            one = len(lineage.passages) == 1
            hidden = frozenset(lineage.passages[0].hidden if one else ()) - set(names)
            openings = (Opening(node.name, hidden),) if lineage.passages else ()
        columns = {name: Reach(frozenset({ColumnRef(node.name, name)})) for name in names}
        return Shape(columns, openings)


def _ordered(graph: dict[str, list[str]]) -> tuple[list[str], tuple[Unresolved, ...]]:
    """Nodes after those that they stand on; of each circle one edge is left out, and told."""
    circles: list[Unresolved] = []
    while True:
        try:
            return list(TopologicalSorter(graph).static_order()), tuple(circles)
        except CycleError as error:
            parent, node = error.args[1][:2]
            graph[node].remove(parent)
            circles.append(Unresolved(node, "", f"it stands on itself, by way of {parent}"))


def _folded(node: LineageNode) -> Iterable[str]:
    """The declared columns as queries name them; as they are where the dialect is not known."""
    for name in node.columns:
        try:
            yield folded(name, node.dialect, is_quoted=node.is_complete)
        except Unreadable:
            yield name


@dataclass(frozen=True, slots=True)
class _Relations:
    """The relations that one query may read, by name."""

    reader: LineageNode
    read: list[LineageNode]
    shape: Callable[[LineageNode], Shape]

    def __call__(self, parts: tuple[str, ...]) -> Shape:
        """The shape of a relation; one that is no node has no columns that are known, and goes by its own name."""
        found = self._named(parts)
        if found is None:
            return Shape(openings=(Opening(".".join(parts)),))
        return self.shape(found)

    def _named(self, parts: tuple[str, ...]) -> LineageNode | None:
        wanted = tuple(part.casefold() for part in parts)
        if wanted[:-1] == (BY_NAME,):
            return next((node for node in self.read if node.name.casefold() == wanted[-1]), None)
        names = [(tuple(part.casefold() for part in node.relation), node) for node in self.read]
        whole = [node for name, node in names if name == wanted]
        ends = [node for name, node in names if len(wanted) > 1 and name[-len(wanted) :] == wanted]
        candidates = whole or ends
        if len(candidates) > 1:  # a name that several nodes have is that of the node that the reader stands on
            candidates = [node for node in candidates if node.name in self.reader.parents]
        return candidates[0] if len(candidates) == 1 else None


def outside(lineage: QueryLineage, nodes: Mapping[str, LineageNode]) -> frozenset[str]:
    """The relations that a query reads and that are no node."""
    read = {ref.node for column in lineage.columns for ref in column.direct}
    read |= {one.column.node for one in lineage.rows} | {one.node for one in lineage.passages}
    return frozenset(read - nodes.keys())
