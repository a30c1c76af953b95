"""The raw side of a Spark target, which needs no Spark: loads land by a rename, pins move by a change of the state."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.adapters.warehouses.folder.landing import TURN_SECONDS, add_load, landed, log_lock, prune
from lockgate.adapters.warehouses.folder.layout import Layout
from lockgate.adapters.warehouses.folder.raw_log import SYSTEM, columns_of, entries, pinned
from lockgate.adapters.warehouses.spark.reading import Files
from lockgate.adapters.warehouses.spark.state import changing, current
from lockgate.adapters.warehouses.spark.types import typed
from lockgate.adapters.warehouses.state import State
from lockgate.core.load import Landed, Landing, Pin, Pruned, Quarantined
from lockgate.core.ports import Clock
from lockgate.core.relation import Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN


class SparkLandings:
    """Lands loads as folders of the staged Parquet files themselves."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Take the target's paths, and the clock that tells when."""
        self._layout = layout
        self._clock = clock

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        with self._layout.locked(log_lock(landing.relation), wait_seconds=TURN_SECONDS):
            add_load(self._layout, landing, self._clock())
            self._show_columns(landing.relation)
        return next(load for load in self.landed(landing.relation) if load.load_id == landing.load_id)

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        return landed(self._layout, relation)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`."""
        return prune(self._layout, relation, before=before, dry_run=dry_run)

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

    def _show_columns(self, relation: Relation) -> None:
        """Makes the raw view have the log's columns, where it does not yet; its rows stay those of its pin."""
        wanted = (*SYSTEM, *columns_of(entries(self._layout, relation)))
        if current(self._layout).columns_of(relation) != wanted:
            with changing(self._layout) as state:
                state.show_columns(relation, wanted)


def stream_files(layout: Layout, state: State, stream: Relation) -> Files | None:
    """The files of a stream's pinned loads, in the columns of the whole log; None where there is no such stream."""
    columns = state.columns_of(stream)
    if not columns:
        return None
    pin = next((pin for pin in state.all_pins() if pin.relation == stream), None)
    shown = pinned(entries(layout, stream), pin)
    return Files(tuple(file for entry in shown for file in entry.files), typed(columns))
