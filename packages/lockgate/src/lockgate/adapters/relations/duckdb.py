"""Tables and views of DuckDB databases, and Parquet files, as sides of a comparison."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from lockgate.adapters.relations.bench import DuckDBBench
from lockgate.adapters.warehouses.duckdb.engine import logical_type, parquet
from lockgate.core.comparison import ComparedColumn
from lockgate.core.nearness import did_you_mean_or_known
from lockgate.core.ports import Side
from lockgate.core.relation import Relation
from lockgate.core.types import MAX_PRECISION
from lockgate.errors import SourceInconsistent, SourceRefused, StatementFailed, UnknownName

_TABLES = """
select schema_name || '.' || table_name as name from duckdb_tables() where database_name = '{name}'
union select schema_name || '.' || view_name from duckdb_views() where database_name = '{name}' and not internal
order by 1
"""
_DESCRIBE = "DESCRIBE SELECT * FROM {source}"
_UNIQUE = """
select constraint_type, constraint_column_names as names from duckdb_constraints()
where database_name = '{database}' and schema_name = {schema} and table_name = {table}
    and constraint_type in ('PRIMARY KEY', 'UNIQUE', 'NOT NULL')
"""
_STORED = "SELECT name, precision, scale FROM parquet_schema({file})"
ALIKE_HINT = "Give each column a name of its own."


def table_side(bench: DuckDBBench, name: str, database: Path, relation: Relation) -> Side:
    """A table or view of a database file, which is attached read-only.

    Raises:
        UnknownName: it has no such table.
        TargetBusy: another process writes to the file.
    """
    attached = bench.attached(database)
    source = exp.table_(relation.name, db=relation.schema, catalog=attached, quoted=True).sql("duckdb")
    try:
        found = columns(bench, source)
    except StatementFailed as error:
        raise _unknown(bench, attached, database, relation) from error
    return Side(name, bench, source, found, _unique(bench, attached, relation))


def _unknown(bench: DuckDBBench, attached: str, database: Path, relation: Relation) -> UnknownName:
    tables = bench.query(_TABLES.format(name=attached)).column(0).to_pylist()
    told = did_you_mean_or_known(str(relation), tables)
    return UnknownName(f"{database.name} has no table {relation}; {told}", name=str(relation))


def parquet_side(bench: DuckDBBench, name: str, file: Path) -> Side:
    """A Parquet file.

    Raises:
        SourceInconsistent: two of its columns are told apart by nothing but case.
        SourceRefused: it has numbers that DuckDB reads only rounded.
    """
    source = parquet([file]).sql("duckdb")
    found = columns(bench, source)
    stored = bench.query(_STORED.format(file=exp.Literal.string(glob.escape(str(file))).sql("duckdb"))).to_pylist()
    renamed = [one.name for one in found if one.name not in {row["name"] for row in stored}]
    if renamed:
        refuse_alike([row["name"] for row in stored[1:]], file.name)
    for row in stored:
        if (row["precision"] or 0) > MAX_PRECISION:
            type_ = f"DECIMAL({row['precision']},{row['scale']})"
            raise SourceRefused(
                f"column {row['name']!r} of {file.name} is a {type_}, which is read only rounded",
                hint=f"Write it with {MAX_PRECISION} digits at most, or as text.",
            )
    return Side(name, bench, source, found)


def refuse_alike(names: Sequence[str], file: str) -> None:
    """Refuses a file's columns that DuckDB does not tell apart.

    Raises:
        SourceInconsistent: two names differ by nothing but case, or not at all.
    """
    known: dict[str, str] = {}
    for name in names:
        other = known.get(name.lower())
        if other is not None:
            told = "more than once" if other == name else f"and a column {other!r}, told apart by case alone"
            raise SourceInconsistent(f"{file} has a column {name!r} {told}", hint=ALIKE_HINT)
        known[name.lower()] = name


def columns(bench: DuckDBBench, source: str) -> tuple[ComparedColumn, ...]:
    """The columns of whatever can stand behind FROM, in order."""
    described = bench.query(_DESCRIBE.format(source=source)).to_pylist()
    return tuple(
        ComparedColumn(row["column_name"], logical_type(row["column_type"]), row["column_type"]) for row in described
    )


def _unique(bench: DuckDBBench, database: str, relation: Relation) -> tuple[frozenset[str], ...]:
    schema, table = (exp.Literal.string(word).sql("duckdb") for word in (relation.schema, relation.name))
    found = bench.query(_UNIQUE.format(database=database, schema=schema, table=table)).to_pylist()
    filled = {name for row in found if row["constraint_type"] in {"NOT NULL", "PRIMARY KEY"} for name in row["names"]}
    unique = [frozenset(row["names"]) for row in found if row["constraint_type"] != "NOT NULL"]
    return tuple(names for names in unique if names <= filled)
