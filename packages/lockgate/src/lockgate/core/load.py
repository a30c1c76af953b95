"""Loads, what they hand over to be landed, and the pins a cycle reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from lockgate.core.relation import Column, Relation

MISENCODED = "not a record: invalid encoding"


class LoadMode(StrEnum):
    """Whether a load adds to what `raw` shows or takes its place."""

    APPEND = "append"
    REPLACE = "replace"


class LoadStatus(StrEnum):
    """How far a load has come; `landed` and `failed` are final.

    `unchanged` is said of the load that a source of files landed before, when none of them has changed since;
    nothing is stored under it.
    """

    EXTRACTING = "extracting"
    STAGED = "staged"
    LANDED = "landed"
    FAILED = "failed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a source's records are in: its name to the source, its bytes, and what tells its content apart."""

    name: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class CursorRange:
    """The lowest cursor value asked for and the highest one seen, as the source writes them; None: no bound."""

    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """One run of a stream into staging. `bytes` counts the staged files; `rejected` rows are in quarantine."""

    load_id: int
    source: str
    stream: str
    relation: Relation
    mode: LoadMode
    status: LoadStatus
    started_at: datetime
    finished_at: datetime | None = None
    rows: int = 0
    rejected: int = 0
    bytes: int = 0
    files: int = 0
    cursor: CursorRange = CursorRange()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Landing:
    """A staged load, ready to be landed in one transaction.

    Each Parquet file in `files` has `columns` in order, then `_load_id` and `_row` (both bigint; `_row` is the
    record's position in the source's answer, from 1). Each in `rejects` has `_load_id`, `_row`, `column` (text, may be
    NULL), `reason` (text) and `record` (JSON text of the record as it came). The target keeps `manifest` beside the
    load and gives it back as it is: JSON text that tells which files were read, or ''.
    """

    load_id: int
    relation: Relation
    mode: LoadMode
    columns: tuple[Column, ...]
    files: tuple[Path, ...]
    rejects: tuple[Path, ...]
    rows: int
    rejected: int
    cursor_until: str | None
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class Landed:
    """What the target itself says of a load that it holds."""

    load_id: int
    relation: Relation
    mode: LoadMode
    rows: int
    rejected: int
    cursor_until: str | None
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """The loads of one stream that a cycle reads: from `first_load` to `last_load`, both included."""

    relation: Relation
    first_load: int
    last_load: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning took, or would take, out of a stream's log: loads, rows and rejected records, and their bytes."""

    relation: Relation
    loads: int
    rows: int
    rejected: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that was set aside: from which load, where it stood, why, and as it came."""

    relation: Relation
    load_id: int
    position: int
    column: str | None
    reason: str
    record: str


def pin_of(relation: Relation, landed: tuple[Landed, ...]) -> Pin | None:
    """The pin that shows everything landed so far; None where nothing is.

    The newest replacing load hides those before it.
    """
    mine = [load for load in landed if load.relation == relation]
    if not mine:
        return None
    replacing = [load.load_id for load in mine if load.mode is LoadMode.REPLACE]
    ids = [load.load_id for load in mine]
    return Pin(relation, max(replacing) if replacing else min(ids), max(ids))


def first_needed(landed: tuple[Landed, ...], pins: tuple[Pin, ...], *, keep: int, until: int) -> int:
    """The load of one stream up to which, without itself, nothing is needed any more.

    Needed is what a pin shows or would show if a cycle began now, what comes after it, the newest `keep` loads, and
    each load that is numbered `until` or above.
    """
    ids = sorted(load.load_id for load in landed)
    if not ids:
        return 0
    newest = pin_of(landed[0].relation, landed)
    shown = [pin.first_load for pin in (*pins, newest) if pin and pin.relation == landed[0].relation]
    kept = ids[max(0, len(ids) - keep)] if keep else ids[-1]
    return min(*shown, kept, until)
