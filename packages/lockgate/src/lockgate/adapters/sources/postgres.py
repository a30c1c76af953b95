"""Tables and views of PostgreSQL, read by one statement and so in one snapshot, as Arrow, without a lock but to read.

A stream with a cursor and a key that is never NULL is read in their order, and can be gone on with after any package.
Others are read as they lie, and begin anew when they are interrupted: no later snapshot would continue this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.warehouses.postgres.catalog import column_sql, columns_of
from lockgate.adapters.warehouses.postgres.failures import translation
from lockgate.adapters.warehouses.postgres.sessions import Sessions
from lockgate.core.load import SourceFile
from lockgate.core.ports import Extraction, Package, Secrets
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, table
from lockgate.core.stream import Source, Stream
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import (
    AccessRefused,
    ContractBroken,
    LockgateError,
    RetryableError,
    SourceRefused,
    SourceUnavailable,
)

_BATCH_BYTES = "adbc.postgresql.batch_size_hint_bytes"
PACKAGE_BYTES = 32 * 1024 * 1024
_ANY_NUMBER = ColumnType(Kind.NUMERIC, 38, 18)
# What the binary format carries as it is; everything else comes as the text that PostgreSQL prints.
_CARRIED = {Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.REAL, Kind.DOUBLE, Kind.BYTES}
# Names without a schema are looked up as the role's own sessions do.
_OWN_SEARCH_PATH = "-c default_transaction_read_only=on"
_FIND = """
    SELECT n.nspname, c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass(%(name)s)
"""
_NEVER_NULL = """
    SELECT attname FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass(%(name)s) AND attnotnull AND NOT attisdropped
"""


def open_postgres(source: Source, secrets: Secrets, folder: Path) -> PostgresReader:
    """The reader of a database; nothing is connected yet. `folder` is of no use to it."""
    del folder
    return PostgresReader(source, secrets)


class PostgresReader:
    """See `lockgate.core.ports.SourceReader`."""

    def __init__(self, source: Source, secrets: Secrets) -> None:
        """Read the streams of `source`."""
        self._source = source
        self._secrets = secrets

    def files(self, stream: Stream) -> tuple[SourceFile, ...]:
        """A database has none."""
        del stream
        return ()

    def extract(self, extraction: Extraction) -> Iterator[Package]:
        """See `lockgate.core.ports.SourceReader.extract`."""
        try:
            yield from self._packages(extraction)
        except LockgateError as error:
            raise _of_source(error, self._source) from error

    def streams(self) -> tuple[Stream, ...]:
        """The streams that are declared, each with its table's columns; declared types stand."""
        try:
            return tuple(self._described(stream) for stream in self._source.streams)
        except LockgateError as error:
            raise _of_source(error, self._source) from error

    def _described(self, stream: Stream) -> Stream:
        declared = {one.name: one for one in stream.columns}
        _, columns, _ = self._table(stream)
        return replace(stream, columns=tuple(declared.get(one.name, one) for one in columns))

    def _packages(self, extraction: Extraction) -> Iterator[Package]:
        relation, columns, resumes = self._table(extraction.stream)
        query = _query(extraction, relation, columns, in_order=resumes)
        for batch in _batches(self._sessions().conninfo(), query.sql("postgres")):
            if batch.num_rows:
                resume = _last(batch, extraction.stream) if resumes else None
                yield Package(pa.Table.from_batches([batch]), resume, columns=columns)

    def _sessions(self) -> Sessions:
        return Sessions(self._secrets.resolve(str(self._source.options["url"])))

    def _table(self, stream: Stream) -> tuple[Relation, tuple[Column, ...], bool]:
        """A stream's table, its columns, and whether reading it can be gone on with.

        Raises:
            SourceRefused: there is no such table.
            ContractBroken: it has no column that the stream names.
        """
        name = str(stream.options.get("table") or stream.name)
        with self._sessions().fresh(options=_OWN_SEARCH_PATH) as connection:
            found = connection.execute(_FIND, {"name": name}).fetchone()
            if found is None:
                raise SourceRefused(f"{self._source.name} has no table {name!r}, or it may not be read", table=name)
            never_null = {one for (one,) in connection.execute(_NEVER_NULL, {"name": name})}
            relation = Relation(*found)
            columns = tuple(_bounded(one) for one in columns_of(connection, relation))
        wanted = [*stream.key, *([stream.cursor] if stream.cursor else [])]
        _refuse_missing(stream, wanted, [one.name for one in columns])
        return relation, columns, bool(stream.cursor and stream.key and never_null >= set(stream.key))


