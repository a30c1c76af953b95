"""Comparisons of an entity's implementations, kept as evidence, and the columns known to differ by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRequest
from lockgate.core.entity import Entity
from lockgate.core.route import Edition
from lockgate.errors import LockgateError


def noisy_columns(wiring: Wiring, entity: Entity, editions: Sequence[Edition]) -> frozenset[str]:
    """The columns that executions of what made one of the editions, by the same files, were seen to differ in."""
    made_by = {(edition.implementation, edition.revision) for edition in editions if edition.revision}
    learnt = wiring.store.comparisons.noise(entity.name)
    known = (one for one in learnt if (one.implementation, one.revision) in made_by)
    return frozenset(column for one in known for column in one.columns)


def kept(wiring: Wiring, entity: Entity, request: ComparisonRequest, found: Comparison) -> Comparison:
    """The comparison, with the number that it is kept under as evidence, or with why it could not be kept."""
    try:
        number = wiring.store.comparisons.add_comparison(entity.name, request, found, wiring.clock())
    except LockgateError as error:
        return replace(found, unkept=error)
    return replace(found, evidence=number)
