"""Tables between Arrow and PostgreSQL's binary COPY, set-wise, by ADBC (arrow.apache.org/adbc)."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
from sqlglot import exp, parse_one

from lockgate.adapters.warehouses.postgres.catalog import numeric_type
from lockgate.adapters.warehouses.postgres.failures import translation
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, sql_type
from lockgate.core.types import Kind
from lockgate.errors import StatementFailed

BATCH_ROWS = 50_000
Bulk: TypeAlias = Any  # ADBC's connection; its package ships no types

# The bytes that PostgreSQL's binary format wants where Arrow has text: a version before JSON, a UUID's 16 bytes.
_WIRE = {
    Kind.JSON: "chr(1) || cast({x} as varchar)",
    Kind.UUID: "unhex(replace(cast(cast({x} as uuid) as varchar), '-', ''))",
}
_UUID_TEXT = r"regexp_replace(lower(hex(x)), '^(.{8})(.{4})(.{4})(.{4})', '\1-\2-\3-\4-')"


@contextmanager
def bulk_connection(conninfo: str) -> Iterator[Bulk]:
    """A connection in one transaction, to be committed by its user; what was not is rolled back."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        with dbapi.connect(conninfo) as connection:
            yield connection
    except Error as error:
        raise translation(error) from error


def copy_in(bulk: Bulk, target: Relation, files: Sequence[Path], columns: Sequence[Column], **fixed: str) -> int:
    """Adds Parquet rows to a table by one COPY; returns how many.

    `columns` are the table's, with the table's types; `fixed` gives the values of text columns the files do not have.
    """
    import duckdb

    constants = [exp.alias_(exp.Literal.string(value), name, quoted=True) for name, value in fixed.items()]
    values = [exp.alias_(_wire_value(one), one.name, quoted=True) for one in columns]
    source = exp.func("read_parquet", exp.array(*[exp.Literal.string(glob.escape(str(file))) for file in files]))
    with duckdb.connect() as engine, bulk.cursor() as cursor:
        engine.execute("SET TimeZone = 'UTC'")
        rows = engine.sql(exp.select(*constants, *values).from_(source).sql("duckdb"))
        reader = rows.to_arrow_reader(BATCH_ROWS)
        return int(cursor.adbc_ingest(target.name, reader, mode="append", db_schema_name=target.schema))


def _wire_value(one: Column) -> exp.Expr:
    if one.type.kind in _WIRE:
        return parse_one(_WIRE[one.type.kind].format(x=column(one.name).sql("duckdb")), dialect="duckdb")
    return exp.cast(column(one.name), sql_type(one.type))


def read(bulk: Bulk, statement: str) -> pa.Table:
    """The rows of a statement, in the Arrow types of `lockgate.core.arrow`.

    Raises:
        StatementFailed: a number has no decimal form of 38 digits.
    """
    with bulk.cursor() as cursor:
        cursor.execute(statement)
        table = cursor.fetch_arrow_table()
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
            raise StatementFailed(
                f"column {name!r} has a value that Arrow's decimals of 38 digits do not hold"
            ) from error
