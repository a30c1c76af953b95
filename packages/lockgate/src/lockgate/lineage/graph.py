"""The graph of what was traced: its edges, and what stands before or after a node or a column."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from lockgate.core.lineage import ColumnRef, NodeKind, QueryLineage, Read, Reading, Unresolved
from lockgate.lineage.tracing import Traced, outside

Point = TypeVar("Point", bound=Hashable)
_WITHOUT_COLUMNS = frozenset({NodeKind.TEST})


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of a node or column reaches: columns, and nodes without columns or read as a whole."""

    columns: tuple[ColumnRef, ...]
    nodes: tuple[str, ...]


class Graph:
    """Edges between nodes and between columns of what was traced."""

    def __init__(self, traced: Traced) -> None:
        """Nothing is worked out before it is asked for."""
        self._traced = traced
        self.nodes = traced.nodes

    @property
    def lineages(self) -> Mapping[str, QueryLineage]:
        """What was found of each node that has a query."""
        return self._traced.lineages

    @cached_property
    def node_edges(self) -> tuple[tuple[str, str], ...]:
        """Which node stands on which: (parent, child), sorted."""
        return tuple(sorted({(parent, node.name) for node in self.nodes.values() for parent in node.parents}))

    def prepare(self) -> None:
        """Works out now what the first question would have to wait for."""
        nowhere, _ = ColumnRef("", ""), self.unresolved
        self.upstream(nowhere, indirect=True)
        self.impact([nowhere])
        self.impact([nowhere], indirect=False)
        self.upstream(nowhere)
        self.nodes_upstream("")
        self.nodes_downstream("")

    def column_edges(self, *, indirect: bool = False) -> tuple[Read, ...]:
        """Which column goes into which, sorted; with `indirect` also which decide about its rows."""
        reads = set(self._direct)
        if indirect:
            reads.update(self._indirect())
        return tuple(sorted(reads))

    @cached_property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """Everything whose origin is not known, with the reason."""
        found = list(self._traced.unresolved())
        for name, lineage in self._traced.lineages.items():
            reads = sorted(outside(lineage, self.nodes) - {""})
            found += [Unresolved(name, "", f"it reads {one}, which is no node of the project") for one in reads]
        return (*found, *self._inferred[1])

    def upstream(self, start: ColumnRef, *, indirect: bool = False) -> tuple[ColumnRef, ...]:
        """The columns that a column is made of, at any distance; with `indirect` those that decide about it too."""
        before = self._all_before if indirect else self._direct_before
        return tuple(sorted(reached(before, [start]) - {start}))

    def downstream(self, start: ColumnRef, *, indirect: bool = False) -> tuple[ColumnRef, ...]:
        """The columns that a column goes into, at any distance, and tests that read one."""
        after = self._all_after if indirect else self._direct_after
        return tuple(sorted(reached(after, [start]) - {start}))

    def nodes_upstream(self, name: str) -> tuple[str, ...]:
        """The nodes that a node stands on, at any distance."""
        return tuple(sorted(reached(self._parents, [name]) - {name}))

    def nodes_downstream(self, name: str) -> tuple[str, ...]:
        """The nodes that stand on a node, at any distance."""
        return tuple(sorted(reached(self._children, [name]) - {name}))

    def levels(self, name: str, *, upstream: bool, most: int) -> tuple[tuple[str, ...], ...]:
        """The nodes that are one step away from a node, those two steps away, and so on, up to `most` steps."""
        edges = self._parents if upstream else self._children
        seen, last, found = {name}, [name], []
        for _ in range(most):
            last = sorted({one for each in last for one in edges.get(each, ())} - seen)
            if not last:
                break
            seen.update(last)
            found.append(tuple(last))
        return tuple(found)

    def impact(self, starts: Iterable[ColumnRef], *, indirect: bool = True) -> Impact:
        """What columns reach, by value or by deciding about rows; who reads a model as a whole is reached by any.

        Without `indirect`, by value alone.
        """
        given = set(starts)
        found = reached(self._all_after if indirect else self._direct_after, given)
        touched = {ref.node for ref in found}
        served = {name for name in touched & self.nodes.keys() if self.nodes[name].kind is NodeKind.SERVED}
        whole = {child for one in touched for child in self._children.get(one, ()) if self._reads_whole(one, child)}
        below = reached(self._children, whole) | served | {ref.node for ref in found if not ref.column}
        return Impact(tuple(sorted(ref for ref in found - given if ref.column)), tuple(sorted(below)))

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The known columns of a node: declared, put out, or read by others."""
        lineage = self._traced.lineages.get(name, QueryLineage())
        known = dict.fromkeys((*(one.name for one in lineage.columns), *self.nodes[name].added))
        declared = () if lineage.columns else self.nodes[name].columns
        return tuple(dict.fromkeys((*declared, *known, *sorted(self._inferred_columns.get(name, ())))))

    def _reads_whole(self, parent: str, name: str) -> bool:
        """Whether nothing says which columns of a node another one reads; one rule set looks another up as a whole."""
        if name not in self.nodes:
            return False
        kinds = {self.nodes[name].kind, self.nodes[parent].kind if parent in self.nodes else None}
        return name not in self._traced.lineages or kinds == {NodeKind.RULES}

    @cached_property
    def _direct_after(self) -> Mapping[ColumnRef, list[ColumnRef]]:
        return _gathered((read.source, read.target) for read in self.column_edges())

    @cached_property
    def _direct_before(self) -> Mapping[ColumnRef, list[ColumnRef]]:
        return _gathered((read.target, read.source) for read in self.column_edges())

    @cached_property
    def _all_after(self) -> Mapping[ColumnRef, list[ColumnRef]]:
        return _gathered((read.source, read.target) for read in self.column_edges(indirect=True))

    @cached_property
    def _all_before(self) -> Mapping[ColumnRef, list[ColumnRef]]:
        return _gathered((read.target, read.source) for read in self.column_edges(indirect=True))

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        return _gathered(self.node_edges)

    @cached_property
    def _parents(self) -> Mapping[str, list[str]]:
        return _gathered((child, parent) for parent, child in self.node_edges)

    @cached_property
    def _direct(self) -> tuple[Read, ...]:
        stated = (read for name, lineage in self._traced.lineages.items() for read in self._stated(name, lineage))
        return (*stated, *self._inferred[0])

    def _stated(self, name: str, lineage: QueryLineage) -> Iterator[Read]:
        """The direct edges of one query; a test reads all that its query reads, and has no columns itself."""
        if self.nodes[name].kind in _WITHOUT_COLUMNS:
            refs = {ref for column in lineage.columns for ref in column.direct} | {one.column for one in lineage.rows}
            yield from (Read(ref, ColumnRef(name, ""), Reading.DIRECT) for ref in refs if ref.column)
            return
        for column in lineage.columns:
            target = ColumnRef(name, column.name)
            yield from (Read(ref, target, Reading.DIRECT) for ref in column.direct if ref != target)

    def _indirect(self) -> Iterator[Read]:
        for name, lineage in self._traced.lineages.items():
            if self.nodes[name].kind in _WITHOUT_COLUMNS:
                continue
            inferred = [ColumnRef(name, column) for column in self._inferred_columns.get(name, ())]
            for target in (*(ColumnRef(name, column.name) for column in lineage.columns), *inferred):
                yield from (Read(one.column, target, one.reading) for one in lineage.rows)
            for column in lineage.columns:
                yield from (Read(one.column, ColumnRef(name, column.name), one.reading) for one in column.indirect)

    @cached_property
    def _inferred_columns(self) -> dict[str, set[str]]:
        """The columns of nodes that are known by those who read them alone."""
        found: dict[str, set[str]] = {}
        for read in (*self._direct, *self._rows_read()):
            lineage = self._traced.lineages.get(read.source.node)
            if lineage is None or read.source.column not in {column.name for column in lineage.columns}:
                found.setdefault(read.source.node, set()).add(read.source.column)
        return found

    def _rows_read(self) -> Iterator[Read]:
        for name, lineage in self._traced.lineages.items():
            yield from (Read(one.column, ColumnRef(name, ""), one.reading) for one in lineage.rows)

    @cached_property
    def _inferred(self) -> tuple[tuple[Read, ...], tuple[Unresolved, ...]]:
        """Edges to columns that came through a star and are known by who reads them; and those that are not known."""
        lineages = self._traced.lineages
        waiting = [ref for name in lineages for ref in _read_by(lineages[name])]
        known = {name: {column.name for column in lineage.columns} for name, lineage in lineages.items()}
        reads: dict[Read, None] = {}
        unresolved: dict[Unresolved, None] = {}
        seen: set[ColumnRef] = set()
        while waiting:
            ref = waiting.pop()
            if ref in seen or ref.node not in lineages or ref.column in known[ref.node]:
                continue
            seen.add(ref)
            passages = [one for one in lineages[ref.node].passages if ref.column not in one.hidden]
            ways, refused = [one.node for one in passages if one.node], [one.why for one in passages if one.why]
            if refused:
                unresolved[Unresolved(ref.node, ref.column, f"it is read, and comes from {refused[0]}")] = None
            elif len(ways) == 1:
                source = ColumnRef(ways[0], ref.column)
                reads[Read(source, ref, Reading.DIRECT)] = None
                waiting.append(source)
            elif ways:
                reason = f"it is read, and may come through a star from {' or '.join(sorted(ways))}"
                unresolved[Unresolved(ref.node, ref.column, reason)] = None
        return tuple(reads), tuple(unresolved)


def _gathered(edges: Iterable[tuple[Point, Point]]) -> Mapping[Point, list[Point]]:
    """What edges lead to, by where they begin."""
    found: dict[Point, list[Point]] = {}
    for start, end in edges:
        found.setdefault(start, []).append(end)
    return found


def _read_by(lineage: QueryLineage) -> Iterator[ColumnRef]:
    for column in lineage.columns:
        yield from column.direct
        yield from (one.column for one in column.indirect)
    yield from (one.column for one in lineage.rows)


def reached(edges: Mapping[Point, Iterable[Point]], starts: Iterable[Point]) -> set[Point]:
    """Everything that edges lead to from the starts, and these."""
    found: set[Point] = set()
    waiting = list(starts)
    while waiting:
        point = waiting.pop()
        if point not in found:
            found.add(point)
            waiting += edges.get(point, ())
    return found
