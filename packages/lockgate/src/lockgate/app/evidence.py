"""Comparisons of an entity's implementations: by the rules that the project declares, and kept as evidence."""

from __future__ import annotations

from dataclasses import replace

from lockgate.app.new_files import is_writable
from lockgate.app.wiring import Wiring
from lockgate.core.comparison import Comparison, ComparisonRequest, Noise
from lockgate.core.entity import Entity


def as_declared(wiring: Wiring, entity: Entity, request: ComparisonRequest) -> ComparisonRequest:
    """The request with what the project says about comparing the entity; what the request says goes before it.

    Columns that were seen to differ by themselves need no explanation while the implementation stays as it was.
    """
    declared = entity.comparison
    return replace(
        request,
        rules={**declared.rules, **request.rules},
        excluded=request.excluded | declared.excluded,
        expected=(*request.expected, *declared.expected),
        noisy=request.noisy | _noisy(wiring, entity),
    )


def _noisy(wiring: Wiring, entity: Entity) -> frozenset[str]:
    learnt = wiring.store.comparisons.noise(entity.name)
    known = [one for one in learnt if one.implementation in entity.implementations and _is_current(wiring, entity, one)]
    return frozenset(column for one in known for column in one.columns)


def _is_current(wiring: Wiring, entity: Entity, learnt: Noise) -> bool:
    return wiring.revision(entity.implementations[learnt.implementation]) == learnt.revision


def keep(wiring: Wiring, entity: Entity, request: ComparisonRequest, found: Comparison) -> None:
    """Keeps a comparison as evidence; where nothing can be written, it stays what was shown."""
    if is_writable(wiring.state):
        wiring.store.comparisons.add_comparison(entity.name, request, found, wiring.clock())
