"""JSON records, in an array or one a line: fields are read as text, or as JSON where they hold more than one value."""

from __future__ import annotations

import glob
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from lockgate.adapters.staging import array_text
from lockgate.adapters.staging.content import (
    MALFORMED,
    SAMPLE_RECORDS,
    TEXT,
    Connection,
    name_of,
    quoted,
    selected,
    setting,
    text,
)
from lockgate.core.ports import JsonRecords
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import SourceInconsistent

LONGEST_LINE = 16 * 1024 * 1024
_ARRAY, _ELEMENTS, _SAMPLE = "array_of_records", "elements_of_array", "first_records"
# DuckDB keeps the digits of all numbers as they are written where it is to read a decimal among them, and else makes
# them doubles (duckdb/duckdb#25006). So it is asked for one that no record has: names as long as this are refused.
_DIGITS = {"digits_as_they_are_written_" * 3: "DECIMAL(1,0)"}
_NO_RECORD = """
case
    when not json_valid(record) then 'not JSON'
    when coalesce(json_type(record), '') <> 'OBJECT' then 'not an object'
end
"""
_KINDS = {
    "BOOLEAN": Kind.BOOLEAN,
    "BIGINT": Kind.BIGINT,
    "UBIGINT": Kind.BIGINT,
    "DOUBLE": Kind.DOUBLE,
    "ARRAY": Kind.JSON,
    "OBJECT": Kind.JSON,
}


class JsonContent:
    """Records as JSON text. While `_alike`, every record is taken to have the very fields of the first ones."""

    is_table = False

    types: Mapping[str, ColumnType] = {}

    def __init__(self, connection: Connection, source: exp.Expr) -> None:
        """Look at the first records; `source` is the FROM of a query for the one column `record`."""
        self._connection = connection
        self._source = exp.select("record").from_(source)
        sample = self._source.limit(SAMPLE_RECORDS).ctas(_SAMPLE)
        connection.execute(sample.sql("duckdb"))
        self._sample = exp.select("record").from_(_SAMPLE)
        self._alike = self._is_alike()
        self.names = self._fields(self._sample if self._alike else self._source)
        self._alike = self._alike and bool(self.names)

    def infer(self, names: Sequence[str], *, whole: bool, counted: Collection[str] = ()) -> Mapping[str, ColumnType]:
        """See `Content.infer`; the first value that is not NULL decides, and one fraction makes numbers fractional."""
        wanted = [name for name in names if name in self.names]
        if not wanted:
            return {}
        kinds = [(f"json_type(record, {text(_pointer(name))})", name_of(number)) for number, name in enumerate(wanted)]
        typed = selected(*kinds, ("row_number() over ()", "position"))
        typed = typed.from_(_valid(self._source if whole else self._sample).subquery())
        firsts = [f"arg_min({x}, position) filter (where {x} <> 'NULL')" for _, x in kinds]
        fractions = [f"count(*) filter (where {x} = 'DOUBLE') > 0" for _, x in kinds]
        query = exp.select(*firsts, *fractions, dialect="duckdb").from_(typed.subquery()).sql("duckdb")
        (row,) = self._connection.execute(query).fetchall()
        found = zip(wanted, row[: len(wanted)], row[len(wanted) :], strict=True)
        return {
            name: _type("BIGINT" if name in counted else first, has_fraction=fraction)
            for name, first, fraction in found
            if first is not None
        }

    def relation(self, columns: Sequence[Column]) -> exp.Select:
        """See `Content.relation`."""
        kinds = {one.name: "JSON" if one.type.kind is Kind.JSON else "VARCHAR" for one in columns}
        parsed = self._parsed_alike(kinds) if self._alike else self._parsed(kinds)
        values = [
            (
                f"cast(fields.{quoted(one.name)} as text)" if one.name in self.names else "cast(null as text)",
                name_of(number),
            )
            for number, one in enumerate(columns)
        ]
        return selected(*values, (MALFORMED, MALFORMED), ("record", "record")).from_(parsed.subquery())

    def record(self, columns: Sequence[Column]) -> str:  # noqa: ARG002
        """See `Content.record`."""
        return (
            f"case when {MALFORMED} = 'not JSON' then cast(to_json(record) as text) else coalesce(record, 'null') end"
        )

    def left_out(self) -> tuple[tuple[int, str, str], ...]:
        """See `Content.left_out`: nothing ever is."""
        return ()

    def look_closer(self) -> None:
        """See `Content.look_closer`."""
        if self._alike:
            self._alike = False
            self.names = self._fields(self._source)

    def _parsed_alike(self, kinds: Mapping[str, str]) -> exp.Select:
        """The records parsed in the quickest way; the query fails at the first one that is not like the others."""
        alike = ", ".join(text(name) for name in self.names)
        other = f"case when json_keys(record) <> [{alike}] then error('another field') end"
        fields = f"json_transform(record, {self._structure(kinds)})"
        return selected((fields, "fields"), (other, MALFORMED), ("record", "record")).from_(self._source.subquery())

    def _parsed(self, kinds: Mapping[str, str]) -> exp.Select:
        """The records parsed one by one, whatever they are."""
        judged = selected(("record", "record"), (_NO_RECORD, MALFORMED)).from_(self._source.subquery())
        transformed = f"json_transform(record, {self._structure(kinds)})" if self.names else "null"
        fields = f"case when {MALFORMED} is null then {transformed} end"
        return selected((fields, "fields"), (MALFORMED, MALFORMED), ("record", "record")).from_(judged.subquery())

    def _structure(self, kinds: Mapping[str, str]) -> str:
        """What records are parsed into, as DuckDB reads it."""
        return text(json.dumps({**{name: kinds.get(name, "VARCHAR") for name in self.names}, **_DIGITS}))

    def _fields(self, source: exp.Select) -> tuple[str, ...]:
        """The names of all fields, in the order in which they first come."""
        keys = selected(("unnest(json_keys(record))", "field")).from_(_valid(source).subquery())
        ordered = selected(("field", "field"), ("row_number() over ()", "position")).from_(keys.subquery())
        query = exp.select("field").from_(ordered.subquery()).group_by("field").order_by("min(position)")
        return tuple(field for (field,) in self._connection.execute(query.sql("duckdb")).fetchall())

    def _is_alike(self) -> bool:
        """Whether the first records are objects with the same fields."""
        valid = _valid(self._sample).subquery()
        alike = exp.select("count(distinct json_keys(record)) = 1", "count(*)", dialect="duckdb").from_(valid)
        ((is_alike, objects),) = self._connection.execute(alike.sql("duckdb")).fetchall()
        count = exp.select("count(*)").from_(_SAMPLE).sql("duckdb")
        return bool(is_alike and [(objects,)] == self._connection.execute(count).fetchall())


