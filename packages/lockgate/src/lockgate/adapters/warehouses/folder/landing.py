"""Landing in a target that is a folder: a load is there once its folder has its name."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from lockgate.adapters.warehouses.folder.layout import Layout, written
from lockgate.adapters.warehouses.folder.raw_log import SYSTEM, columns_of, empty_entry, entries, write_entry
from lockgate.core.load import Landed, Landing, Pruned
from lockgate.core.relation import Column, Relation
from lockgate.errors import ContractBroken, SourceInconsistent

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lockgate.core.ports import Clock

TURN_SECONDS = 60.0
AnyLayout = TypeVar("AnyLayout", bound=Layout)


class FolderLandings(Generic[AnyLayout]):
    """Lands loads as folders of the staged Parquet files themselves; a subclass keeps the raw views and the pins."""

    def __init__(self, layout: AnyLayout, clock: Clock) -> None:
        """Take the target's paths, and the clock that tells when."""
        self._layout = layout
        self._clock = clock

    def show_columns(self, relation: Relation, wanted: Sequence[Column]) -> None:
        """Makes the raw view have these columns, where it does not yet; its rows stay those of its pin."""
        raise NotImplementedError

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        relation = landing.relation
        with self._changing_log(relation):
            self._add(landing)
            self.show_columns(relation, (*SYSTEM, *columns_of(entries(self._layout, relation))))
        return next(load for load in self.landed(relation) if load.load_id == landing.load_id)

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        return tuple(entry.landed for entry in entries(self._layout, relation) if not entry.is_pruned)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`."""
        with self._changing_log(relation):
            below = [entry for entry in entries(self._layout, relation) if entry.landed.load_id < before]
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

    def _changing_log(self, relation: Relation) -> AbstractContextManager[None]:
        return self._layout.locked(f"log {relation}", wait_seconds=TURN_SECONDS)

    def _add(self, landing: Landing) -> None:
        """Adds a load to its stream's log unless it is there."""
        folder = self._layout.log(landing.relation) / str(landing.load_id)
        if folder.exists():
            return
        _refuse_changed_types(self._layout, landing)
        _refuse_other_counts(landing)
        _clear_unfinished(folder.parent)
        with written(folder) as aside:
            write_entry(aside, landing, self._clock())


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
