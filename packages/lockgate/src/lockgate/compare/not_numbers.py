"""Decimals that are NaN: PostgreSQL has them in every decimal type, the bench in none, where they stay text."""

from __future__ import annotations

from dataclasses import replace

from lockgate.compare.carry import BENCH
from lockgate.compare.scope import quoted
from lockgate.core.comparison import ComparedColumn
from lockgate.core.ports import Side
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import StatementFailed


def with_nan(side: Side) -> Side:
    """The side with decimals of no fixed size where a column holds NaN; the same side where none does."""
    bounded = [one for one in side.columns if one.type.kind is Kind.NUMERIC and one.type.precision is not None]
    if side.engine.dialect == BENCH or not bounded:
        return side
    counts = [f"count(case when {quoted(one.name, side)} = 'NaN' then 1 end) as n{n}" for n, one in enumerate(bounded)]
    try:
        (row,) = side.engine.query(f"select {', '.join(counts)} from {side.source}").to_pylist()
    except StatementFailed:
        return side
    names = {one.name for one, many in zip(bounded, row.values(), strict=True) if many}
    return replace(side, columns=tuple(_unbounded(one) if one.name in names else one for one in side.columns))


def _unbounded(column: ComparedColumn) -> ComparedColumn:
    return replace(column, type=ColumnType(Kind.NUMERIC))
