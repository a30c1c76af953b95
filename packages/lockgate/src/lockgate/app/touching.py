"""What the unexplained differences of a comparison touch, by the lineage of the project that it was made in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from lockgate.core.comparison import Comparison
from lockgate.core.lineage import ColumnRef, Unresolved
from lockgate.core.touches import Touches
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.app.lineage import FoundLineage

# The number of a side, its entity and its implementation.
_Side = tuple[int, str, str]
Lineage = Callable[[], "FoundLineage"]


def with_touches(found: Comparison, renamed: Mapping[str, str], lineage: Lineage) -> Comparison:
    """The comparison with what it touches, where it has a side of an entity and differences that nothing explains.

    `renamed` has the right side's names of the columns that the left one names otherwise. Whatever stands in the way of
    lineage is told in its place: a comparison never fails for it.
    """
    if not is_touching(found):
        return found
    columns, rows = _differing(found)
    try:
        return replace(found, touches=touches_by(found, renamed, lineage()))
    except Exception as error:  # noqa: BLE001  the verdict stands, whatever is the matter with lineage
        return replace(found, touches=Touches(columns, rows, unknown=why_unknown(error)))


def why_unknown(error: Exception) -> str:
    """What is told in the place of lineage that could not be worked out; a defect is logged."""
    if isinstance(error, LockgateError):
        return f"{error.message}. {error.remedy}" if error.remedy else error.message
    structlog.get_logger().warning("lineage could not be worked out", exc_info=error)
    return f"working out the lineage failed ({type(error).__name__})"


def is_touching(found: Comparison) -> bool:
    """Whether there is anything to be told: a side is of an entity, and not all differences were agreed on."""
    columns, rows = _differing(found)
    return any(found.editions) and (bool(columns) or rows)


def unknown_yet(found: Comparison, why: str) -> Comparison:
    """The comparison without what it touches, and why."""
    columns, rows = _differing(found)
    return replace(found, touches=Touches(columns, rows, unknown=why)) if is_touching(found) else found


def touches_by(found: Comparison, renamed: Mapping[str, str], lineage: FoundLineage) -> Touches:
    """What a comparison touches by a lineage."""
    from lockgate.lineage import touched, unresolved_below

    columns, rows = _differing(found)
    places = {name: tuple(_places(found, renamed, lineage, name)) for name in columns}
    starts = {node for one in _sides(found) for node in _nodes(one, lineage)}
    if not starts:
        return Touches(columns, rows, unknown="the project does not have this entity any more")
    reached = touched(lineage.graph, places, tuple(sorted(starts)) if rows else (), lineage.makers)
    unplaced = [
        Unresolved(node, name, "it is not known to have such a column")
        for name in columns
        for node in sorted(starts - {ref.node for ref in places[name]})
    ]
    own = {node for one in _sides(found) for node in _makers(one, lineage)}
    return Touches(
        columns,
        rows,
        tuple(one for one in reached if one.node not in own),
        (*unplaced, *unresolved_below(lineage.graph, starts)),
    )


def _differing(found: Comparison) -> tuple[tuple[str, ...], bool]:
    """The columns that differ though nobody agreed on it, those of one side alone too; and whether whole rows do."""
    changed = tuple(one.name for one in found.columns if one.changed and not one.is_noisy)
    places, alone = found.unexplained_in, (*found.schema.removed, *found.schema.added)
    if places is None:  # it was kept by a Lockgate that did not tell where
        names, rows = (changed, bool(found.rows.missing or found.rows.extra)) if found.unexplained else ((), False)
    else:
        names, rows = tuple(places.columns), bool(places.missing or places.extra)
        names = changed if found.unexplained and not names and not rows else names
    return tuple(dict.fromkeys((*names, *alone))), rows


def _sides(found: Comparison) -> Iterator[_Side]:
    for number, editions in enumerate(found.editions):
        yield from ((number, edition.entity, edition.implementation) for edition in editions)


def _makers(side: _Side, lineage: FoundLineage) -> Iterator[str]:
    """The node that made a side, which is no consumer of itself."""
    _, entity, implementation = side
    if (entity, implementation) in lineage.outputs:
        yield lineage.outputs[entity, implementation]


def _nodes(side: _Side, lineage: FoundLineage) -> Iterator[str]:
    """Where a side's columns are in the graph: in what made it, and in the view that serves its entity."""
    yield from _makers(side, lineage)
    if side[1] in lineage.served:
        yield lineage.served[side[1]]


def _places(found: Comparison, renamed: Mapping[str, str], lineage: FoundLineage, name: str) -> Iterator[ColumnRef]:
    """Where a column of the comparison is in the graph; capitals do not matter."""
    for side in dict.fromkeys(_sides(found)):
        wanted = renamed.get(name, name) if side[0] else name
        for node in _nodes(side, lineage):
            known = lineage.graph.columns_of(node)
            match = [one for one in known if one == wanted] or [
                one for one in known if one.casefold() == wanted.casefold()
            ]
            yield from (ColumnRef(node, one) for one in match[:1])
