"""Tables between Arrow and PostgreSQL's binary COPY, set-wise, by ADBC (arrow.apache.org/adbc).

The low-level interface is used: the DB-API one imports pandas and polars where they are installed.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp, parse_one

from lockgate.adapters.warehouses.postgres.catalog import numeric_type
from lockgate.adapters.warehouses.postgres.failures import beyond_decimals, translated_midway, translation
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, sql_type
from lockgate.core.types import Kind
from lockgate.errors import SourceInconsistent

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcConnection, AdbcStatement

BATCH_ROWS = 50_000

# The bytes that PostgreSQL's binary format wants where Arrow has text: a version before JSON, a UUID's 16 bytes.
_WIRE = {
    Kind.JSON: "chr(1) || cast({x} as varchar)",
    Kind.UUID: "unhex(replace(cast(cast({x} as uuid) as varchar), '-', ''))",
}
_UUID_TEXT = r"regexp_replace(lower(hex(x)), '^(.{8})(.{4})(.{4})(.{4})', '\1-\2-\3-\4-')"


class Bulk:
    """A session in one transaction, to be committed by its user."""

    def __init__(self, connection: AdbcConnection) -> None:
        """Take an open ADBC connection."""
        self._connection = connection

    def commit(self) -> None:
        """Makes what was done so far last."""
        self._connection.commit()

    def copy_in(self, target: Relation, rows: pa.RecordBatchReader) -> int:
        """Adds rows to a table by one COPY, column by name; returns how many."""
        options = {
            "adbc.ingest.target_table": target.name,
            "adbc.ingest.target_db_schema": target.schema,
            "adbc.ingest.mode": "adbc.ingest.mode.append",
        }
        with self._statement() as statement:
            statement.set_options(**options)
            statement.bind_stream(rows)
            return int(statement.execute_update())

    def run(self, statement: str) -> None:
        """Executes a statement that has no rows."""
        with self._statement() as prepared:
            prepared.set_sql_query(statement)
            prepared.execute_update()

    def read(self, query: str) -> pa.Table:
        """The rows of a statement, in the types of the driver."""
        with self._statement() as statement:
            statement.set_sql_query(query)
            stream, _ = statement.execute_query()
            with translated_midway():
                return pa.RecordBatchReader.from_stream(stream).read_all()

    def batches(self, query: str, *, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """The rows of a statement in the types of the driver, some `batch_bytes` of them at a time, as they come."""
        with self.reader(query, batch_bytes=batch_bytes) as reader, translated_midway():
            yield from reader

    @contextmanager
    def reader(self, query: str, *, batch_bytes: int) -> Iterator[pa.RecordBatchReader]:
        """The reader of a statement's rows, in the types of the driver, some `batch_bytes` of them at a time."""
        with self._statement() as statement:
            statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(batch_bytes)})
            statement.set_sql_query(query)
            stream, _ = statement.execute_query()
            yield pa.RecordBatchReader.from_stream(stream)

    def _statement(self) -> AdbcStatement:
        from adbc_driver_manager import AdbcStatement

        return AdbcStatement(self._connection)


@contextmanager
def bulk_session(conninfo: str) -> Iterator[Bulk]:
    """A session of one's own; what it did not commit is rolled back at the end."""
    from adbc_driver_manager import AdbcConnection, Error
    from adbc_driver_postgresql import connect

    try:
        with connect(conninfo) as database, AdbcConnection(database) as connection:
            connection.set_autocommit(False)
            yield Bulk(connection)
    except Error as error:
        raise translation(error) from error


@contextmanager
def parquet_rows(files: Sequence[Path], columns: Sequence[Column], **fixed: str) -> Iterator[pa.RecordBatchReader]:
    """The rows of Parquet files in the wire types of a table's columns; `fixed` gives text columns the files lack.

    Raises:
        SourceInconsistent: the files do not have these columns, or other values than their types hold.
    """
    import duckdb

    constants = [exp.alias_(exp.Literal.string(value), name, quoted=True) for name, value in fixed.items()]
    values = [exp.alias_(_wire_value(one), one.name, quoted=True) for one in columns]
    source = exp.func("read_parquet", exp.array(*[exp.Literal.string(glob.escape(str(file))) for file in files]))
    query = exp.select(*constants, *values).from_(source).sql("duckdb")
    try:
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            yield engine.sql(query).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise SourceInconsistent("staged files cannot be read as the columns they are said to have") from error


def _wire_value(one: Column) -> exp.Expr:
    if one.type.kind in _WIRE:
        return parse_one(_WIRE[one.type.kind].format(x=column(one.name).sql("duckdb")), dialect="duckdb")
    return exp.cast(column(one.name), sql_type(one.type))


def read(conninfo: str, query: exp.Expression) -> pa.Table:
    """The rows of a query, in the Arrow types of `lockgate.core.arrow`.

    Raises:
        StatementFailed: with the database's message; or a number has no decimal form of 38 digits.
    """
    with bulk_session(conninfo) as bulk:
        table = bulk.read(query.sql("postgres"))
    columns = [_plain(values, field) for values, field in zip(table.columns, table.schema, strict=True)]
    return pa.table(columns, names=table.column_names)


def _plain(values: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Decimals, UUIDs and JSON come in extension types of their own."""
    if not isinstance(values.type, pa.BaseExtensionType):
        return values
    stored = pa.chunked_array([chunk.storage for chunk in values.chunks], type=values.type.storage_type)
    name = field.metadata[b"POSTGRESQL:type"].decode()
    if name == "numeric":
        decimal = sql_type(numeric_type(int(field.metadata[b"POSTGRESQL:typmod"])))
        return _converted(stored, exp.cast(column("x"), decimal), field.name)
    if name == "uuid":
        return _converted(stored.cast(pa.binary()), parse_one(_UUID_TEXT, dialect="duckdb"), field.name)
    return stored


def _converted(values: pa.ChunkedArray, expression: exp.Expr, name: str) -> pa.ChunkedArray:
    import duckdb

    with duckdb.connect() as engine:
        engine.register("stored", pa.table({"x": values}))
        try:
            return engine.sql(exp.select(expression).from_("stored").sql("duckdb")).to_arrow_table().column(0)
        except duckdb.Error as error:
            raise beyond_decimals(name) from error
