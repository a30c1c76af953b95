"""Finds out what is in CSV, Parquet and newline-delimited JSON files, by staging them aside as a load would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlglot import exp

from lockgate.adapters.discover.counting import SqlCounter
from lockgate.adapters.discover.keys import find_key
from lockgate.adapters.staging.duckdb import DuckDBStager
from lockgate.core.discovery import FoundTable
from lockgate.core.ports import Package, StagedFile, StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, Stream
from lockgate.core.types import ColumnType, Kind
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
_SYSTEM = frozenset({LOAD_ID_COLUMN, POSITION_COLUMN})


def kind_of(path: Path) -> str | None:
    """The kind of source a file is one stream of, by its name's end; None where there is none."""
    return KINDS.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def found_file(path: Path) -> FoundTable:
    """The table in a file: its columns with types that fit every row, and its key.

    Raises:
        SourceRefused: the file is of another format.
        SourceInconsistent: it cannot be read.
        ContractBroken: its columns have names that no target can have.
    """
    kind = kind_of(path)
    if kind is None:
        raise SourceRefused(f"{path} is not a file that is known", hint=f"Give a file that ends in {', '.join(KINDS)}.")
    with _counting() as connection:
        content = _staged(connection, path, kind, ())
        words = _null_words(content, path) if kind == "csv" else ()
        if words:
            content = _staged(connection, path, kind, words)
        counter = SqlCounter(exp.to_table(content.table), "duckdb", content.row)
        options: dict[str, object] = {"null": ["", *words]} if words else {}
        key = find_key(content.columns, counter)
        return FoundTable(path.name.split(".")[0], content.columns, key, counter.rows(), {"path": path.name, **options})


@dataclass(frozen=True, slots=True)
class _Content:
    """The records of a file as a table of `connection`, with the types that a load would give them."""

    connection: DuckDBPyConnection = field(repr=False)
    table: str
    columns: tuple[Column, ...]

    def row(self, query: str) -> tuple[object, ...]:
        """The only row of an answer."""
        return self.connection.execute(query).fetchone() or ()

    def holds(self, names: Sequence[str], word: str) -> bool:
        """Whether a word is a value of one of the columns."""
        equal = (exp.column(name, quoted=True).eq(exp.Literal.string(word)) for name in names)
        query = exp.select(exp.Count(this=exp.Star())).from_(self.table).where(exp.or_(*equal))
        return self.row(query.sql("duckdb")) != (0,)


@contextmanager
def _counting() -> Iterator[DuckDBPyConnection]:
    """A DuckDB of its own."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        yield connection


def _staged(connection: DuckDBPyConnection, path: Path, kind: str, nulls: Sequence[str]) -> _Content:
    """The records of a file, staged and copied into memory; `nulls` are words that mean NULL."""
    table = f"read_{len(nulls)}"
    with TemporaryDirectory(prefix="lockgate-look-") as folder:
        options = {"null": ["", *nulls]} if kind == "csv" else {}
        order = StagingOrder(Stream(path.name), load_id=0, number=1, first_row=1, folder=Path(folder))
        staged = DuckDBStager().stage(Package(StagedFile(path, kind, options), None), order)
        reader = exp.func("read_parquet", exp.Literal.string(str(staged.file)), dialect="duckdb")
        connection.execute(exp.select("*").from_(reader).ctas(table).sql("duckdb"))
    types = {column.name: column.type for column in staged.columns}
    names = (
        str(name) for name, *_ in connection.execute(exp.Describe(this=exp.to_table(table)).sql("duckdb")).fetchall()
    )
    columns = tuple(Column(name, types.get(name, ColumnType(Kind.TEXT))) for name in names if name not in _SYSTEM)
    return _Content(connection, table, columns)


def _null_words(content: _Content, path: Path) -> tuple[str, ...]:
    """The words that mean NULL in a CSV file: those that alone keep a column from being something else than text."""
    texts = {column.name for column in content.columns if column.type.kind is Kind.TEXT}
    if not texts:
        return ()
    free = _staged(content.connection, path, "csv", NULLS).columns
    freed = [column.name for column in free if column.name in texts and column.type.kind is not Kind.TEXT]
    return tuple(word for word in NULLS if freed and content.holds(freed, word))
