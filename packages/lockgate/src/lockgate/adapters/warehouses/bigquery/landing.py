"""The raw side of a BigQuery target: load jobs into a table aside, then one transaction that appends and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from lockgate.adapters.warehouses.bigquery.jobs import CONTROL, Jobs, Word
from lockgate.adapters.warehouses.bigquery.names import field, identifier
from lockgate.adapters.warehouses.bigquery.state import Change, StateRow
from lockgate.adapters.warehouses.bigquery.types import bigquery_type, schema_field
from lockgate.adapters.warehouses.bigquery.views import Views, raw_query
from lockgate.adapters.warehouses.state import State
from lockgate.core.load import Landed, Landing, LoadMode, Pin, Pruned, Quarantined
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, log_of
from lockgate.core.types import ColumnType, Kind, digits
from lockgate.errors import ContractBroken, SourceInconsistent

if TYPE_CHECKING:
    from lockgate.core.ports import Clock

_BIGINT, _TEXT = ColumnType(Kind.BIGINT), ColumnType(Kind.TEXT)
SYSTEM = (Column(LOAD_ID_COLUMN, _BIGINT), Column(POSITION_COLUMN, _BIGINT))
_REJECTS = (*SYSTEM, *(Column(name, _TEXT) for name in ("column", "reason", "record")))
# The tables of a load's rows and of its rejects, while it is being landed.
Aside: TypeAlias = "tuple[Relation | None, Relation | None]"
# What a landing that was killed leaves aside goes by itself.
_ASIDE = timedelta(days=1)


class BigQueryLandings:
    """Lands loads in plain tables, one a stream, clustered by load."""

    def __init__(self, jobs: Jobs, state: StateRow, clock: Clock) -> None:
        """Take what asks BigQuery, the target's state, and the clock that tells when."""
        self._jobs = jobs
        self._state = state
        self._views = Views(jobs)
        self._clock = clock

    def land(self, landing: Landing) -> Landed:
        """See `lockgate.core.ports.Landings.land`."""
        if found := self._found(landing):
            self._show_columns(landing.relation)
            return found
        _refuse_other_counts(landing)
        columns = self._prepare_log(landing)
        with (
            self._staged(landing.files, (*SYSTEM, *columns)) as (rows_aside, rows),
            self._staged(landing.rejects, _REJECTS) as (rejects_aside, rejected),
        ):
            _refuse_otherwise(landing, rows, rejected)
            aside = rows_aside, rejects_aside
            self._state.change(lambda state: self._appended(state, landing, columns, aside))
        self._show_columns(landing.relation)
        found = self._found(landing)
        assert found is not None  # noqa: S101  (it was recorded, by this landing or another one)
        return found

    def landed(self, relation: Relation) -> tuple[Landed, ...]:
        """See `lockgate.core.ports.Landings.landed`."""
        rows = self._jobs.rows(self._jobs.composed("landed"), _names(relation))
        return tuple(Landed(load_id, relation, LoadMode(mode), *counts) for load_id, mode, *counts in rows)

    def prune(self, relation: Relation, *, before: int, dry_run: bool = False) -> Pruned:
        """See `lockgate.core.ports.Landings.prune`."""
        if not self._state.current().columns_of(relation):
            return Pruned(relation, 0, 0, 0, 0)
        words: dict[str, Word] = {**_names(relation), "before": before}
        (counts,) = self._jobs.rows(self._jobs.composed("prunable"), words)
        if not dry_run:
            statement = self._jobs.composed("prune", log=self._jobs.names.quoted(log_of(relation)))
            self._state.change(lambda _: Change(None, [statement], words))
        return Pruned(relation, *map(int, counts))

    def move_pins(self, pins: Sequence[Pin]) -> None:
        """See `lockgate.core.ports.Landings.move_pins`."""

        def moved(state: State) -> Change[None]:
            change: Change[None] = Change(None)
            for number, pin in enumerate(pins):
                state.move_pin(pin)
                change.statements.append(self._jobs.composed("move_pin", n=number))
                change.words |= {f"schema_{number}": pin.relation.schema, f"stream_{number}": pin.relation.name}
                change.words |= {f"first_{number}": pin.first_load, f"last_{number}": pin.last_load}
            return change

        if pins:
            self._state.change(moved)

    def pins(self) -> tuple[Pin, ...]:
        """See `lockgate.core.ports.Landings.pins`."""
        return self._state.current().all_pins()

    def raw_state(self) -> str:
        """See `lockgate.core.ports.Landings.raw_state`. Any change of the state counts here."""
        return str(self._state.current().generation)

    def quarantined(self, relation: Relation, *, limit: int = 100) -> tuple[Quarantined, ...]:
        """See `lockgate.core.ports.Landings.quarantined`."""
        rows = self._jobs.rows(self._jobs.composed("quarantined", limit=limit), _names(relation))
        return tuple(Quarantined(relation, *row) for row in rows)

    def _found(self, landing: Landing) -> Landed | None:
        landed = self.landed(landing.relation)
        return next((load for load in landed if load.load_id == landing.load_id), None)

    def _prepare_log(self, landing: Landing) -> tuple[Column, ...]:
        """Makes the log hold the landing's columns; gives them in the log's types."""
        known = {one.name: one.type for one in self._state.current().columns_of(landing.relation)}
        columns = _in_types_of(known, landing)
        missing = [one for one in columns if one.name not in known]
        if not missing and known:
            return columns
        log = log_of(landing.relation)
        words = {"log": self._jobs.names.quoted(log)}
        self._jobs.create_schema(log.schema)
        defined = ", ".join(f"{identifier(one.name)} {bigquery_type(one.type)}" for one in (*SYSTEM, *columns))
        self._jobs.change(self._jobs.composed("create_log", columns=defined, **words))
        for one in missing:
            typed = {"column": identifier(one.name), "type": bigquery_type(one.type)}
            self._jobs.change(self._jobs.composed("add_column", **typed, **words))
        return columns

    def _appended(
        self, state: State, landing: Landing, columns: tuple[Column, ...], aside: Aside
    ) -> Change[None] | None:
        """What records a load with its rows; None where another landing did meanwhile."""
        if self._found(landing):
            return None
        stream = landing.relation
        known = state.columns_of(stream)
        _in_types_of({one.name: one.type for one in known}, landing)
        names = {one.name for one in known}
        state.show_columns(stream, (*(known or SYSTEM), *(one for one in columns if one.name not in names)))
        change: Change[None] = Change(None, [], self._recorded(landing))
        rows, rejects = aside
        if rows:
            words = {"log": self._jobs.names.quoted(log_of(stream)), "staged": self._jobs.names.quoted(rows)}
            listed = ", ".join(identifier(one.name) for one in (*SYSTEM, *columns))
            change.statements.append(self._jobs.composed("append_rows", columns=listed, **words))
        if rejects:
            change.statements.append(self._jobs.composed("append_rejects", staged=self._jobs.names.quoted(rejects)))
        change.statements.append(self._jobs.composed("add_load"))
        return change

    def _recorded(self, landing: Landing) -> dict[str, Word]:
        sizes = (file.stat().st_size for file in (*landing.files, *landing.rejects))
        return {
            **_names(landing.relation),
            "load_id": landing.load_id,
            "mode": landing.mode.value,
            "row_count": landing.rows,
            "rejected": landing.rejected,
            "cursor_until": landing.cursor_until,
            "manifest": landing.manifest,
            "bytes": sum(sizes),
            "landed_at": self._clock(),
        }

    @contextmanager
    def _staged(self, files: Sequence[Path], columns: tuple[Column, ...]) -> Iterator[tuple[Relation | None, int]]:
        """A table of these files' rows for as long as it is needed, and how many there are; None where no file is."""
        from google.cloud.bigquery import Table

        if not files:
            yield None, 0
            return
        aside = Relation(CONTROL, f"staged_{uuid4().hex}")
        schema = [schema_field(one) for one in columns]
        table = Table(self._jobs.names.path(aside), schema=schema)
        table.expires = self._clock() + _ASIDE
        self._jobs.create(table)
        try:
            with TemporaryDirectory(prefix="lockgate-bigquery-") as folder:
                renamed = [_renamed(file, Path(folder) / f"{n}.parquet") for n, file in enumerate(files)]
                yield aside, sum(self._jobs.load(file, aside, schema) for file in renamed)
        finally:
            self._jobs.drop(aside)

    def _show_columns(self, stream: Relation) -> None:
        """Makes the stream's view have the log's columns, where it does not yet."""
        columns = self._state.current().columns_of(stream)
        found = self._jobs.table(stream)
        if found is not None and found.view_query == raw_query(self._jobs, stream, columns):
            return

        def query() -> str:
            return raw_query(self._jobs, stream, self._state.current().columns_of(stream))

        self._views.rewrite(stream, query)


