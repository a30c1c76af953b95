"""Landing in a target that is a folder: a load is there once its folder has its name."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from lockgate.adapters.warehouses.folder.layout import Layout, written
from lockgate.adapters.warehouses.folder.raw_log import columns_of, empty_entry, entries, write_entry
from lockgate.core.load import Landed, Landing, Pruned
from lockgate.core.relation import Relation
from lockgate.errors import ContractBroken, SourceInconsistent

TURN_SECONDS = 60.0


def log_lock(relation: Relation) -> str:
    """The name of the lock under which a stream's log is changed."""
    return f"log {relation}"


def add_load(layout: Layout, landing: Landing, now: datetime) -> None:
    """Adds a load to its stream's log unless it is there; the caller holds the log's lock.

    Raises:
        ContractBroken: the log has a column of that name with another type.
        SourceInconsistent: its files hold other numbers of rows than it says.
        DiskFull: nothing was changed.
    """
    folder = layout.log(landing.relation) / str(landing.load_id)
    if folder.exists():
        return
    _refuse_changed_types(layout, landing)
    _refuse_other_counts(landing)
    _clear_unfinished(folder.parent)
    with written(folder) as aside:
        write_entry(aside, landing, now)


def landed(layout: Layout, relation: Relation) -> tuple[Landed, ...]:
    """The loads of a stream that are held, oldest first."""
    return tuple(entry.landed for entry in entries(layout, relation) if not entry.is_pruned)


def prune(layout: Layout, relation: Relation, *, before: int, dry_run: bool) -> Pruned:
    """Empties the loads numbered below `before`, or only counts them."""
    with layout.locked(log_lock(relation), wait_seconds=TURN_SECONDS):
        below = [entry for entry in entries(layout, relation) if entry.landed.load_id < before]
        present = [entry.landed for entry in below if not entry.is_pruned]
        files = [file for entry in below for file in (*entry.files, *entry.rejects)]
        found = Pruned(
            relation,
            loads=len(present),
            rows=sum(load.rows for load in present),
            rejected=sum(load.rejected for load in present),
            bytes=sum(file.stat().st_size for file in files),
        )
        for entry in () if dry_run else below:
            empty_entry(entry)
    return found


def _refuse_changed_types(layout: Layout, landing: Landing) -> None:
    known = {one.name: one.type for one in columns_of(entries(layout, landing.relation))}
    for one in landing.columns:
        if one.name in known and not known[one.name].holds(one.type):
            raise ContractBroken(
                f"{landing.relation}: column {one.name!r} is {one.type} in this load, "
                f"and {known[one.name]} in those before",
                column=one.name,
            )


def _refuse_other_counts(landing: Landing) -> None:
    """Refuses staged files that do not hold as many rows as the landing says."""
    import pyarrow.parquet as pq

    rows, rejected = (
        sum(pq.read_metadata(file).num_rows for file in files) for files in (landing.files, landing.rejects)
    )
    if (rows, rejected) != (landing.rows, landing.rejected):
        raise SourceInconsistent(
            f"load {landing.load_id} of {landing.relation} was staged with {landing.rows} rows and "
            f"{landing.rejected} rejects, its files hold {rows} and {rejected}"
        )


def _clear_unfinished(log: Path) -> None:
    """Removes what a landing that was killed left aside; the caller holds the stream's lock."""
    for aside in log.glob(".*"):
        shutil.rmtree(aside)
