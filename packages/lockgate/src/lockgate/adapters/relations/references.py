"""How a relation to compare is written, and what opens it.

`file.csv`, `file.parquet` · `file.duckdb::schema.table` · `postgresql://…::schema.table`; what a project names is
resolved by the caller into one of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lockgate.adapters.registry import require
from lockgate.adapters.relations.bench import DuckDBBench, opened_bench
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.errors import ComparisonInvalid, UnknownName

if TYPE_CHECKING:
    from lockgate.adapters.relations.postgres import PostgresEngine
    from lockgate.adapters.warehouses.postgres.sessions import Sessions

SEPARATOR = "::"
POSTGRES = ("postgres", "postgresql")
_DEFAULT_SCHEMAS = {"duckdb": "main", "postgres": "public"}


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file of rows."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table or view: in a DuckDB database file, or in a PostgreSQL database at a URL."""

    name: str
    kind: str
    location: str
    relation: Relation


Reference = FileReference | TableReference


def reference(written: str) -> Reference | None:
    """What a reference without a project means; None where only a project can say.

    Raises:
        ComparisonInvalid: a database is named without a table, or with something else.
        UnknownName: there is no such database file.
    """
    location, found, table = written.rpartition(SEPARATOR)
    if found:
        return _table(location, table)
    if "://" in written:
        hint = f"Name the table after two colons: {shown_address(written)}::schema.table"
        raise ComparisonInvalid("a database alone is no relation", hint=hint)
    path = Path(written).expanduser()
    return FileReference(written, path) if path.is_file() else None


def _table(location: str, table: str) -> TableReference:
    if "://" in location:
        if urlsplit(location).scheme not in POSTGRES:
            scheme = urlsplit(location).scheme
            raise ComparisonInvalid(f"{scheme}:// is not read", hint="Give a postgresql:// address or a DuckDB file.")
        name = f"{shown_address(location)}{SEPARATOR}{table}"
        return TableReference(name, "postgres", location, relation_named(table, "postgres"))
    path = Path(location).expanduser()
    if not path.is_file():
        raise UnknownName(f"there is no database file {location}", name=location, hint="Check the path.")
    return TableReference(f"{location}{SEPARATOR}{table}", "duckdb", str(path), relation_named(table, "duckdb"))


def relation_named(written: str, kind: str) -> Relation:
    """`schema.table`, or a table of the kind's default schema; names with dots or capitals stand in double quotes.

    Raises:
        ComparisonInvalid: it is neither.
    """
    try:
        named = exp.to_table(written, dialect=kind)
    except SqlglotError:
        named = exp.Table()
    if not named.name or named.catalog:
        raise ComparisonInvalid(f"{written!r} is not a table", hint="Write it as schema.table.")
    return Relation(named.db or _DEFAULT_SCHEMAS[kind], named.name)


def shown_address(url: str) -> str:
    """A database's address without the user, the password and the parameters in it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Opening:
    """Opens references for one comparison: one bench, and one session for each database."""

    def __init__(self, bench: DuckDBBench, stack: ExitStack) -> None:
        """Open nothing yet; what is opened is closed with `stack`."""
        self.bench = bench
        self._stack = stack
        self._sessions: dict[str, tuple[PostgresEngine, Sessions]] = {}

    def side(self, named: Reference) -> Side:
        """The relation, open.

        Raises:
            UnknownName: it is not there.
            SourceRefused: a file is of a format that is not read.
            SourceInconsistent: a file has lines that are no records.
            WarehouseUnavailable: the database does not answer.
        """
        from lockgate.adapters.relations.duckdb import table_side
        from lockgate.adapters.relations.files import file_side

        if isinstance(named, FileReference):
            return file_side(self.bench, named.name, named.path)
        if named.kind == "duckdb":
            return table_side(self.bench, named.name, Path(named.location), named.relation)
        return self._postgres(named)

    def _postgres(self, named: TableReference) -> Side:
        require("postgres", "comparing tables of PostgreSQL")
        from lockgate.adapters.relations.postgres import opened_postgres, postgres_side

        if named.location not in self._sessions:
            self._sessions[named.location] = self._stack.enter_context(opened_postgres(named.location))
        engine, sessions = self._sessions[named.location]
        return postgres_side(engine, sessions, named.name, named.relation)


@contextmanager
def opened(folder: Path, *, memory_bytes: int) -> Iterator[Opening]:
    """Opens relations until the end; what does not fit in memory is in a folder inside `folder` meanwhile."""
    with ExitStack() as stack:
        yield Opening(stack.enter_context(opened_bench(folder, memory_bytes=memory_bytes)), stack)
