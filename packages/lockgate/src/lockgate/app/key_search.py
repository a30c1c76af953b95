"""Which columns of two relations look like their key, for whoever named none."""

from __future__ import annotations

from sqlglot import exp

from lockgate.adapters.discover.counting import SqlCounter
from lockgate.adapters.discover.keys import find_key
from lockgate.core.ports import Side
from lockgate.core.relation import Column
from lockgate.errors import ComparisonInvalid

LOOKED_AT_ROWS = 100_000


def missing_key(left: Side, right: Side) -> ComparisonInvalid:
    """The error for a comparison without a key; its remedy names the columns that identify the left's first rows."""
    key = _likely_key(left, right)
    if key:
        hint = f"`--key {','.join(key)}` would do: no two rows of {left.name} that were looked at agree in it."
    else:
        shared = ", ".join(column.name for column in _shared(left, right)) or "none"
        hint = f"Name the columns that make a row one row: --key a,b. Both sides have {shared}."
    return ComparisonInvalid("no key was named", hint=hint, key=key)


def _likely_key(left: Side, right: Side) -> tuple[str, ...]:
    relation = exp.maybe_parse(left.source, into=exp.Table, dialect=left.engine.dialect)
    first = exp.select("*").from_(relation).limit(LOOKED_AT_ROWS).subquery("looked_at")
    counter = SqlCounter(first, left.engine.dialect, lambda query: _row(left, query))
    return find_key(_shared(left, right), counter)


def _row(side: Side, query: str) -> tuple[object, ...]:
    return tuple(column[0].as_py() for column in side.engine.query(query).columns)


def _shared(left: Side, right: Side) -> tuple[Column, ...]:
    there = {column.name for column in right.columns}
    return tuple(Column(column.name, column.type) for column in left.columns if column.name in there)
