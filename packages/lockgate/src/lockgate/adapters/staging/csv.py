"""CSV files: every value is read as text; lines that are no records are set aside with their position."""

from __future__ import annotations

import glob
from collections.abc import Collection, Mapping, Sequence

from sqlglot import exp

from lockgate.adapters.staging.content import (
    MALFORMED,
    SAMPLE_RECORDS,
    TEXT,
    Connection,
    name_of,
    object_of,
    quoted,
    selected,
    setting,
)
from lockgate.adapters.staging.csv_header import delimiter_of, first_record, names_in
from lockgate.adapters.staging.fitting import INFERRED, fit
from lockgate.core.ports import StagedFile
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType, Kind

GUESSED_RECORDS = 1000
# What a type that the first values have may have to give way to; any other gives way to text.
_WIDER = {Kind.TEXT: (), Kind.BIGINT: (ColumnType(Kind.BIGINT), ColumnType(Kind.DOUBLE))}
_QUOTE = {"quote": '"', "escape": '"'}
_FORGET = ("DROP TABLE IF EXISTS reject_errors", "DROP TABLE IF EXISTS reject_scans")


class CsvContent:
    """One CSV file. Options: `delimiter`, `header`, `null` (texts), `infer` (whether types are found out)."""

    is_table = True

    types: Mapping[str, ColumnType] = {}

    def __init__(self, connection: Connection, file: StagedFile) -> None:
        """Find out how the file is written, from its first record."""
        self._connection = connection
        self._file = exp.Literal.string(glob.escape(str(file.path)))
        self._options = file.options
        self._header = bool(file.options.get("header", True))
        first = first_record(file.path)
        self._delimiter = str(file.options.get("delimiter") or delimiter_of(first))
        self.names = names_in(first, self._delimiter, header=self._header, file=file.path.name)

    def infer(self, names: Sequence[str], *, whole: bool, counted: Collection[str] = ()) -> Mapping[str, ColumnType]:  # noqa: ARG002
        """See `Content.infer`."""
        if not self._options.get("infer", True):
            return dict.fromkeys(names, TEXT)
        guessed = self._tried(dict.fromkeys(names, INFERRED), self._values(names).limit(GUESSED_RECORDS))
        for name in set(names) - set(guessed) if whole else ():
            written = self._values((name,)).where(f"{name_of(0)} is not null", dialect="duckdb").limit(GUESSED_RECORDS)
            guessed |= self._tried({name: INFERRED}, written)
        values = self._values(tuple(guessed))
        chains = {name: _WIDER.get(type_.kind, (type_,)) for name, type_ in guessed.items()}
        return self._tried(chains, values if whole else values.limit(SAMPLE_RECORDS))

    def relation(self, columns: Sequence[Column]) -> exp.Select:
        """See `Content.relation`."""
        values = [
            (quoted(one.name) if one.name in self.names else "cast(null as text)", name_of(number))
            for number, one in enumerate(columns)
        ]
        records = selected(*values, ("cast(null as text)", MALFORMED))
        return records.from_(self._reader(store_rejects=True)) if self.names else records.where(exp.false())

    def record(self, columns: Sequence[Column]) -> str:
        """See `Content.record`."""
        return object_of(columns)

    def left_out(self) -> tuple[tuple[int, str, str], ...]:
        """See `Content.left_out`; blank lines count in its positions."""
        if not self.names:
            return ()
        query = (
            exp.select("line", "error_type", "cast(to_json(csv_line) as text)").from_("reject_errors").order_by("line")
        )
        found: dict[int, tuple[str, str]] = {}
        for line, kind, record in self._connection.execute(query.sql("duckdb")).fetchall():
            found.setdefault(line - self._header, (f"not a record: {kind.lower()}", record))
        return tuple((position, *told) for position, told in found.items())

    def look_closer(self) -> None:
        """See `Content.look_closer`; the next reading notes anew what it leaves out."""
        for statement in _FORGET:
            self._connection.execute(statement)

    def _values(self, names: Sequence[str]) -> exp.Select:
        """The texts of some columns, named x0, x1 and so on."""
        texts = selected(*[(quoted(name), name_of(number)) for number, name in enumerate(names)])
        return exp.select("*").from_(texts.from_(self._reader(ignore_errors=True)).subquery())

    def _tried(self, tried: Mapping[str, Sequence[ColumnType]], values: exp.Select) -> dict[str, ColumnType]:
        """The first of each column's types that fits all its values, else text; none for columns that are all NULL."""
        if not tried:
            return {}
        counts = [count for number, types in enumerate(tried.values()) for count in _misfits(name_of(number), types)]
        query = exp.select(*counts, dialect="duckdb").from_(values.subquery())
        (row,) = self._connection.execute(query.sql("duckdb")).fetchall()
        left = iter(row)
        counted = {name: [next(left) for _ in range(len(types) + 1)] for name, types in tried.items()}
        return {name: _first_fitting(tried[name], misfits) for name, (written, *misfits) in counted.items() if written}

    def _reader(self, **options: bool) -> exp.Expr:
        """The table function that reads every value as text."""
        columns = exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string("VARCHAR"))
                for name in self.names
            ]
        )
        settings = {
            "auto_detect": False,
            "columns": columns,
            "delim": self._delimiter,
            "header": self._header,
            "nullstr": _texts(self._options.get("null", ("",))),
            "allow_quoted_nulls": False,
            **_QUOTE,
            **options,
        }
        arguments = [setting(name, value) for name, value in settings.items()]
        return exp.func("read_csv", self._file, *arguments, dialect="duckdb")


def _texts(value: object) -> list[str]:
    """One text or several, as a list."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _misfits(x: str, types: Sequence[ColumnType]) -> list[str]:
    """SQL for how many values there are, and how many of them do not fit each type."""
    misfits = [fit(x, f"try_cast({x} as {one})", source=TEXT, wanted=one, loose=True).misfit for one in types]
    return [f"count({x})", *[f"count(*) filter (where {misfit})" for misfit in misfits]]


def _first_fitting(types: Sequence[ColumnType], misfits: Sequence[int]) -> ColumnType:
    return next((type_ for type_, count in zip(types, misfits, strict=True) if not count), TEXT)
