"""Looking at what is there: editions, their counts side by side, and the quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from lockgate.app.wiring import Wiring
from lockgate.core.entity import Entity
from lockgate.core.load import Quarantined
from lockgate.core.relation import Relation
from lockgate.core.route import Arm, Edition
from lockgate.core.run import Breakdown, RunResult
from lockgate.core.sql import column, table
from lockgate.core.types import Kind
from lockgate.errors import UnknownName

CHARTED_VALUES = 12
CHARTED_KINDS = frozenset({Kind.TEXT, Kind.BOOLEAN})


@dataclass(frozen=True, slots=True)
class ShownEdition:
    """An edition, and the side of the view that shows it; None where none does."""

    edition: Edition
    arm: Arm | None


def quarantined(wiring: Wiring, stream: str | None, limit: int) -> tuple[Quarantined, ...]:
    """The newest records set aside, of one `SOURCE.STREAM` or of all, at most `limit` together."""
    relations = [wiring.relation(stream)] if stream else _with_rejects(wiring)
    found = [record for relation in relations for record in wiring.warehouse.quarantined(relation, limit=limit)]
    return tuple(sorted(found, key=lambda record: (-record.load_id, record.position))[:limit])


def _with_rejects(wiring: Wiring) -> list[Relation]:
    """The raw relations that may hold records set aside: of the others, loads are known and none of them did that."""
    clean = wiring.store.loads.clean_streams()
    streams = wiring.project.streams()
    return [source.relation(stream) for source, stream in streams if (source.name, stream.name) not in clean]


def editions(wiring: Wiring) -> tuple[ShownEdition, ...]:
    """The editions of every entity, oldest first, each with the arm of the served view that stands on it."""
    return tuple(shown for entity in wiring.project.entities.values() for shown in _shown(wiring, entity))


def _shown(wiring: Wiring, entity: Entity) -> Iterator[ShownEdition]:
    arms = wiring.warehouse.shown(entity.name)
    for edition in wiring.warehouse.editions(entity.name):
        yield ShownEdition(edition, arms.get(edition.number))


def newest_editions(wiring: Wiring, entity: Entity) -> dict[str, Edition]:
    """The newest edition of each implementation that has one, in the entity's order of implementations."""
    newest = {edition.implementation: edition for edition in wiring.warehouse.editions(entity.name)}
    return {name: newest[name] for name in entity.implementations if name in newest}


def breakdown(wiring: Wiring, entity: Entity, by: str) -> Breakdown:
    """Rows by the values of the contract's column `by`, in the newest edition of each implementation.

    Raises:
        UnknownName: the contract has no such column, or nothing is published yet.
    """
    if by not in entity.contract.names:
        raise UnknownName(f"{entity.name} has no column {by!r}; it has {', '.join(entity.contract.names)}", name=by)
    newest = newest_editions(wiring, entity)
    if not newest:
        raise UnknownName(f"nothing of {entity.name} is published yet", hint="`lockgate run` publishes it.")
    places = {name: wiring.warehouse.edition_relation(entity.served, edition) for name, edition in newest.items()}
    return Breakdown(entity.name, by, {name: _counts(wiring, place, by) for name, place in places.items()})


def _counts(wiring: Wiring, relation: Relation, by: str) -> dict[str | None, int]:
    """Rows by value, as text."""
    value = exp.cast(column(by), "text").as_("value")
    query = exp.select(value, exp.Count(this=exp.Star()).as_("n")).from_(table(relation)).group_by("1")
    found = wiring.warehouse.query(query).to_pydict()
    return dict(zip(found["value"], found["n"], strict=True))


def charted(wiring: Wiring, result: RunResult) -> tuple[Breakdown, ...]:
    """A breakdown of each published entity by every column that has few values."""
    names = dict.fromkeys(edition.entity for edition in result.editions)
    entities = [wiring.project.entities[name] for name in names]
    return tuple(
        breakdown(wiring, entity, one.name)
        for entity in entities
        for one in entity.contract.columns
        if one.type.kind in CHARTED_KINDS and one.name not in entity.contract.key and _has_few(wiring, entity, one.name)
    )


def _has_few(wiring: Wiring, entity: Entity, name: str) -> bool:
    """Whether no newest edition has more values in a column than a chart can show; stops looking at one too many."""
    for edition in newest_editions(wiring, entity).values():
        place = wiring.warehouse.edition_relation(entity.served, edition)
        some = exp.select(column(name)).distinct().from_(table(place)).limit(CHARTED_VALUES + 1)
        if wiring.warehouse.query(some).num_rows > CHARTED_VALUES:
            return False
    return True
