"""Tables that are built anew each time though few rows are new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlglot.errors import SqlglotError

from lockgate.core.cost import Advice, AdviceKind, Confidence, Grounds, Growth, Refused
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.operate.relations import Unreadable, read
from lockgate.operate.row_wise import Passing, TooWide, passing
from lockgate.operate.savings import runs_told, saving_of, told

# Of a stream of which more is new with each load, building anew is no worse.
_MOST_CHANGED = 0.5
_ROW_WISE = "Each row rests on one row of the input: build the table with `materialized: incremental`, from the rows"
_KEYED = "Each row rests on the rows of one key: build the table with `materialized: incremental`, for the keys"
_LIMITS = "Rows that come late, behind {cursor}, need a full refresh, as new SQL does. A run is taken to see one load."
_MORE_KEYED = " All rows of a key that has a new one are read again, which is not counted."


def incremental_advice(grounds: Grounds, ignored: Collection[str]) -> tuple[tuple[Advice, ...], tuple[Refused, ...]]:
    """Advice for each dear table that could be built from what is new; and the other dear tables, each with why not.

    Where no stream is known, nothing is said of any.
    """
    if not grounds.growth:
        return (), ()
    reading = _Reading(grounds)
    fed = _fed(grounds)
    advice: list[Advice] = []
    refused: list[Refused] = []
    for name in sorted(grounds.costs):
        node = grounds.nodes.get(name)
        if node is None or name in ignored or not _is_dear_table(node, grounds):
            continue
        if name not in fed:
            refused.append(Refused(AdviceKind.INCREMENTAL, name, "it stands on no stream of which loads are known"))
            continue
        try:
            advice.append(_advice(node, reading.of(name), reading, grounds))
        except TooWide as why:
            refused.append(Refused(AdviceKind.INCREMENTAL, name, str(why)))
    return tuple(advice), tuple(refused)


def _fed(grounds: Grounds) -> frozenset[str]:
    """The nodes that stand on a stream of which something is known, at any distance."""
    children: dict[str, list[str]] = {}
    for node in grounds.nodes.values():
        for parent in node.parents:
            children.setdefault(parent, []).append(node.name)
    found, waiting = set(grounds.growth), list(grounds.growth)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def _is_dear_table(node: LineageNode, grounds: Grounds) -> bool:
    cost = grounds.costs[node.name]
    is_table = node.kind is NodeKind.MODEL and node.materialized == "table"
    return is_table and cost.runs >= grounds.least_runs and cost.seconds >= grounds.least_seconds


def _advice(node: LineageNode, found: Passing, reading: _Reading, grounds: Grounds) -> Advice:
    streams = [grounds.growth[name] for name in sorted(reading.streams(node.name))]
    new, rows = sum(one.rows_a_load for one in streams), sum(one.rows for one in streams)
    share = new / rows
    if share > _MOST_CHANGED:
        raise TooWide(f"{share:.0%} of its input is new with each load")
    cost, cursors = grounds.costs[node.name], ", ".join(dict.fromkeys(one.cursor for one in streams))
    how = f"{told(cost.seconds)} ({runs_told(cost.runs)}) × (1 - {new:,} new rows a load / {rows:,} rows)"
    saving = saving_of([cost], 1.0 - share, how, grounds.prices)
    if saving.seconds < grounds.least_seconds:
        raise TooWide(f"it would save {told(saving.seconds)}, less than {told(grounds.least_seconds)}")
    loads = min(one.loads for one in streams)
    return Advice(
        AdviceKind.INCREMENTAL,
        (node.name,),
        f"it is built anew in {told(cost.seconds)}, and {share:.1%} of its input is new with a load (of {loads} loads)",
        f"{_KEYED if found.is_keyed else _ROW_WISE} whose {cursors} is new.",
        saving,
        Confidence.LOW if found.is_keyed else Confidence.MEDIUM,
        _LIMITS.format(cursor=cursors) + (_MORE_KEYED if found.is_keyed else ""),
        {"new_rows_a_load": new, "rows": rows, "loads": loads, "keyed": found.is_keyed, "runs": cost.runs},
    )


@dataclass(slots=True)
class _Reading:
    """What nodes pass on, each worked out once."""

    grounds: Grounds
    _known: dict[str, Passing | str] = field(default_factory=dict)

    def of(self, name: str) -> Passing:
        """What a node passes on.

        Raises:
            TooWide: its rows rest on others.
        """
        if name not in self._known:
            self._known[name] = "it reads itself"
            try:
                self._known[name] = self._found(self.grounds.nodes[name])
            except (TooWide, Unreadable) as why:
                self._known[name] = str(why)
            except (SqlglotError, RecursionError):
                self._known[name] = "sqlglot cannot read it"
        known = self._known[name]
        if isinstance(known, str):
            raise TooWide(known)
        return known

    def streams(self, name: str) -> frozenset[str]:
        """The streams that a node stands on."""
        return frozenset(stream for stream, _ in self.of(name).keys)

    def _found(self, node: LineageNode) -> Passing:
        if node.name in self.grounds.growth:
            return _of_stream(node, self.grounds.growth[node.name])
        if node.kind is not NodeKind.MODEL and node.kind is not NodeKind.SOURCE:
            raise TooWide(f"nothing is known of how {node.name} grows")
        if not node.sql:
            raise TooWide(node.why_unread or f"no load of a stream is known that {node.name} comes from")
        return passing(read(node, self.grounds.nodes), self._inner)

    def _inner(self, name: str) -> Passing:
        try:
            return self.of(name)
        except TooWide as why:
            raise TooWide(f"{name}: {why}") from why


def _of_stream(node: LineageNode, growth: Growth) -> Passing:
    if growth.why_not:
        raise TooWide(growth.why_not)
    if not growth.rows:
        raise TooWide("nothing has been loaded")
    columns = {name.casefold(): (node.name, name) for name in growth.key}
    keys = frozenset(columns.values()) or frozenset({(node.name, "")})  # without a key nothing holds it
    return Passing(columns, keys)
