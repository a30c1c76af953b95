"""Nodes that nothing reads: no served view, exposure, metric or entity stands on them, at any distance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import TopologicalSorter

from lockgate.core.cost import Advice, AdviceKind, Confidence, Grounds, NodeCost
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.operate.savings import runs_told, saving_of, told

_BUILT = frozenset({NodeKind.MODEL, NodeKind.SEED, NodeKind.SNAPSHOT})
# Of other kinds, whatever stands on a node reads it; these do not.
_NO_READERS = _BUILT | {NodeKind.TEST, NodeKind.SOURCE, NodeKind.STREAM}
_LIMITS = "Who reads the table in the database itself is not known here: ask before it is dropped."
_NEEDS_ONLY = "only models that nobody reads stand on it"


def unread_advice(grounds: Grounds) -> tuple[Advice, ...]:
    """Advice for each node that nobody reads, with those before it that only it needs.

    Where a project declares no reader at all, or one of them could not be read, nothing is known of who reads what.
    """
    unread = unread_nodes(grounds)
    owners = _owners(grounds.nodes, unread)
    owned: dict[str, list[str]] = {}
    for name, owner in owners.items():
        owned.setdefault(owner, []).append(name)
    found = (_advice(owner, sorted(set(names) - {owner}), grounds) for owner, names in sorted(owned.items()))
    return tuple(one for one in found if one is not None)


def readers(grounds: Grounds) -> frozenset[str]:
    """The nodes that read for somebody: exposures, metrics, served views, rule sets, and outputs of entities."""
    kinds = {node.name for node in grounds.nodes.values() if node.kind not in _NO_READERS}
    return frozenset(kinds | grounds.outputs & grounds.nodes.keys())


def unknown_readers(grounds: Grounds) -> tuple[str, ...]:
    """The readers that could not be read themselves, so that nobody knows what they read; sorted."""
    found = (grounds.nodes[name] for name in readers(grounds))
    return tuple(sorted(one.name for one in found if one.why_unread and not one.parents))


def unread_nodes(grounds: Grounds) -> frozenset[str]:
    """The models, seeds and snapshots that no reader stands on, at any distance.

    None where there is no reader, or nobody knows what one of them reads.
    """
    nodes, known = grounds.nodes, readers(grounds)
    if not known or unknown_readers(grounds):
        return frozenset()
    read, waiting = set(known), list(known)
    while waiting:
        for parent in nodes[waiting.pop()].parents:
            if parent in nodes and parent not in read:
                read.add(parent)
                waiting.append(parent)
    return frozenset(node.name for node in nodes.values() if node.kind in _BUILT and node.name not in read)


def _owners(nodes: Mapping[str, LineageNode], unread: frozenset[str]) -> Mapping[str, str]:
    """For each node that nobody reads the one that goes first: itself, or the only one that needs it."""
    children: dict[str, list[str]] = {name: [] for name in unread}
    for name in sorted(unread):
        for parent in nodes[name].parents:
            if parent in children:
                children[parent].append(name)
    owners: dict[str, str] = {}
    for name in TopologicalSorter(children).static_order():  # those that stand on a node come before it
        above = {owners[child] for child in children[name]}
        owners[name] = above.pop() if len(above) == 1 else name
    return owners


def _advice(owner: str, needed: Iterable[str], grounds: Grounds) -> Advice | None:
    """Advice to leave a node out, with those that only it needs, where what they cost is known and worth it."""
    names = [owner, *needed]
    costs = [grounds.costs[name] for name in names if name in grounds.costs]
    if owner not in grounds.costs or grounds.costs[owner].runs < grounds.least_runs:
        return None
    saving = saving_of(costs, 1.0, " + ".join(_parts(costs)), grounds.prices)
    if saving.seconds < grounds.least_seconds:
        return None
    above = any(owner in grounds.nodes[name].parents for name in grounds.nodes if grounds.nodes[name].kind in _BUILT)
    nobody = _NEEDS_ONLY if above else "no served view, exposure, metric or entity stands on it"
    also = f"; {len(names) - 1} before it are needed by it alone" if len(names) > 1 else ""
    return Advice(
        AdviceKind.UNREAD,
        tuple(names),
        f"{nobody}{also}",
        "Leave it out of the build, or declare who reads it as an exposure.",
        saving,
        Confidence.MEDIUM,
        _LIMITS,
        {"seconds": {one.node: one.seconds for one in costs}, "runs": grounds.costs[owner].runs},
    )


def _parts(costs: Iterable[NodeCost]) -> Iterator[str]:
    return (f"{told(one.seconds)} of {one.node} ({runs_told(one.runs)})" for one in costs)
