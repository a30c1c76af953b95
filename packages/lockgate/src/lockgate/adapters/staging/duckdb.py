"""The stager: DuckDB reads and judges a package set-wise, Arrow carries it over, Parquet keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lockgate.adapters.staging.content import MALFORMED, Connection, Content, quoted, selected, text
from lockgate.adapters.staging.csv import CsvContent
from lockgate.adapters.staging.encoding import in_utf_8
from lockgate.adapters.staging.parquet import PartFile
from lockgate.adapters.staging.plan import Planned, planned
from lockgate.adapters.staging.positions import Positions
from lockgate.adapters.staging.query import MISFIT, RECORD, Judged, highest, judging, not_values
from lockgate.adapters.staging.records import array_content, line_content
from lockgate.adapters.staging.tables import file_content, memory_content
from lockgate.adapters.warehouses.duckdb.engine import engine, parquet
from lockgate.core.arrow import arrow_schema
from lockgate.core.load import CursorRange
from lockgate.core.ports import JsonRecords, Package, Staged, StagedFile, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.sql import sql_type
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN
from lockgate.core.types import Kind
from lockgate.errors import SourceInconsistent, SourceRefused, StatementFailed

MEMORY = "1GB"
BATCH_ROWS = 122_880
LeftOut: TypeAlias = tuple[tuple[int, str, str], ...]
_SYSTEM = ((LOAD_ID_COLUMN, pa.int64()), (POSITION_COLUMN, pa.int64()))
_REJECTS = pa.schema([*_SYSTEM, ("column", pa.string()), ("reason", pa.string()), ("record", pa.string())])


class _Misjudged(Exception):
    """What was inferred from the first records does not hold for all, or records were left out unexpectedly."""


class DuckDBStager:
    """Stages each package in a database in memory of its own, which spills to disk beside the staged files."""

    def stage(self, package: Package, order: StagingOrder) -> Staged:
        """See `lockgate.core.ports.Stager.stage`."""
        order.folder.mkdir(parents=True, exist_ok=True)
        try:
            with in_utf_8(package, order.folder) as readable, _engine(order.folder) as connection:
                return _Staging(connection, readable, order).staged()
        except StatementFailed as error:
            raise SourceInconsistent(f"{order.stream.name} cannot be read: {error.message}") from error

    def align(self, file: Path, columns: tuple[Column, ...]) -> None:
        """See `lockgate.core.ports.Stager.align`."""
        schema, present = _rows_schema(columns), pq.read_schema(file)
        if present.equals(schema):
            return
        names = [quoted(one.name) if one.name in present.names else "null" for one in columns]
        types = [sql_type(one.type).sql("duckdb") for one in columns]
        values = [
            (f"cast({name} as {type_})", f"v{number}")
            for number, (name, type_) in enumerate(zip(names, types, strict=True))
        ]
        query = selected(*values, *((name, name) for name, _ in _SYSTEM)).from_(parquet([file]))
        with _engine(file.parent) as connection, PartFile(file, schema) as aligned:
            for batch in _batches(connection, query.sql("duckdb")):
                aligned.write(_batch(batch.columns, schema))
            aligned.keep()


@contextmanager
def _engine(folder: Path) -> Iterator[Connection]:
    """A database in memory that spills to `folder` and fetches nothing."""
    settings = {"memory_limit": MEMORY, "temp_directory": str(folder), "autoinstall_known_extensions": "false"}
    with engine() as connection:
        for name, value in settings.items():
            connection.execute(f"SET {name} = {text(value)}")
        yield connection


def _batches(connection: Connection, query: str) -> Iterator[pa.RecordBatch]:
    """The rows of a query, as they come.

    Raises:
        duckdb.Error: whatever the query meets, also on its way; Arrow tells of that as of a broken file.
    """
    import duckdb

    try:
        yield from connection.sql(query).to_arrow_reader(BATCH_ROWS)
    except OSError as error:
        raise duckdb.Error(str(error)) from error


def _stated(package: Package, order: StagingOrder) -> tuple[Column, ...]:
    """What is known of columns beyond the stream's: what earlier packages had, then what the source states."""
    known = {column.name for column in (*order.stream.columns, *order.seen)}
    return (*order.seen, *(column for column in package.columns if column.name not in known))


def _content(connection: Connection, package: Package) -> Content:
    """The package's records as DuckDB reads them."""
    content = package.content
    if isinstance(content, JsonRecords):
        return array_content(connection, content)
    if not isinstance(content, StagedFile):
        return memory_content(connection, content)
    if content.format == "parquet":
        return file_content(connection, content)
    return CsvContent(connection, content) if content.format == "csv" else line_content(connection, content.path)


