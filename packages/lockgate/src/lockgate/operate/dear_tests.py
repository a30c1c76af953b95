"""Tests that take longer than what they test takes to be built."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from lockgate.core.cost import Advice, AdviceKind, Confidence, Grounds, NodeCost
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.operate.savings import runs_told, saving_of, told

# A view is built in no time, and its test is the first that works it out.
_STORED = frozenset({"table", "incremental", "materialized_view", "seed", "snapshot"})
_SUGGESTIONS = {
    "unique": "Test new rows alone (`where:`), or let the table's key be unique in the database.",
    "not_null": "Test new rows alone (`where:`), and merge the checks of this model for null into one test.",
    "relationships": "Test new rows alone (`where:`): old ones were tested before, and their parents seldom go.",
    "accepted_values": "Test new rows alone (`where:`), and merge the checks of this model's values into one test.",
}
_ANY = "Test new rows alone (`where:`), stop at the first that fail (`limit:`), or test a sample."
_LIMITS = "That rows outside of `where:` stay right is for whoever knows the data to say."


def dear_test_advice(grounds: Grounds, ignored: Collection[str]) -> tuple[Advice, ...]:
    """Advice for each test dearer than the one node that it tests, of those that are not ignored."""
    found = []
    for test in sorted(grounds.nodes.values(), key=lambda node: node.name):
        tested = _tested(test, grounds.nodes) if test.kind is NodeKind.TEST else None
        if tested is not None and tested.name not in ignored:
            advice = _advice(test, tested, grounds)
            found += [advice] if advice else []
    return tuple(found)


def _tested(test: LineageNode, nodes: Mapping[str, LineageNode]) -> LineageNode | None:
    """The stored node that a test tests; None where there are several, or it is no table."""
    names = (test.attached_to,) if test.attached_to else test.parents
    if len(names) != 1 or names[0] not in nodes:
        return None
    tested = nodes[names[0]]
    return tested if tested.materialized in _STORED else None


def _advice(test: LineageNode, tested: LineageNode, grounds: Grounds) -> Advice | None:
    dear, cheap = (grounds.costs.get(one.name) for one in (test, tested))
    if dear is None or cheap is None or min(dear.runs, cheap.runs) < grounds.least_runs:
        return None
    more = dear.seconds - cheap.seconds
    if more < grounds.least_seconds:
        return None
    how = f"{told(dear.seconds)} of the test - {told(cheap.seconds)} of the model, both {runs_told(dear.runs)}"
    saving = saving_of([NodeCost(test.name, dear.runs, more)], 1.0, how, grounds.prices)
    beside = [one for one in grounds.nodes.values() if one.kind is NodeKind.TEST and one.attached_to == tested.name]
    tests = [grounds.costs[one.name] for one in beside if one.name in grounds.costs]
    return Advice(
        AdviceKind.DEAR_TEST,
        (test.name, tested.name),
        f"it takes {told(dear.seconds)}, and {tested.name} is built in {told(cheap.seconds)}",
        _SUGGESTIONS.get(_kind(test.name), _ANY),
        saving,
        Confidence.HIGH if dear.runs >= grounds.least_runs > 1 else Confidence.LOW,
        _LIMITS,
        {
            "test_seconds": dear.seconds,
            "model_seconds": cheap.seconds,
            "runs": dear.runs,
            "tests_of_model": len(beside),
            "all_tests_seconds": round(sum(one.seconds for one in tests), 6),
        },
    )


def _kind(name: str) -> str:
    """The generic test that an id names, such as `not_null`; '' for another one."""
    word = name.split(".")[2] if name.count(".") > 1 else ""
    return next((kind for kind in _SUGGESTIONS if re.match(rf"(source_)?{kind}_", word)), "")
