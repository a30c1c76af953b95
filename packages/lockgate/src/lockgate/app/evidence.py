"""Comparisons of an entity's implementations, kept as evidence, and the columns known to differ by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.app.new_files import is_writable
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRequest
from lockgate.core.entity import Entity
from lockgate.core.route import Edition


def noisy_columns(wiring: Wiring, entity: Entity, editions: Sequence[Edition]) -> frozenset[str]:
    """The columns that executions of what made one of the editions, by the same files, were seen to differ in."""
    made_by = {(edition.implementation, edition.revision) for edition in editions if edition.revision}
    learnt = wiring.store.comparisons.noise(entity.name)
    known = (one for one in learnt if (one.implementation, one.revision) in made_by)
    return frozenset(column for one in known for column in one.columns)


def keep(wiring: Wiring, entity: Entity, request: ComparisonRequest, found: Comparison) -> int | None:
    """Keeps a comparison as evidence: its number; where nothing can be written, it stays what was shown."""
    if not is_writable(wiring.state):
        return None
    return wiring.store.comparisons.add_comparison(entity.name, request, found, wiring.clock())