def array_content(connection: Connection, records: JsonRecords) -> JsonContent:
    """The elements of a JSON array; where one of them keeps the whole from being read, each is read by itself.

    Raises:
        SourceInconsistent: the text is not UTF-8, or there is no such array in it.
    """
    import duckdb

    try:
        written = records.text.decode()
    except UnicodeDecodeError as error:
        raise SourceInconsistent("the source's JSON is not UTF-8") from error
    try:
        return JsonContent(connection, _whole(connection, written, records.field))
    except duckdb.InvalidInputException:
        elements = array_text.elements(written, records.field)
    connection.register(_ELEMENTS, pa.table({"record": pa.array(elements, pa.large_string())}))
    return JsonContent(connection, exp.to_table(_ELEMENTS))


def _whole(connection: Connection, written: str, field: str | None) -> exp.Expr:
    """The elements of the array that a text is, or holds under a field."""
    name, wrapped = (field, written) if field is not None else (_ARRAY, f'{{"{_ARRAY}":{written}}}')
    connection.register(_ARRAY, pa.table({"text": pa.array([wrapped], pa.large_string())}))
    structure = text(json.dumps({name: ["JSON"], **_DIGITS}))
    array = exp.column(name, table=exp.to_identifier("body"), quoted=True).sql("duckdb")
    body = selected((f"from_json(text, {structure})", "body")).from_(_ARRAY)
    return selected((f"unnest({array})", "record")).from_(body.subquery()).subquery()


def line_content(connection: Connection, path: Path) -> JsonContent:
    """The lines of a file; blank ones do not count."""
    # No line of JSON holds the delimiter, so that a line is one value, whatever else it holds.
    options = {
        "auto_detect": False,
        "columns": exp.Struct(
            expressions=[exp.PropertyEQ(this=exp.to_identifier("record"), expression=exp.Literal.string("VARCHAR"))]
        ),
        "delim": "\x01",
        "quote": "",
        "escape": "",
        "header": False,
        "strict_mode": False,
        "max_line_size": LONGEST_LINE,
    }
    file = exp.Literal.string(glob.escape(str(path)))
    lines = exp.func("read_csv", file, *[setting(name, value) for name, value in options.items()], dialect="duckdb")
    written = exp.column("record").is_(exp.null()).not_()
    return JsonContent(connection, exp.select("record").from_(lines).where(written).subquery())


def _valid(source: exp.Select) -> exp.Select:
    """The records that are objects."""
    return exp.select("record").from_(source.subquery()).where(f"({_NO_RECORD}) is null", dialect="duckdb")


def _pointer(name: str) -> str:
    """A field as RFC 6901 points to it."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _type(first: str, *, has_fraction: bool) -> ColumnType:
    kind = _KINDS.get(first)
    if kind is None:
        return TEXT
    return ColumnType(Kind.DOUBLE if kind is Kind.BIGINT and has_fraction else kind)
