"""Finds out what is in CSV, Parquet and newline-delimited JSON files, by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from lockgate.adapters.discover.counting import SqlCounter
from lockgate.adapters.discover.keys import find_key
from lockgate.core.arrow import column_type
from lockgate.core.discovery import FoundTable
from lockgate.core.relation import Column
from lockgate.core.types import Kind
from lockgate.errors import SourceRefused

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
NULLS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "\\N", "-", "#N/A")
_CONTENT = "content"
_READERS = {"csv": "read_csv", "parquet": "read_parquet", "ndjson": "read_ndjson"}


def kind_of(path: Path) -> str | None:
    """The kind of source a file is one stream of, by its name's end; None where there is none."""
    name = path.name.lower()
    for end in (".gz", ".zst"):
        name = name.removesuffix(end)
    return KINDS.get(Path(name).suffix)


def found_file(path: Path) -> FoundTable:
    """The table in a file: its columns with types that fit every row, and its key.

    Raises:
        SourceRefused: the file is of another format, or cannot be read.
    """
    kind = kind_of(path)
    if kind is None:
        raise SourceRefused(f"{path} is not a file that is known", hint=f"Give a file that ends in {', '.join(KINDS)}.")
    with _engine(path) as connection:
        content = _Content(connection, path, kind)
        content.read(())
        words = content.null_words() if kind == "csv" else ()
        if words:
            content.read(words)
        columns, counter = content.columns(), content.counter()
        options: dict[str, object] = {"null": ["", *words]} if words else {}
        name = path.name.split(".")[0] or path.name
        return FoundTable(name, columns, find_key(columns, counter), counter.rows(), {"path": path.name, **options})


@contextmanager
def _engine(path: Path) -> Iterator[DuckDBPyConnection]:
    """A DuckDB of its own; its refusals are the file's."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            yield connection
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise SourceRefused(f"{path} cannot be read: {said}", file=str(path)) from error


@dataclass(frozen=True, slots=True)
class _Content:
    """A file, and the table that DuckDB makes of it."""

    connection: DuckDBPyConnection
    path: Path
    kind: str

    def read(self, nulls: Sequence[str]) -> None:
        """Reads the file, anew where it was read before; `nulls` are words that mean NULL in it."""
        what = "VIEW" if self.kind == "parquet" else "TABLE"
        query = exp.select("*").from_(self._reader(nulls)).sql("duckdb")
        self.connection.execute(f"CREATE OR REPLACE {what} {_CONTENT} AS {query}")

    def columns(self) -> tuple[Column, ...]:
        """The columns in their order."""
        return self._described(exp.to_table(_CONTENT))

    def counter(self) -> SqlCounter:
        """Counts over the file."""
        return SqlCounter(exp.to_table(_CONTENT), "duckdb", self._row)

    def null_words(self) -> tuple[str, ...]:
        """The words that mean NULL: those that alone keep a column from being something else than text."""
        texts = {column.name for column in self.columns() if column.type.kind is Kind.TEXT}
        freed = self._described(self._reader(NULLS)) if texts else ()
        names = [column.name for column in freed if column.name in texts and column.type.kind is not Kind.TEXT]
        return tuple(word for word in NULLS if names and self._stands(names, word))

    def _stands(self, names: Sequence[str], word: str) -> bool:
        """Whether a word is a value of one of the columns."""
        equal = (exp.column(name, quoted=True).eq(exp.Literal.string(word)) for name in names)
        query = exp.select(exp.Count(this=exp.Star())).from_(_CONTENT).where(exp.or_(*equal))
        return self._row(query.sql("duckdb")) != (0,)

    def _reader(self, nulls: Sequence[str]) -> exp.Expression:
        """What stands behind `FROM`: a reader that looks at every row before it settles on types."""
        arguments: list[exp.Expression] = [exp.Literal.string(str(self.path))]
        if self.kind != "parquet":
            arguments.append(_named("sample_size", exp.Literal.number(-1)))
        if self.kind == "csv":
            words = exp.Array(expressions=[exp.Literal.string(word) for word in ("", *nulls)])
            arguments.append(_named("nullstr", words))
        return exp.Table(this=exp.Anonymous(this=_READERS[self.kind], expressions=arguments))

    def _described(self, source: exp.Expression) -> tuple[Column, ...]:
        """The columns of whatever stands behind `FROM`."""
        query = exp.select("*").from_(source).limit(0)
        schema = self.connection.query(query.sql("duckdb")).to_arrow_table().schema
        return tuple(Column(field.name, column_type(field.type)) for field in schema)

    def _row(self, query: str) -> tuple[object, ...]:
        """The only row of an answer."""
        return self.connection.execute(query).fetchone() or ()


def _named(name: str, value: exp.Expression) -> exp.Expression:
    """An argument by name."""
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=value)
