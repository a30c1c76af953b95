"""Which columns a package is staged with, of which types, and what the stream's policy says about new ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lockgate.adapters.staging.content import TEXT, Content
from lockgate.core.ports import StagingOrder
from lockgate.core.relation import Column
from lockgate.core.stream import LOAD_ID_COLUMN, POSITION_COLUMN, NewColumnPolicy
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ContractBroken

_BIGINT, _DOUBLE = ColumnType(Kind.BIGINT), ColumnType(Kind.DOUBLE)
MOST_COLUMNS = 1500
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Planned:
    """A column to stage. `untyped`: all its values are NULL as far as is known; `loose`: its type was only inferred."""

    column: Column
    loose: bool = False
    untyped: bool = False
    unwanted: bool = False


def planned(order: StagingOrder, content: Content, *, whole: bool) -> tuple[Planned, ...]:
    """The columns of the package: those of the stream, then those seen before in the load, then new ones.

    `whole` looks at every record, and then no type is loose. A column is `unwanted` where rows that have it are to be
    rejected.

    Raises:
        ContractBroken: the stream's columns are frozen and there are others, or a name cannot stand in a target.
    """
    stream = order.stream
    firm = [Planned(column) for column in stream.columns]
    known = {column.name for column in stream.columns}
    new = [name for name in content.names if name not in known]
    _refuse_names([*(column.name for column in (*stream.columns, *order.seen)), *new])
    if stream.on_new_column is NewColumnPolicy.DISCARD_ROW:
        return (*firm, *(Planned(Column(name, TEXT), unwanted=True) for name in new))
    if stream.on_new_column is NewColumnPolicy.DISCARD_VALUE or not (new or order.seen):
        return tuple(firm)
    if stream.on_new_column is NewColumnPolicy.FREEZE:
        raise ContractBroken(f"{stream.name} has new columns: {', '.join(new)}", columns=tuple(new))
    seen = {column.name: column for column in order.seen if column.name not in known}
    wanted = [name for name in new if _is_open(seen.get(name))]
    inferred = content.infer(wanted, whole=whole, counted=seen.keys())
    names = dict.fromkeys((*seen, *new))
    return (*firm, *(_new(name, seen.get(name), inferred.get(name), whole=whole) for name in names))


def _is_open(seen: Column | None) -> bool:
    """Whether the package may still say something about the type."""
    return seen is None or seen.type == _BIGINT


def _new(name: str, seen: Column | None, inferred: ColumnType | None, *, whole: bool) -> Planned:
    """A column that nobody declared and that is not landed yet."""
    if seen is not None:
        wider = inferred == _DOUBLE and seen.type == _BIGINT
        return Planned(Column(name, _DOUBLE) if wider else seen, loose=_is_open(seen) and not whole)
    if inferred is None:
        return Planned(Column(name, TEXT), loose=not whole, untyped=True)
    return Planned(Column(name, inferred), loose=not whole and inferred.kind is not Kind.TEXT)


def _refuse_names(names: Sequence[str]) -> None:
    """Refuses what the targets would cut, confuse or not take."""
    for name in names:
        if not name or len(name.encode()) > LONGEST_NAME or "\0" in name:
            raise ContractBroken(f"a column's name is empty or longer than {LONGEST_NAME} bytes: {name[:80]!r}")
    if reserved := {LOAD_ID_COLUMN, POSITION_COLUMN} & {name.lower() for name in names}:
        raise ContractBroken(f"the source has a column {min(reserved)!r}, a name that Lockgate needs for itself")
    if pair := _confusable(dict.fromkeys(names)):
        raise ContractBroken(f"columns {pair[0]!r} and {pair[1]!r} differ by case only")
    if len(set(names)) > MOST_COLUMNS:
        raise ContractBroken(f"there are {len(set(names))} columns; a target takes {MOST_COLUMNS}")


def _confusable(names: Iterable[str]) -> tuple[str, str] | None:
    found: dict[str, str] = {}
    for name in names:
        if (other := found.setdefault(name.lower(), name)) != name:
            return other, name
    return None
