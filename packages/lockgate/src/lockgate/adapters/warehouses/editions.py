"""What every target does alike with editions: their names, their rows in the ledger, which of them are kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lockgate.adapters.warehouses.rows import route_of
from lockgate.core.bucket import BUCKETED_KINDS
from lockgate.core.load import Pin
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.route import EDITIONS_SUFFIX, KEPT_EDITIONS, Arm, Edition, Publication, Standing
from lockgate.core.sql import bucket_expression
from lockgate.errors import UnknownName

# Pins as JSON keeps them: schema, stream, first and last load.
WrittenPins: TypeAlias = "list[tuple[str, str, int, int]]"


@dataclass(frozen=True, slots=True)
class Published:
    """An edition with where it is stored, and the columns that it was cast to.

    `bucket_by` is the column that its buckets come from, empty where they come from its key. `key` and `served`, the
    view it was made for, are None where the edition was made before they were kept.
    """

    edition: Edition
    stored: Relation
    columns: tuple[Column, ...]
    bucket_by: str = ""
    key: tuple[str, ...] | None = None
    served: Relation | None = None

    def splits_like(self, other: Published) -> bool:
        """Whether a row has the same columns and the same bucket in both, so that they can share a view."""
        if (self.columns, self.bucket_by) != (other.columns, other.bucket_by):
            return False
        return bool(self.bucket_by) or self.key is None or other.key is None or self.key == other.key


def edition_table(served: Relation, entity: str, number: int) -> Relation:
    """The relation that holds an edition."""
    return Relation(served.schema + EDITIONS_SUFFIX, f"{entity}__{number}")


def edition_made(publication: Publication, number: int, *, rows: int, size: int) -> Edition:
    """The edition that a publication became; its size in bytes."""
    named = (publication.entity, number, publication.implementation)
    made = Edition(*named, rows, publication.published_at, publication.pins, publication.held, size)
    return replace(made, revision=publication.revision)


def moved(publication: Publication, edition: Edition) -> Edition:
    """An edition that a publication was found to equal: made of its loads, by its files; held if both say so."""
    held = edition.is_held and publication.held
    return replace(edition, pins=publication.pins, revision=publication.revision, is_held=held)


def recorded(publication: Publication, edition: Edition) -> dict[str, Any]:
    """What the ledger keeps of a new edition, by the names of the statement `add_edition`."""
    return {
        "entity": edition.entity,
        "number": edition.number,
        "implementation": edition.implementation,
        "rows": edition.rows,
        "published_at": edition.published_at,
        "pins": json.dumps(written_pins(edition.pins)),
        "is_held": edition.is_held,
        "bytes": edition.bytes,
        "revision": edition.revision,
        "bucket_by": bucket_column(publication.contract),
        "key": json.dumps(publication.contract.key),
        "served_schema": publication.served.schema,
        "served_name": publication.served.name,
    }


def bucket_column(contract: Contract) -> str:
    """The column that the buckets of an edition come from; empty where they are those of the key."""
    return "" if contract.bucketed == contract.key else contract.bucket_by


def bucket_sql(contract: Contract, dialect: str) -> str:
    """A row's bucket as SQL; 0 where it comes from a type that is not bucketed: such an entity moves as a whole."""
    if all(contract.column(name).type.kind in BUCKETED_KINDS for name in contract.bucketed):
        return bucket_expression(contract.bucketed, dialect).sql(dialect)
    return "0"


def written_pins(pins: Sequence[Pin]) -> WrittenPins:
    """Pins in a form for JSON."""
    return [(pin.relation.schema, pin.relation.name, pin.first_load, pin.last_load) for pin in pins]


def edition_of(row: Sequence[Any]) -> Edition:
    """The edition that a row of the ledger tells of, in the order of the statement `editions`."""
    entity, number, implementation, rows, published_at, pins, is_held, size, revision = row[:9]
    written: WrittenPins = _from_json(pins)
    told = tuple(Pin(Relation(schema, stream), first, last) for schema, stream, first, last in written)
    return Edition(entity, number, implementation, rows, published_at, told, is_held, size, revision)


def standings_of(
    routes: Iterable[Sequence[Any]], editions: Iterable[Sequence[Any]], shown: Iterable[Sequence[Any]]
) -> Mapping[str, Standing]:
    """What all the rows of the three ledgers tell, by entity."""
    routed = {route.entity: route for route in map(route_of, routes) if route}
    kept: dict[str, list[Edition]] = {}
    for edition in map(edition_of, editions):
        kept.setdefault(edition.entity, []).append(edition)
    arms = {entity: {one: arm for one, arm in zip(pair, Arm, strict=True) if one} for entity, *pair in shown}
    return {
        name: Standing(name, routed.get(name), tuple(kept.get(name, ())), arms.get(name, {}))
        for name in sorted({*routed, *kept, *arms})
    }


def published_of(row: Sequence[Any], stored: Relation, columns: tuple[Column, ...]) -> Published:
    """The same with what stands in the row beyond the edition."""
    bucket_by, key, schema, name = row[9:13]
    served = Relation(schema, name) if schema is not None else None
    return Published(edition_of(row), stored, columns, bucket_by, _from_json(key, tuple), served)


def _from_json(value: Any, kind: type = list) -> Any:
    """A value that the driver read already, or JSON text."""
    found = json.loads(value) if isinstance(value, str) else value
    return None if found is None else kind(found)


def asked_of(editions: Sequence[Edition]) -> str:
    """The one entity that editions to be released are of.

    Raises:
        ValueError: they are of several.
    """
    entities = {edition.entity for edition in editions}
    if len(entities) != 1:
        raise ValueError("editions are released together where they are of one entity")
    return entities.pop()


def still_there(asked: Sequence[Edition], published: Sequence[Published]) -> tuple[Published, ...]:
    """What is published under the numbers of these editions.

    Raises:
        UnknownName: one of them is not kept any more.
    """
    found = {one.edition.number: one for one in published}
    for edition in asked:
        if edition.number not in found:
            raise UnknownName(
                f"edition {edition.number} of {edition.entity} is not kept any more",
                hint="Publish the output again; `lockgate editions list` shows what is kept.",
                entity=edition.entity,
                edition=edition.number,
            )
    return tuple(found[edition.number] for edition in asked)


def newest_place(found: Sequence[Published]) -> Relation | None:
    """The view that the newest of the held ones was made for; None where none is held, so that nothing has to turn."""
    held = [one for one in found if one.edition.is_held]
    return max(held, key=lambda one: one.edition.number).served if held else None


def outdated(editions: tuple[Edition, ...], *, spared: frozenset[int]) -> tuple[Edition, ...]:
    """The editions that retention lets go of, without those whose numbers are spared.

    The newest three of each implementation stay, and the newest that is not held: a roll-back may have to show it.
    """
    names = {edition.implementation for edition in editions}
    free = tuple(edition for edition in editions if not edition.is_held)
    newest = {edition.number for name in names for edition in _in_order(editions, name)[-KEPT_EDITIONS:]}
    newest |= {edition.number for name in names for edition in _in_order(free, name)[-1:]}
    return tuple(edition for edition in editions if edition.number not in newest | spared)


def _in_order(editions: tuple[Edition, ...], implementation: str) -> tuple[Edition, ...]:
    mine = sorted((e for e in editions if e.implementation == implementation), key=lambda edition: edition.number)
    return tuple(mine)
