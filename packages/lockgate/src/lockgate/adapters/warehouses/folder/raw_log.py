"""The raw log of a target that is a folder: one folder of Parquet files for each load."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lockgate.adapters.warehouses.folder.layout import Layout, link, written
from lockgate.core.load import Landed, Landing, LoadMode, Pin
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.core.types import ColumnType, Kind, digits

NOTE = "landed.json"
_BIGINT = ColumnType(Kind.BIGINT)
SYSTEM = (Column(LOAD_ID_COLUMN, _BIGINT), Column(POSITION_COLUMN, _BIGINT))


@dataclass(frozen=True, slots=True)
class Entry:
    """One landed load: where its files are, and which columns they have; of a pruned one only these are left."""

    folder: Path
    landed: Landed
    columns: tuple[Column, ...]
    is_pruned: bool = False

    @property
    def files(self) -> list[Path]:
        """The files of the rows that were accepted, in order."""
        return sorted(self.folder.glob("rows-*.parquet"))

    @property
    def rejects(self) -> list[Path]:
        """The files of the rows that were not."""
        return sorted(self.folder.glob("rejects-*.parquet"))


def write_entry(folder: Path, landing: Landing, now: datetime) -> None:
    """Fills a load's folder: links to the staged files, so that no row is written twice, and a note of the load."""
    folder.mkdir(parents=True)
    for kind, files in (("rows", landing.files), ("rejects", landing.rejects)):
        for number, file in enumerate(files):
            link(file, folder / f"{kind}-{number:06d}.parquet")
    note = {
        "mode": landing.mode.value,
        "rows": landing.rows,
        "rejected": landing.rejected,
        "cursor_until": landing.cursor_until,
        "manifest": landing.manifest,
        "columns": [[one.name, str(one.type)] for one in landing.columns],
        "landed_at": now.isoformat(),
    }
    (folder / NOTE).write_text(json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8")


def entries(layout: Layout, relation: Relation) -> tuple[Entry, ...]:
    """What is landed of a stream, in the order of load ids."""
    folders = [folder for folder in layout.log(relation).glob("*") if folder.name.isdigit()]
    return tuple(_entry(folder, relation) for folder in sorted(folders, key=lambda folder: int(folder.name)))


def _entry(folder: Path, relation: Relation) -> Entry:
    note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    counts = (note["rows"], note["rejected"], note["cursor_until"], note["manifest"])
    landed = Landed(int(folder.name), relation, LoadMode(note["mode"]), *counts)
    columns = tuple(Column(name, _settled(type_)) for name, type_ in note["columns"])
    return Entry(folder, landed, columns, is_pruned=note.get("pruned", False))


def empty_entry(entry: Entry) -> None:
    """Notes that a load is pruned, then removes its files; one that was killed in between is emptied the next time."""
    if not entry.is_pruned:
        note = json.loads((entry.folder / NOTE).read_text(encoding="utf-8")) | {"pruned": True}
        with written(entry.folder / NOTE) as aside:
            aside.write_text(json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8")
    for file in (*entry.files, *entry.rejects):
        file.unlink()


def _settled(written: str) -> ColumnType:
    """A type as a target knows it: `numeric` alone has a precision there."""
    type_ = ColumnType.parse(written)
    return ColumnType(Kind.NUMERIC, *digits(type_)) if type_.kind is Kind.NUMERIC else type_


def columns_of(log: tuple[Entry, ...]) -> tuple[Column, ...]:
    """Every column that a load of the stream has brought, each in the widest of its types."""
    found: dict[str, ColumnType] = {}
    for entry in log:
        for one in entry.columns:
            known = found.get(one.name, one.type)
            found[one.name] = known if known.holds(one.type) else one.type
    return tuple(Column(name, type_) for name, type_ in found.items())


def pinned(log: tuple[Entry, ...], pin: Pin | None) -> tuple[Entry, ...]:
    """The loads that a pin shows."""
    if pin is None:
        return ()
    return tuple(entry for entry in log if pin.first_load <= entry.landed.load_id <= pin.last_load)