def _names(relation: Relation) -> dict[str, Word]:
    return {"schema_name": relation.schema, "stream": relation.name}


def _in_types_of(known: dict[str, ColumnType], landing: Landing) -> tuple[Column, ...]:
    """The landing's columns in the types that the log has for them.

    Raises:
        ContractBroken: the log has another type, which does not hold the landing's values.
    """
    for one in landing.columns:
        if one.name in known and not known[one.name].holds(one.type):
            raise ContractBroken(
                f"{landing.relation}: column {one.name!r} is {one.type} in this load, "
                f"and {known[one.name]} in those before",
                column=one.name,
            )
    return tuple(Column(one.name, known.get(one.name) or _settled(one.type)) for one in landing.columns)


def _settled(type_: ColumnType) -> ColumnType:
    """A type as the target knows it: `numeric` alone has a precision there."""
    return ColumnType(Kind.NUMERIC, *digits(type_)) if type_.kind is Kind.NUMERIC else type_


def _refuse_other_counts(landing: Landing) -> None:
    """Refuses staged files that do not hold as many rows as the landing says, before anything is sent."""
    import pyarrow.parquet as pq

    rows, rejected = (
        sum(pq.read_metadata(file).num_rows for file in files) for files in (landing.files, landing.rejects)
    )
    _refuse_otherwise(landing, rows, rejected)


def _refuse_otherwise(landing: Landing, rows: int, rejected: int) -> None:
    if (rows, rejected) != (landing.rows, landing.rejected):
        raise SourceInconsistent(
            f"load {landing.load_id} of {landing.relation} was staged with {landing.rows} rows and "
            f"{landing.rejected} rejects, its files hold {rows} and {rejected}"
        )


def _renamed(file: Path, target: Path) -> Path:
    """The file, or a copy whose columns have names that BigQuery takes."""
    import pyarrow.parquet as pq

    names = pq.read_schema(file).names
    spelled = [field(name) for name in names]
    if spelled == names:
        return file
    with pq.ParquetFile(file) as source:
        schema = source.schema_arrow
        for number, name in enumerate(spelled):
            schema = schema.set(number, schema.field(number).with_name(name))
        with pq.ParquetWriter(target, schema) as sink:
            for batch in source.iter_batches():
                sink.write_batch(batch.rename_columns(spelled))
    return target
