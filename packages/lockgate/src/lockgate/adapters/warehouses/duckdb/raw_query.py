"""The query that shows the pinned loads of a stream's log in DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.duckdb.engine import parquet
from lockgate.adapters.warehouses.folder.raw_log import SYSTEM, Entry, columns_of, pinned
from lockgate.core.load import Pin
from lockgate.core.relation import Column
from lockgate.core.sql import column, sql_type

if TYPE_CHECKING:
    from sqlglot import exp


def raw_query(log: tuple[Entry, ...], pin: Pin | None, place: Callable[[Path], Path]) -> exp.Expression:
    """The rows of the pinned loads, in the columns of the whole log; `place` says where a file is to be read."""
    from sqlglot import exp

    columns = (*SYSTEM, *columns_of(log))
    shown = [entry for entry in pinned(log, pin) if entry.files]
    if not shown:
        return exp.select(*[_value(one, present=False) for one in columns]).where(exp.false())
    present = {one.name for entry in shown for one in (*SYSTEM, *entry.columns)}
    files = [place(file) for entry in shown for file in entry.files]
    mixed = len({entry.columns for entry in shown}) > 1
    source = parquet(files, union_by_name=True) if mixed else parquet(files)
    return exp.select(*[_value(one, present=one.name in present) for one in columns]).from_(source)


def _value(one: Column, *, present: bool) -> exp.Expr:
    from sqlglot import exp

    return exp.alias_(exp.cast(column(one.name) if present else exp.null(), sql_type(one.type)), one.name, quoted=True)