class _Staging:
    """One package on its way, judged anew where the first look was wrong."""

    def __init__(self, connection: Connection, package: Package, order: StagingOrder) -> None:
        self._connection = connection
        self._order = replace(order, seen=_stated(package, order))
        self._within = package.within
        self._content = _content(connection, package)
        self._left_out: LeftOut = ()

    def staged(self) -> Staged:
        """The package's files: at most three readings, the last of which takes nothing for granted."""
        import duckdb

        try:
            return self._attempt(whole=False)
        except (_Misjudged, duckdb.Error):
            self._content.look_closer()
        try:
            return self._attempt(whole=True)
        except _Misjudged:
            self._content.look_closer()
            return self._attempt(whole=True)

    def _attempt(self, *, whole: bool) -> Staged:
        order = self._order
        plan = planned(order, self._content, whole=whole)
        self._refuse_bounds(plan)
        judged = judging(self._content, plan, order.stream.cursor, self._within)
        path = order.folder / f"{order.number:06d}.parquet"
        with PartFile(path, _rows_schema(judged.kept)) as rows, PartFile(_beside(path), _REJECTS) as rejects:
            self._write(judged, rows, rejects)
            rejected = rejects.keep() if rejects.rows else None
            rows.keep()
        typed = tuple(one.column for one in plan if not (one.untyped or one.unwanted))
        highest = self._highest(plan, path)
        return Staged(path, rejected, typed, rows.rows, rejects.rows, highest, self._lacking())

    def _lacking(self) -> tuple[str, ...]:
        """The stream's columns that a table does not have; one without any columns has no records either."""
        names = set(self._content.names)
        if not (self._content.is_table and names):
            return ()
        return tuple(column.name for column in self._order.stream.columns if column.name not in names)

    def _refuse_bounds(self, plan: Sequence[Planned]) -> None:
        """Refuses to compare the cursor with what can never be its value.

        Raises:
            SourceRefused: names the bound and the cursor's type.
        """
        cursors = [one.column for one in plan if one.column.name == self._order.stream.cursor and not one.untyped]
        if not cursors or cursors[0].type.kind is Kind.TEXT or self._within == CursorRange():
            return
        query = not_values(cursors[0].type, self._within).sql("duckdb")
        for (bound,) in self._connection.execute(query).fetchall():
            name, type_ = cursors[0].name, cursors[0].type
            raise SourceRefused(f"{bound!r} is no {type_}, so {name!r} cannot be compared with it", bound=bound)

    def _write(self, judged: Judged, rows: PartFile, rejects: PartFile) -> None:
        """Reads every record once and writes it to the one file or the other.

        Raises:
            _Misjudged: a value is not of the type that was inferred, or other records were left out than expected.
        """
        query = judged.query.sql("duckdb")
        left_out = self._left_out
        positions = Positions(self._order.first_row, [position for position, *_ in left_out])
        for batch in _batches(self._connection, query):
            _divide(batch, judged, self._stamps(positions.take(batch.num_rows)), rows, rejects)
        self._left_out = self._content.left_out()
        if self._left_out != left_out:
            raise _Misjudged
        if left_out:
            places, reasons, records = zip(*left_out, strict=True)
            stamps = self._stamps(pa.array([self._order.first_row + place - 1 for place in places], pa.int64()))
            rejects.write(
                _batch([*stamps, pa.nulls(len(places), pa.string()), pa.array(reasons), pa.array(records)], _REJECTS)
            )

    def _stamps(self, positions: pa.Array) -> list[pa.Array]:
        """The system columns of records at these positions."""
        return [pa.repeat(pa.scalar(self._order.load_id, pa.int64()), len(positions)), positions]

    def _highest(self, plan: Sequence[Planned], path: Path) -> str | None:
        """The highest cursor value among the accepted rows."""
        cursors = [one.column for one in plan if one.column.name == self._order.stream.cursor]
        if not cursors:
            return None
        ((found,),) = self._connection.execute(highest(cursors[0], parquet([path])).sql("duckdb")).fetchall()
        return None if found is None else str(found)


def _divide(
    batch: pa.RecordBatch, judged: Judged, stamps: Sequence[pa.Array], rows: PartFile, rejects: PartFile
) -> None:
    """Writes the accepted records of a batch to `rows`, the others to `rejects`."""
    verdict = batch.column(MISFIT)
    values = batch.columns[: len(judged.kept)]
    if verdict.null_count == batch.num_rows:
        rows.write(_batch([*values, *stamps], rows.schema))
        return
    if judged.loose.intersection(verdict.unique().to_pylist()):
        raise _Misjudged
    good = verdict.is_null()
    rows.write(_batch([*values, *stamps], rows.schema).filter(good))
    bad = batch.filter(pc.invert(good))
    columns, reasons = (
        pa.array(told, pa.string()).take(bad.column(MISFIT)) for told in zip(*judged.verdicts, strict=True)
    )
    reasons = pc.coalesce(bad.column(MALFORMED), reasons)
    bad_stamps = [stamp.filter(pc.invert(good)) for stamp in stamps]
    rejects.write(_batch([*bad_stamps, columns, reasons, bad.column(RECORD)], _REJECTS))


def _rows_schema(columns: Sequence[Column]) -> pa.Schema:
    """The schema of a file of accepted rows."""
    return pa.schema([*arrow_schema(tuple(columns)), *(pa.field(name, type_) for name, type_ in _SYSTEM)])


def _beside(path: Path) -> Path:
    """Where the rejected rows of a staged file stand."""
    return path.with_suffix(".rejects.parquet")


def _batch(values: Sequence[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """Columns as a batch of that schema."""
    fitted = [
        one if one.type == field.type else one.cast(field.type) for one, field in zip(values, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(fitted, schema=schema)
