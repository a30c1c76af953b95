"""Tables and views of PostgreSQL, read by one statement and so in one snapshot, as Arrow, without a lock but to read.

A stream with a cursor and a key that the database holds unique and not NULL is read in their order, and can be gone on
with after any package.
Others are read as they lie, and begin anew when they are interrupted: no later snapshot would continue this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.sources.postgres_tables import reading_sessions, said_of, source_columns
from lockgate.adapters.warehouses.postgres.bulk import bulk_session
from lockgate.adapters.warehouses.postgres.catalog import column_sql, never_null, unique_keys
from lockgate.adapters.warehouses.postgres.sessions import Connection, Sessions
from lockgate.core.load import SourceFile
from lockgate.core.ports import Extraction, Package, Secrets
from lockgate.core.relation import Column, Relation
from lockgate.core.sql import column, table
from lockgate.core.stream import Source, Stream
from lockgate.core.types import Kind
from lockgate.errors import SourceRefused
from lockgate.ingest.columns import refuse_missing

_ROWS = "stored_rows"
PACKAGE_BYTES = 32 * 1024 * 1024
# What the binary format carries as it is; everything else comes as the text that PostgreSQL prints.
_CARRIED = {Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.REAL, Kind.DOUBLE, Kind.BYTES}
_FIND = """
    SELECT n.nspname, c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass(%(name)s)
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
        with said_of(self._source.name):
            yield from self._packages(extraction)

    def streams(self) -> tuple[Stream, ...]:
        """The streams that are declared, each with its table's columns; declared types stand."""
        with said_of(self._source.name):
            return tuple(self._described(stream) for stream in self._source.streams)

    def _described(self, stream: Stream) -> Stream:
        declared = {one.name: one for one in stream.columns}
        _, columns, _ = self._table(stream)
        return replace(stream, columns=tuple(declared.get(one.name, one) for one in columns))

    def _packages(self, extraction: Extraction) -> Iterator[Package]:
        sessions = self._sessions()
        relation, columns, resumes = self._table(extraction.stream)
        query = _query(extraction, relation, columns, in_order=resumes).sql("postgres")
        with bulk_session(sessions.conninfo()) as bulk:
            for batch in bulk.batches(query, batch_bytes=PACKAGE_BYTES):
                if batch.num_rows:
                    resume = _last(batch, extraction.stream) if resumes else None
                    yield Package(pa.Table.from_batches([batch]), resume, columns=columns)

    def _sessions(self) -> Sessions:
        return reading_sessions(self._secrets.resolve(str(self._source.options["url"])))

    def _table(self, stream: Stream) -> tuple[Relation, tuple[Column, ...], bool]:
        """A stream's table, its columns, and whether reading it can be gone on with.

        Raises:
            SourceRefused: there is no such table.
            ContractBroken: it has no column that the stream names.
        """
        name = str(stream.options.get("table") or stream.name)
        with self._sessions().fresh() as connection:
            found = connection.execute(_FIND, {"name": name}).fetchone()
            if found is None:
                raise SourceRefused(f"{self._source.name} has no table {name!r}, or it may not be read", table=name)
            relation = Relation(*found)
            columns = source_columns(connection, relation)
            refuse_missing([one.name for one in columns], stream)
            return relation, columns, bool(stream.cursor) and _identifies(connection, stream.key, relation)


def _identifies(connection: Connection, key: Sequence[str], relation: Relation) -> bool:
    """Whether the database itself sees to it that no two rows of a table have a key in common, and all have one."""
    unique = unique_keys(connection, relation)
    return never_null(connection, relation) >= set(key) and any(names <= set(key) for names in unique)


def _query(extraction: Extraction, relation: Relation, columns: tuple[Column, ...], *, in_order: bool) -> exp.Select:
    """The records asked for; in order: those without a cursor value, then by cursor and key."""
    stream = extraction.stream
    types = {one.name: one for one in columns}
    query = exp.select(*[_value(one) for one in columns]).from_(
        exp.alias_(table(relation), _ROWS, table=True, quoted=True)
    )
    if stream.cursor is None:
        return query
    cursor = types[stream.cursor]
    bounds = [(exp.GTE, extraction.cursor.since), (exp.LTE, extraction.cursor.until)]
    inside = [kind(this=_order(cursor), expression=_literal(one, cursor)) for kind, one in bounds if one is not None]
    if inside:
        query = query.where(exp.or_(_order(cursor).is_(exp.null()), exp.and_(*inside)))
    if in_order:
        key = [types[one] for one in stream.key]
        query = query.order_by(exp.Ordered(this=_order(cursor), nulls_first=True), *[_order(one) for one in key])
        after = _after(extraction.resume, [cursor, *key])
        query = query.where(after) if after is not None else query
    return query


def _order(one: Column) -> exp.Expr:
    """What a column's values are ordered by: text, and what comes as text, by code points, as staging does."""
    # By its table's name, or ORDER BY would take the text that is selected under the same name.
    stored = exp.column(one.name, table=_ROWS, quoted=True)
    if one.type.kind is not Kind.TEXT:
        return stored
    return exp.Collate(this=exp.cast(stored, "text"), expression=exp.to_identifier("C", quoted=True))


def _value(one: Column) -> exp.Expr:
    if one.type.kind in _CARRIED:
        return column(one.name)
    nested = exp.func("to_jsonb", column(one.name)) if one.type.kind is Kind.JSON else column(one.name)
    return exp.alias_(exp.cast(nested, "text"), one.name, quoted=True)


def _literal(written: str, one: Column) -> exp.Expr:
    """A value as text, in its column's type; of a number no digit is lost."""
    type_ = "numeric" if one.type.kind is Kind.NUMERIC else column_sql(one.type)
    return exp.cast(exp.Literal.string(written), type_, dialect="postgres")


def _after(resume: Mapping[str, object] | None, columns: list[Column]) -> exp.Expr | None:
    """What is true of the records behind the last one of a package."""
    if resume is None:
        return None
    cursor, *key = [None if resume[one.name] is None else _literal(str(resume[one.name]), one) for one in columns]
    order, *names = [_order(one) for one in columns]
    behind = exp.GT(this=exp.Tuple(expressions=names), expression=exp.Tuple(expressions=key))
    if cursor is None:
        without = exp.and_(order.is_(exp.null()), behind)
        return exp.or_(without, order.copy().is_(exp.null()).not_())
    higher = exp.GT(this=order, expression=cursor)
    return exp.or_(higher, exp.and_(exp.EQ(this=order.copy(), expression=cursor.copy()), behind))


def _last(batch: pa.RecordBatch, stream: Stream) -> dict[str, str | None]:
    """The cursor and key of a package's last record, as PostgreSQL reads them."""
    names = [stream.cursor or "", *stream.key]
    return {name: _written(batch.column(name)[-1].as_py()) for name in names}


def _written(value: object) -> str | None:
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    return None if value is None else str(value)
