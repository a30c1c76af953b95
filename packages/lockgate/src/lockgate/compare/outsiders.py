"""Values that types of PostgreSQL have and the bench's have not: NaN among decimals, years past 294246.

Columns with such values come as text.
"""

from __future__ import annotations

from dataclasses import replace

from lockgate.compare.carry import BENCH
from lockgate.compare.scope import quoted
from lockgate.core.comparison import ComparedColumn
from lockgate.core.ports import Side
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import StatementFailed

_LATE = "{x} >= '294247-01-01' and {x} < 'infinity'"
_OUTSIDE = {Kind.NUMERIC: "{x} = 'NaN'", Kind.TIMESTAMP: _LATE, Kind.TIMESTAMPTZ: _LATE}
_TRAVELS_AS = {Kind.NUMERIC: Kind.NUMERIC, Kind.TIMESTAMP: Kind.TEXT, Kind.TIMESTAMPTZ: Kind.TEXT}


def with_outsiders(side: Side) -> Side:
    """The side with types that hold every value of its columns; the same side where they all do."""
    suspects = [one for one in side.columns if _TRAVELS_AS.get(one.type.kind) and one.type != ColumnType(Kind.NUMERIC)]
    if side.engine.dialect == BENCH or not suspects:
        return side
    conditions = [_OUTSIDE[one.type.kind].format(x=quoted(one.name, side)) for one in suspects]
    counts = [f"count(case when {each} then 1 end) as n{n}" for n, each in enumerate(conditions)]
    try:
        (row,) = side.engine.query(f"select {', '.join(counts)} from {side.source}").to_pylist()
    except StatementFailed:
        return side
    names = {one.name for one, many in zip(suspects, row.values(), strict=True) if many}
    return replace(side, columns=tuple(_unbounded(one) if one.name in names else one for one in side.columns))


def _unbounded(column: ComparedColumn) -> ComparedColumn:
    return replace(column, type=ColumnType(_TRAVELS_AS[column.type.kind]))
