"""All advice about a graph: each node is in the advice that saves it most, and in no other."""

from __future__ import annotations

from lockgate.core.cost import Advice, Advised, Grounds
from lockgate.operate.dear_tests import dear_test_advice
from lockgate.operate.incremental import incremental_advice
from lockgate.operate.likeness import alike_advice
from lockgate.operate.unread import unread_advice, unread_nodes


def advise(grounds: Grounds) -> Advised:
    """Advice by what it saves, the most first.

    What nobody reads is not improved; of two that are alike, the one that would go is not made incremental. So no
    second is promised twice.
    """
    unread = unread_nodes(grounds)
    alike = alike_advice(grounds, unread)
    gone = unread | {one.nodes[0] for one in alike}
    incremental, refused = incremental_advice(grounds, gone)
    found = [*unread_advice(grounds), *alike, *incremental, *dear_test_advice(grounds, gone)]
    costs = grounds.costs.values()
    return Advised(
        tuple(sorted(found, key=_order)),
        refused,
        len(grounds.costs),
        round(sum(one.seconds for one in costs), 6),
        left_out=sum(1 for one in costs if one.runs < grounds.least_runs),
    )


def _order(one: Advice) -> tuple[float, str, tuple[str, ...]]:
    return -one.saving.seconds, one.kind, one.nodes
