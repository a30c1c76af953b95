"""What every target does alike with editions: their names, their rows in the ledger, which of them are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from lockgate.core.load import Pin
from lockgate.core.relation import Column, Relation
from lockgate.core.route import EDITIONS_SUFFIX, KEPT_EDITIONS, Edition, Publication

# Pins as JSON keeps them: schema, stream, first and last load.
WrittenPins: TypeAlias = "list[tuple[str, str, int, int]]"


@dataclass(frozen=True, slots=True)
class Published:
    """An edition with where it is stored and the columns that it was cast to."""

    edition: Edition
    stored: Relation
    columns: tuple[Column, ...]


def edition_table(served: Relation, entity: str, number: int) -> Relation:
    """The relation that holds an edition."""
    return Relation(served.schema + EDITIONS_SUFFIX, f"{entity}__{number}")


def edition_made(publication: Publication, number: int, rows: int) -> Edition:
    """The edition that a publication became."""
    named = (publication.entity, number, publication.implementation)
    return Edition(*named, rows, publication.published_at, publication.pins)


def written_pins(pins: Sequence[Pin]) -> WrittenPins:
    """Pins in a form for JSON."""
    return [(pin.relation.schema, pin.relation.name, pin.first_load, pin.last_load) for pin in pins]


def edition_of(
    entity: str, number: int, implementation: str, rows: int, published_at: datetime, pins: WrittenPins
) -> Edition:
    """The edition that a row of the ledger tells of."""
    told = tuple(Pin(Relation(schema, stream), first, last) for schema, stream, first, last in pins)
    return Edition(entity, number, implementation, rows, published_at, told)


def outdated(editions: tuple[Edition, ...], *, spared: frozenset[int]) -> tuple[Edition, ...]:
    """The editions beyond the newest three of each implementation, without those whose numbers are spared."""
    names = {edition.implementation for edition in editions}
    newest = {edition.number for name in names for edition in _latest(editions, name)}
    return tuple(edition for edition in editions if edition.number not in newest | spared)


def _latest(editions: tuple[Edition, ...], implementation: str) -> tuple[Edition, ...]:
    mine = sorted((e for e in editions if e.implementation == implementation), key=lambda edition: edition.number)
    return tuple(mine[-KEPT_EDITIONS:])
