"""Where generated streams can be put: files, a DuckDB file, a PostgreSQL database."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as arrow_csv
from psycopg import sql
from pyarrow import parquet
from sqlglot import exp

_ROWS_A_CHUNK = 50_000
_DUCKDB = "duckdb:"
_POSTGRES = ("postgresql://", "postgres://")
_COLUMN_TYPES = {pa.int64(): "bigint", pa.string(): "text"}


def write_files(streams: dict[str, pa.Table], folder: Path, file_format: str) -> None:
    """One file a stream, `<stream>.<format>`, complete or absent; NULL and empty text stay apart in every format.

    In CSV every value is quoted and NULL is not.

    Raises:
        KeyError: the format is not csv, parquet or ndjson.
    """
    write = _WRITERS[file_format]
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in streams.items():
        aside = folder / f".{name}.{file_format}.part"
        write(rows, aside)
        aside.replace(folder / f"{name}.{file_format}")


def write_into(streams: dict[str, pa.Table], database: str) -> None:
    """Schema `raw` of the database with one table a stream, replacing its rows; all streams or none.

    Raises:
        ValueError: the address is neither `duckdb:PATH` nor `postgresql://…`.
    """
    if database.startswith(_DUCKDB):
        _into_duckdb(streams, Path(database.removeprefix(_DUCKDB)))
    elif database.startswith(_POSTGRES):
        _into_postgres(streams, database)
    else:
        raise ValueError(f"{database.partition(':')[0]}: is neither duckdb:PATH nor postgresql://…")


def _write_csv(rows: pa.Table, path: Path) -> None:
    arrow_csv.write_csv(rows, path, arrow_csv.WriteOptions(quoting_style="all_valid"))


def _write_ndjson(rows: pa.Table, path: Path) -> None:
    with duckdb.connect() as connection:
        connection.from_arrow(rows).create_view("delivered")
        connection.execute("copy delivered to $path (format json)", {"path": str(path)})


_WRITERS: dict[str, Callable[[pa.Table, Path], object]] = {
    "csv": _write_csv,
    "ndjson": _write_ndjson,
    "parquet": parquet.write_table,
}
FORMATS = tuple(_WRITERS)


def _into_duckdb(streams: dict[str, pa.Table], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.begin()
        catalog = connection.execute("select current_database()").fetchall()[0][0]
        connection.execute(exp.Create(this=_raw(catalog), kind="SCHEMA", exists=True).sql("duckdb"))
        for name, rows in streams.items():
            connection.register("delivered", rows)
            connection.execute(_replace(_raw(catalog, name)))
            connection.unregister("delivered")
        connection.commit()


def _raw(catalog: str, *table: str) -> exp.Table:
    """Schema raw, or a table in it, with its catalog: that may be called raw too."""
    parts = zip(("this", "db", "catalog"), (*table, "raw", catalog), strict=False)
    return exp.Table(**{place: exp.to_identifier(part, quoted=True) for place, part in parts})


def _replace(table: exp.Table) -> str:
    create = exp.select("*").from_("delivered").ctas(table)
    create.set("replace", True)
    return create.sql("duckdb")


def _into_postgres(streams: dict[str, pa.Table], url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists raw")
        for name, rows in streams.items():
            table = sql.Identifier("raw", name)
            cursor.execute(sql.SQL("create table if not exists {} ({})").format(table, _columns(rows.schema)))
            cursor.execute(sql.SQL("truncate {}").format(table))
            with cursor.copy(sql.SQL("copy {} from stdin (format csv)").format(table)) as copy:
                for chunk in rows.to_batches(max_chunksize=_ROWS_A_CHUNK):
                    copy.write(_csv_bytes(chunk))


def _columns(schema: pa.Schema) -> sql.Composable:
    definitions = [
        sql.SQL("{} ").format(sql.Identifier(field.name)) + sql.SQL(_COLUMN_TYPES[field.type]) for field in schema
    ]
    return sql.SQL(", ").join(definitions)


def _csv_bytes(chunk: pa.RecordBatch) -> bytes:
    buffer = io.BytesIO()
    arrow_csv.write_csv(chunk, buffer, arrow_csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return buffer.getvalue()
