"""Models that make the same of the same inputs: equal, or nearly all columns in common and the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from lockgate.core.cost import Advice, AdviceKind, Confidence, Grounds
from lockgate.core.lineage import LineageNode, NodeKind, QueryLineage
from lockgate.operate.forms import Form, conditions, form_of
from lockgate.operate.relations import Unreadable, read, volatile
from lockgate.operate.savings import runs_told, saving_of, told

LEAST_SHARED = 0.9
# What an incremental model or a snapshot holds rests on what it held before.
_REBUILT = frozenset({"table", "view", ""})
_LIMITS = "Hooks, grants and tests of the one that goes are to be moved; a database may order rows that tie otherwise."


def alike_advice(grounds: Grounds, ignored: Collection[str]) -> tuple[Advice, ...]:
    """Advice for each model, of those that are not ignored, that a dearer one could stand for."""
    found: list[Advice] = []
    for group in _Likeness(grounds).groups(ignored):
        found += _of_group(group, grounds)
    return tuple(sorted(found, key=lambda one: one.nodes))


def _of_group(group: Sequence[tuple[LineageNode, Form]], grounds: Grounds) -> Iterator[Advice]:
    """Advice for each of a group with the same rows, but for the one that stays."""
    by_cost = sorted(group, key=lambda one: (-grounds.costs[one[0].name].seconds, one[0].name))
    kept: list[tuple[LineageNode, Form]] = []
    for node, form in by_cost:
        alike = next((one for one in kept if form.shared(one[1]) >= LEAST_SHARED), None)
        if alike is None:
            kept.append((node, form))
            continue
        advice = _advice((node, form), alike, grounds)
        if advice is not None:
            yield advice


def _advice(gone: tuple[LineageNode, Form], kept: tuple[LineageNode, Form], grounds: Grounds) -> Advice | None:
    (node, form), (other, its) = gone, kept
    costs = [grounds.costs[one.name] for one in (node, other)]
    saving = saving_of(costs[:1], 1.0, f"{told(costs[0].seconds)} of the smaller one ({runs_told(costs[0].runs)}); "
                       f"the other takes {told(costs[1].seconds)}", grounds.prices)  # fmt: skip
    if saving.seconds < grounds.least_seconds:
        return None
    shared = form.shared(its)
    both = form.columns & its.columns
    renamed = sum(1 for one in both if sorted(form.names[one]) != sorted(its.names[one]))
    own = form.columns.total() - both.total()
    reason = f"both make the same rows of {', '.join(sorted(set(node.parents)))}"
    reason += f", and all {both.total()} columns" if shared == 1.0 and both else ""
    reason += (
        f", and {both.total()} of {max(form.columns.total(), its.columns.total())} columns" if shared < 1.0 else ""
    )
    reason += f"; {renamed} under other names" if renamed else ""
    more = f", with its {own} other columns added to that" if own else ""
    return Advice(
        AdviceKind.ALIKE,
        (node.name, other.name),
        reason,
        f"Read {other.name} in the place of {node.name}{more}, or make the one a view of the other.",
        saving,
        Confidence.HIGH if shared == 1.0 and costs[0].runs >= grounds.least_runs > 1 else Confidence.MEDIUM,
        _LIMITS,
        {"shared": round(shared, 4), "columns": both.total(), "renamed": renamed, "own": own, "runs": costs[0].runs},
    )


@dataclass(slots=True)
class _Likeness:
    """Which models have the same rows: by their lineage first, which is known, then by the form of their queries."""

    grounds: Grounds
    _trees: dict[str, exp.Query] = field(default_factory=dict)
    _forms: dict[tuple[str, str], Form | None] = field(default_factory=dict)

    def groups(self, ignored: Collection[str]) -> Iterator[list[tuple[LineageNode, Form]]]:
        """Models with the same rows, two at least."""
        for alike in _split(self._measured(ignored), self._by_lineage):
            for several in _split(alike, self._by_conditions):
                near = _near(several, self.grounds)
                forms = {node.name: form for node in near if (form := self._form(node)) is not None}
                by_rows: dict[str, list[tuple[LineageNode, Form]]] = {}
                for node in (node for node in near if node.name in forms):
                    by_rows.setdefault(forms[node.name].rows, []).append((node, forms[node.name]))
                yield from (group for group in by_rows.values() if len(group) > 1)

    def _measured(self, ignored: Collection[str]) -> list[LineageNode]:
        """The models that are built anew each time, and are measured."""
        costs, least = self.grounds.costs, self.grounds.least_runs
        return [
            node
            for name, node in sorted(self.grounds.nodes.items())
            if node.kind is NodeKind.MODEL and node.sql and node.materialized in _REBUILT and name not in ignored
            if name in costs and costs[name].runs >= least and name in self.grounds.lineages
        ]

    def _by_lineage(self, node: LineageNode) -> object:
        """What two models with the same rows have in common without looking at their SQL: inputs, and what decides."""
        return frozenset(node.parents), node.dialect, frozenset(self.grounds.lineages[node.name].rows)

    def _by_conditions(self, node: LineageNode) -> object:
        try:
            self._trees[node.name] = read(node, self.grounds.nodes)
        except Unreadable:
            return node.name
        return conditions(self._trees[node.name])

    def _form(self, node: LineageNode) -> Form | None:
        """The form of a node's query; one of the same text has the same, but for what answers otherwise each time."""
        tree = self._trees.get(node.name)
        if tree is None:
            return None
        key = (tree.sql(), node.name if next(volatile(tree), None) else "")
        if key not in self._forms:
            columns = {name: self._columns(name) for name in node.parents if name in self.grounds.nodes}
            try:
                self._forms[key] = form_of(tree, columns, node.dialect, node.name)
            except Unreadable:
                self._forms[key] = None
        return self._forms[key]

    def _columns(self, name: str) -> tuple[str, ...]:
        """The columns of a node where all of them are known; none where they are not."""
        node, lineage = self.grounds.nodes[name], self.grounds.lineages.get(name)
        if lineage is not None and lineage.columns and not lineage.passages:
            return (*(one.name for one in lineage.columns), *node.added)
        return node.columns if node.is_complete else ()


def _split(nodes: Iterable[LineageNode], by: Callable[[LineageNode], object]) -> Iterator[list[LineageNode]]:
    """Nodes by what `by` gives for them, where that is the same for two at least."""
    groups: dict[object, list[LineageNode]] = {}
    for node in nodes:
        groups.setdefault(by(node), []).append(node)
    return (group for group in groups.values() if len(group) > 1)


def _near(nodes: Sequence[LineageNode], grounds: Grounds) -> list[LineageNode]:
    """Those of which nearly all columns come from the same as those of another one."""
    made: dict[frozenset[tuple[object, int]], list[LineageNode]] = {}
    for node in nodes:
        made.setdefault(frozenset(_origins(grounds.lineages[node.name]).items()), []).append(node)
    found: set[str] = {node.name for several in made.values() if len(several) > 1 for node in several}
    kinds = [(Counter(dict(key)), several) for key, several in made.items()]
    for at, (origins, several) in enumerate(kinds):
        for others, more in kinds[at + 1 :]:
            most = max(origins.total(), others.total())
            if (origins & others).total() >= LEAST_SHARED * most:
                found |= {node.name for node in (*several, *more)}
    return [node for node in nodes if node.name in found]


def _origins(lineage: QueryLineage) -> Counter[object]:
    """What the output columns are made of, however they are called."""
    return Counter(column.direct for column in lineage.columns)