def _bounded(one: Column) -> Column:
    """A column as it can be staged: numbers of any size keep twenty digits before the point and eighteen behind it."""
    return replace(one, type=_ANY_NUMBER) if one.type == ColumnType(Kind.NUMERIC) else one


def _refuse_missing(stream: Stream, wanted: list[str], names: list[str]) -> None:
    for name in wanted:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            told = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
            raise ContractBroken(f"{stream.name} has no column {name!r}; {told}", column=name)


def _query(extraction: Extraction, relation: Relation, columns: tuple[Column, ...], *, in_order: bool) -> exp.Select:
    """The records asked for; in order: those without a cursor value, then by cursor and key."""
    stream = extraction.stream
    types = {one.name: one for one in columns}
    query = exp.select(*[_value(one) for one in columns]).from_(table(relation))
    if stream.cursor is None:
        return query
    cursor = types[stream.cursor]
    bounds = [(exp.GTE, extraction.cursor.since), (exp.LTE, extraction.cursor.until)]
    inside = [
        kind(this=column(cursor.name), expression=_literal(one, cursor)) for kind, one in bounds if one is not None
    ]
    if inside:
        query = query.where(exp.or_(column(cursor.name).is_(exp.null()), exp.and_(*inside)))
    if in_order:
        query = query.order_by(
            exp.Ordered(this=column(cursor.name), nulls_first=True), *[column(one) for one in stream.key]
        )
        after = _after(extraction.resume, [cursor, *(types[one] for one in stream.key)])
        query = query.where(after) if after is not None else query
    return query


def _value(one: Column) -> exp.Expr:
    if one.type.kind in _CARRIED:
        return column(one.name)
    nested = exp.func("to_jsonb", column(one.name)) if one.type.kind is Kind.JSON else column(one.name)
    return exp.alias_(exp.cast(nested, "text"), one.name, quoted=True)


def _literal(written: str, one: Column) -> exp.Expr:
    return exp.cast(exp.Literal.string(written), column_sql(one.type), dialect="postgres")


def _after(resume: Mapping[str, object] | None, columns: list[Column]) -> exp.Expr | None:
    """What is true of the records behind the last one of a package."""
    if resume is None:
        return None
    cursor, *key = [None if resume[one.name] is None else _literal(str(resume[one.name]), one) for one in columns]
    names = [column(one.name) for one in columns]
    behind = exp.GT(this=exp.Tuple(expressions=names[1:]), expression=exp.Tuple(expressions=key))
    if cursor is None:
        without = exp.and_(names[0].is_(exp.null()), behind)
        return exp.or_(without, names[0].is_(exp.null()).not_())
    higher = exp.GT(this=names[0], expression=cursor)
    return exp.or_(higher, exp.and_(exp.EQ(this=names[0].copy(), expression=cursor.copy()), behind))


def _last(batch: pa.RecordBatch, stream: Stream) -> dict[str, Any]:
    """The cursor and key of a package's last record."""
    names = [stream.cursor or "", *stream.key]
    values = {name: batch.column(name)[-1].as_py() for name in names}
    return {name: None if value is None else str(value) for name, value in values.items()}


def _batches(conninfo: str, query: str) -> Iterator[pa.RecordBatch]:
    """The rows of a statement, by the binary COPY that ADBC reads (arrow.apache.org/adbc), as they come."""
    from adbc_driver_manager import AdbcConnection, AdbcStatement, Error
    from adbc_driver_postgresql import connect

    try:
        with connect(conninfo) as database, AdbcConnection(database) as connection, AdbcStatement(connection) as asked:
            asked.set_options(**{_BATCH_BYTES: str(PACKAGE_BYTES)})
            asked.set_sql_query(query)
            stream, _ = asked.execute_query()
            yield from pa.RecordBatchReader.from_stream(stream)
    except Error as error:
        raise translation(error) from error


def _of_source(error: LockgateError, source: Source) -> LockgateError:
    """What a database says, said of a source."""
    if isinstance(error, RetryableError):
        return SourceUnavailable(f"{source.name}: {error.message}")
    if isinstance(error, AccessRefused) or error.code.startswith("LG4"):
        return SourceRefused(f"{source.name}: {error.message}")
    return error
