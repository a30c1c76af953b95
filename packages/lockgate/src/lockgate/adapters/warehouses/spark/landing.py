"""The raw side of a Spark target, which needs no Spark: loads land by a rename, pins move by a change of the state."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.adapters.warehouses.folder.landing import FolderLandings
from lockgate.adapters.warehouses.folder.layout import Layout
from lockgate.adapters.warehouses.folder.raw_log import entries, pinned
from lockgate.adapters.warehouses.spark.reading import Files
from lockgate.adapters.warehouses.spark.state import changing, current
from lockgate.adapters.warehouses.spark.types import typed
from lockgate.adapters.warehouses.state import State
from lockgate.core.load import Pin, Quarantined
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN


class SparkLandings(FolderLandings[Layout]):
    """The raw views and the pins are in the state."""

    def move_pins(self, pins: Sequence[Pin]) -> None:
        """See `lockgate.core.ports.Landings.move_pins`."""
        with changing(self._layout) as state:
            for pin in pins:
                state.move_pin(pin)

    def pins(self) -> tuple[Pin, ...]:
        """See `lockgate.core.ports.Landings.pins`."""
        return current(self._layout).all_pins()

    def raw_state(self) -> str:
        """See `lockgate.core.ports.Landings.raw_state`. Any change of the state counts here."""
        return str(current(self._layout).generation)

    def quarantined(self, relation: Relation, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """See `lockgate.core.ports.Landings.quarantined`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = [file for entry in entries(self._layout, relation) for file in entry.rejects]
        if not files:
            return ()
        names = [LOAD_ID_COLUMN, POSITION_COLUMN, "column", "reason", "record"]
        found = pa.concat_tables([pq.read_table(file, columns=names) for file in files], promote_options="permissive")
        newest = found.sort_by([(name, "descending") for name in names[:2]]).slice(0, limit)
        return tuple(Quarantined(relation, *(row[name] for name in names)) for row in newest.to_pylist())

    def show_columns(self, relation: Relation, wanted: Sequence[Column]) -> None:
        """See `FolderLandings`."""
        if current(self._layout).columns_of(relation) != tuple(wanted):
            with changing(self._layout) as state:
                state.show_columns(relation, tuple(wanted))


def stream_files(layout: Layout, state: State, stream: Relation) -> Files | None:
    """The files of a stream's pinned loads, in the columns of the whole log; None where there is no such stream."""
    columns = state.columns_of(stream)
    if not columns:
        return None
    pin = next((pin for pin in state.all_pins() if pin.relation == stream), None)
    shown = pinned(entries(layout, stream), pin)
    return Files(tuple(file for entry in shown for file in entry.files), typed(columns))
