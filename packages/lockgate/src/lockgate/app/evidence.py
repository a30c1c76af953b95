"""Comparisons of an entity's implementations, kept as evidence, and the columns known to differ by themselves."""

from __future__ import annotations

from lockgate.app.new_files import is_writable
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRequest, Noise
from lockgate.core.entity import Entity


def noisy_columns(wiring: Wiring, entity: Entity) -> frozenset[str]:
    """The columns that two executions of an implementation, as it is now, were seen to differ in."""
    learnt = wiring.store.comparisons.noise(entity.name)
    known = [one for one in learnt if one.implementation in entity.implementations and _is_current(wiring, entity, one)]
    return frozenset(column for one in known for column in one.columns)


def _is_current(wiring: Wiring, entity: Entity, learnt: Noise) -> bool:
    return wiring.revision(entity.implementations[learnt.implementation]) == learnt.revision


def keep(wiring: Wiring, entity: Entity, request: ComparisonRequest, found: Comparison) -> int | None:
    """Keeps a comparison as evidence: its number; where nothing can be written, it stays what was shown."""
    if not is_writable(wiring.state):
        return None
    return wiring.store.comparisons.add_comparison(entity.name, request, found, wiring.clock())
