"""Typed records, in a Parquet file or in memory: their columns have types already."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.staging.content import MALFORMED, Connection, name_of, object_of, quoted, selected
from lockgate.adapters.warehouses.duckdb.engine import logical_type, parquet
from lockgate.core.ports import StagedFile
from lockgate.core.relation import Column
from lockgate.core.sql import sql_type
from lockgate.core.types import ColumnType, Kind

_IN_MEMORY = "table_in_memory"
_NOTHING = '"NULL"'


class TableContent:
    """Columns with types; what has no type of Lockgate's becomes text, and nested values become JSON."""

    is_table = True

    def __init__(self, connection: Connection, source: exp.Expr) -> None:
        """Take what stands in a FROM."""
        self._source = source
        described = connection.sql(exp.select("*").from_(source).sql("duckdb"))
        found = {name: str(type_) for name, type_ in zip(described.columns, described.types, strict=True)}
        self.names = tuple(found)
        self.types: Mapping[str, ColumnType] = {
            name: logical_type(written) for name, written in found.items() if written != _NOTHING
        }

    def infer(self, names: Sequence[str], *, whole: bool, counted: Collection[str] = ()) -> Mapping[str, ColumnType]:  # noqa: ARG002
        """See `Content.infer`."""
        return {name: self.types[name] for name in names if name in self.types}

    def relation(self, columns: Sequence[Column]) -> exp.Select:
        """See `Content.relation`."""
        values = [(self._value(one.name), name_of(number)) for number, one in enumerate(columns)]
        return selected(*values, ("cast(null as text)", MALFORMED)).from_(self._source)

    def record(self, columns: Sequence[Column]) -> str:
        """See `Content.record`."""
        return object_of(columns)

    def left_out(self) -> tuple[tuple[int, str, str], ...]:
        """See `Content.left_out`: nothing ever is."""
        return ()

    def look_closer(self) -> None:
        """See `Content.look_closer`: types are known."""

    def _value(self, name: str) -> str:
        """A column in its logical type."""
        type_ = self.types.get(name)
        if type_ is None:
            return "cast(null as text)"
        if type_.kind is Kind.JSON:
            return f"cast(to_json({quoted(name)}) as text)"
        if type_.kind is Kind.UUID:
            return f"cast({quoted(name)} as text)"
        return f"cast({quoted(name)} as {sql_type(type_).sql('duckdb')})"


def file_content(connection: Connection, file: StagedFile) -> TableContent:
    """A Parquet file."""
    return TableContent(connection, parquet([file.path]))


def memory_content(connection: Connection, table: pa.Table) -> TableContent:
    """A table in memory, read where it is."""
    connection.register(_IN_MEMORY, table)
    return TableContent(connection, exp.to_table(_IN_MEMORY))
