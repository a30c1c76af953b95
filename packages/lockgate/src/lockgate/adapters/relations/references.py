"""How a relation to compare is written, and what opens it.

`file.csv`, `file.parquet` · `file.duckdb::schema.table` · `postgresql://…::schema.table`; what a project names is
resolved by the caller into one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lockgate.adapters.registry import require
from lockgate.adapters.relations.bench import DuckDBBench, opened_bench
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.errors import CapabilityMissing, ComparisonInvalid, SourceInconsistent, UnknownName

if TYPE_CHECKING:
    from lockgate.adapters.relations.postgres import PostgresEngine
    from lockgate.adapters.warehouses.postgres.sessions import Sessions

SEPARATOR = "::"
POSTGRES = ("postgres", "postgresql")
_DEFAULT_SCHEMAS = {"bigquery": "main", "duckdb": "main", "postgres": "public", "spark": "default"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# What no table's name has in it, unless in quotes, and every address that a password stands in.
_NO_TABLE = re.compile(r"[@/\]?]")
_WORDS_OF_LIBPQ = re.compile(r"\b(?:password|host|dbname)\s*=")


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file of rows."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table or view: in a DuckDB file, a PostgreSQL database at a URL, a Spark target's folder, a Google project.

    `options` are the target's, where a location alone does not reach it.
    """

    name: str
    kind: str
    location: str
    relation: Relation
    options: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)


Reference = FileReference | TableReference
_Stamp = tuple[int, int, int]


def reference(written: str) -> Reference | None:
    """What a reference without a project means; None where only a project can say.

    Raises:
        ComparisonInvalid: a database is named without a table, or with something else.
        UnknownName: there is no such database file.
    """
    location, table = split(written)
    if _ADDRESS.match(written):
        return _at_address(location, table)
    if table:
        return _in_file(location, table)
    path = Path(written).expanduser()
    return FileReference(written, path) if path.is_file() else None


def split(written: str) -> tuple[str, str]:
    """A database and the table in it, which is '' where none is named."""
    location, found, table = written.rpartition(SEPARATOR)
    if not found or (_ADDRESS.match(written) and '"' not in table and _NO_TABLE.search(table)):
        return written, ""
    return location, table


def _at_address(location: str, table: str) -> TableReference:
    scheme = location.partition("://")[0]
    if scheme.lower() not in POSTGRES:
        hint = "Give a postgresql:// address, a DuckDB file, or a CSV or Parquet file."
        raise ComparisonInvalid(f"{scheme}:// is not read", hint=hint)
    if not table:
        hint = f"Name the table after two colons: {shown_address(location)}{SEPARATOR}schema.table"
        raise ComparisonInvalid("a database alone is no relation", hint=hint)
    name = f"{shown_address(location)}{SEPARATOR}{table}"
    return TableReference(name, "postgres", location, relation_named(table, "postgres"))


def _in_file(location: str, table: str) -> TableReference:
    if _WORDS_OF_LIBPQ.search(location):
        raise ComparisonInvalid("a database's parameters are not read", hint="Write them as postgresql://host/database")
    path = Path(location).expanduser()
    if not path.is_file():
        raise UnknownName(f"there is no database file {location}", name=location, hint="Check the path.")
    if not _is_duckdb(path):
        hint = "Only DuckDB's files have tables that are named after ::; name another file alone."
        raise ComparisonInvalid(f"{location} is not a DuckDB database", hint=hint)
    return TableReference(f"{location}{SEPARATOR}{table}", "duckdb", str(path), relation_named(table, "duckdb"))


def _is_duckdb(path: Path) -> bool:
    """Whether a file begins as DuckDB's do: a checksum of eight bytes, then its name."""
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except OSError:
        return True  # why it cannot be read is told where it is opened


def in_target(name: str, kind: str, options: Mapping[str, object], relation: Relation) -> TableReference:
    """A table or view of a project's target, whose secrets are resolved already.

    Raises:
        UnknownName: nothing was published in it yet.
        CapabilityMissing: relations of that kind of target are not compared.
    """
    if kind == "postgres":
        return TableReference(name, kind, str(options["url"]), relation)
    if kind == "spark":
        return TableReference(name, kind, str(options["path"]), relation)
    if kind == "bigquery":
        return TableReference(name, kind, str(options["project"]), relation, options)
    if kind != "duckdb":
        raise CapabilityMissing(f"relations of a target of kind {kind!r} cannot be compared", kind=kind)
    from lockgate.adapters.warehouses.duckdb.layout import DuckDBLayout

    catalog = DuckDBLayout(Path(str(options["path"]))).catalog
    if not catalog.is_file():
        raise UnknownName(f"{name}: the target holds nothing yet", name=name, hint="`lockgate run` fills it.")
    return TableReference(name, kind, str(catalog), relation)


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
    scheme, _, rest = url.partition("://")
    place = re.match(r"[^?#]*", rest)
    shown = place[0] if place else ""
    if "@" in rest[len(shown) :]:  # nobody knows whether that is a parameter or the end of a password
        return f"{scheme}://…"
    return f"{scheme}://{shown.rpartition('@')[2]}"


def _stamp(path: Path) -> _Stamp | None:
    """What tells a file from the one that takes its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Opening:
    """Opens references for one comparison: one bench, and one session for each database."""

    def __init__(self, bench: DuckDBBench, stack: ExitStack) -> None:
        """Open nothing yet; what is opened is closed with `stack`."""
        self.bench = bench
        self._stack = stack
        self._sessions: dict[str, tuple[PostgresEngine, Sessions]] = {}
        self._files: dict[Path, _Stamp | None] = {}

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
        from lockgate.adapters.relations.spark import spark_side

        if isinstance(named, FileReference):
            self._files.setdefault(named.path, _stamp(named.path))
            return file_side(self.bench, named.name, named.path)
        if named.kind == "duckdb":
            return table_side(self.bench, named.name, Path(named.location), named.relation)
        if named.kind == "spark":
            return spark_side(self.bench, named.name, Path(named.location), named.relation)
        if named.kind == "bigquery":
            return self._bigquery(named)
        return self._postgres(named)

    def refuse_changed(self) -> None:
        """Refuses files that are not what they were when they were opened: several passes were made over them.

        Raises:
            SourceInconsistent: one is another by now.
        """
        for path, stamp in self._files.items():
            if _stamp(path) != stamp:
                raise SourceInconsistent(f"{path.name} was changed while it was read", hint="Compare it again.")

    def _bigquery(self, named: TableReference) -> Side:
        require("bigquery", "comparing relations in BigQuery")
        from lockgate.adapters.relations.bigquery import bigquery_side, opened_bigquery

        return bigquery_side(
            self.bench, self._stack.enter_context(opened_bigquery(named.options)), named.name, named.relation
        )

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
