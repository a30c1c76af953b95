"""Sources and their streams: where data comes from, and how a stream is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from lockgate.core.relation import Column, Relation

LOAD_ID_COLUMN = "_load_id"
POSITION_COLUMN = "_row"
LOG_SUFFIX = "__log"


class NewColumnPolicy(StrEnum):
    """What happens to a column the stream's contract does not name."""

    EVOLVE = "evolve"
    FREEZE = "freeze"
    DISCARD_ROW = "discard_row"
    DISCARD_VALUE = "discard_value"


@dataclass(frozen=True, slots=True)
class Stream:
    """One table of a source.

    `columns` declares types; what is not declared is inferred. `cursor` names the column that grows as records
    change: with it a load is incremental and reads again from `lookback` before the highest value seen; without
    it a load is full and replaces what `raw` shows.
    """

    name: str
    key: tuple[str, ...] = ()
    cursor: str | None = None
    lookback: timedelta = timedelta()
    columns: tuple[Column, ...] = ()
    on_new_column: NewColumnPolicy = NewColumnPolicy.EVOLVE
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A system that data comes from; `schema` is where its streams appear in the target."""

    name: str
    kind: str
    streams: tuple[Stream, ...]
    schema: str = "raw"
    options: Mapping[str, object] = field(default_factory=dict)

    def relation(self, stream: Stream) -> Relation:
        """The view, up to the pin, that implementations read the stream from."""
        return Relation(self.schema, stream.name)


def log_of(relation: Relation) -> Relation:
    """The append-only log behind a stream's view."""
    return Relation(relation.schema + LOG_SUFFIX, relation.name)
