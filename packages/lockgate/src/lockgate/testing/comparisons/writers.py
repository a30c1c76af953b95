"""Writers that put a typed table into an engine, as a user of that engine would have it, and name it as a reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sqlglot import exp

from lockgate.testing.comparisons.cell import Cell, Engine, TypedTable

_DUCKDB_TYPES = {"bytea": "blob", "double precision": "double"}
_POSTGRES_TYPES = {"json": "jsonb"}
# Values that stand in quotes in a CSV file, so that NULL is not ''.
_QUOTED = ("text", "char")


def place(cells: tuple[Cell, ...], folder: Path, postgres_url: str) -> dict[tuple[str, str, Engine], str]:
    """Puts both tables of each cell into every engine that can have them: references by cell, side and engine."""
    found: dict[tuple[str, str, Engine], str] = {}
    for engine in Engine:
        tables = {
            (cell.name, side): table
            for cell in cells
            if cell.is_for(engine)
            for side, table in (("left", cell.left), ("right", cell.right))
        }
        named = {f"{name}_{side}": table for (name, side), table in tables.items()}
        written = _write(engine, named, folder, postgres_url)
        found |= {(name, side, engine): written[f"{name}_{side}"] for name, side in tables}
    return found


def place_tables(tables: Mapping[str, tuple[TypedTable, Engine]], folder: Path, postgres_url: str) -> dict[str, str]:
    """Puts each table into its engine: references by name."""
    found: dict[str, str] = {}
    for engine in Engine:
        mine = {name: table for name, (table, where) in tables.items() if where is engine}
        found |= _write(engine, mine, folder, postgres_url) if mine else {}
    return found


def _write(engine: Engine, tables: Mapping[str, TypedTable], folder: Path, postgres_url: str) -> dict[str, str]:
    if engine is Engine.DUCKDB:
        return write_duckdb(tables, folder / "tables.duckdb")
    if engine is Engine.POSTGRES:
        return write_postgres(tables, postgres_url)
    return write_parquet(tables, folder) if engine is Engine.PARQUET else write_csv(tables, folder)


def write_duckdb(tables: Mapping[str, TypedTable], database: Path) -> dict[str, str]:
    """Tables of a new DuckDB database."""
    import duckdb

    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.execute(f"create table {quoted(name)} as {rows_sql(table, Engine.DUCKDB)}")
    return {name: f"{database}::main.{quoted(name)}" for name in tables}


def write_parquet(tables: Mapping[str, TypedTable], folder: Path) -> dict[str, str]:
    """One Parquet file a table."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.execute(f"copy ({rows_sql(table, Engine.DUCKDB)}) to {literal(str(folder / f'{name}.parquet'))}")
    return {name: str(folder / f"{name}.parquet") for name in tables}


def write_csv(tables: Mapping[str, TypedTable], folder: Path) -> dict[str, str]:
    """One CSV file a table: NULL is nothing between two commas, text stands in quotes."""
    for name, table in tables.items():
        lines = [",".join(map(_in_quotes, table.columns))]
        types = list(table.columns.values())
        lines += [",".join(_csv_value(one, type_) for one, type_ in zip(row, types, strict=True)) for row in table.rows]
        (folder / f"{name}.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    return {name: str(folder / f"{name}.csv") for name in tables}


def write_postgres(tables: Mapping[str, TypedTable], url: str) -> dict[str, str]:
    """Tables in the schema `public` of a PostgreSQL database."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            columns = ", ".join(f"{quoted(one)} {_POSTGRES_TYPES.get(t, t)}" for one, t in table.columns.items())
            connection.execute(f"drop table if exists {quoted(name)}".encode())
            connection.execute(f"create table {quoted(name)} ({columns})".encode())
            connection.execute(f"insert into {quoted(name)} {rows_sql(table, Engine.POSTGRES)}".encode())
    return {name: f"{url}::public.{quoted(name)}" for name in tables}


def rows_sql(table: TypedTable, engine: Engine) -> str:
    """A query for the rows of a table, in the engine's SQL."""
    types = [_native(type_, engine) for type_ in table.columns.values()]
    named = ", ".join(quoted(name) for name in table.columns)
    rows = [", ".join(_sql(one, t, engine) for one, t in zip(row, types, strict=True)) for row in table.rows]
    if not rows:
        nothing = ", ".join(f"cast(null as {type_})" for type_ in types)
        return f"select * from (values ({nothing})) as rows({named}) where false"
    return f"select * from (values {', '.join(f'({row})' for row in rows)}) as rows({named})"


def quoted(name: str) -> str:
    """A name as both engines read it."""
    return exp.to_identifier(name, quoted=True).sql()


def literal(text: str) -> str:
    """A text as both engines read it."""
    return exp.Literal.string(text).sql("duckdb")


def _native(type_: str, engine: Engine) -> str:
    return (_POSTGRES_TYPES if engine is Engine.POSTGRES else _DUCKDB_TYPES).get(type_, type_)


def _sql(value: str | None, type_: str, engine: Engine) -> str:
    if value is not None and type_ == "blob":
        return f"unhex({literal(value.removeprefix(chr(92) + 'x'))})"
    if value is not None and type_.endswith("[]") and engine is Engine.POSTGRES:
        elements = ", ".join("null" if one is None else literal(str(one)) for one in json.loads(value))
        return f"cast(array[{elements}] as {type_})"
    return f"cast({'null' if value is None else literal(value)} as {type_})"


def _csv_value(value: str | None, type_: str) -> str:
    if value is None:
        return ""
    return _in_quotes(value) if type_.startswith(_QUOTED) else value


def _in_quotes(text: str) -> str:
    escaped = text.replace('"', '""')
    return f'"{escaped}"'
