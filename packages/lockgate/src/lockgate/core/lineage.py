"""What columns come from: nodes that are traced, what was found of each, and what could not be resolved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Reading(StrEnum):
    """How a column takes part in another: its value goes in, or it decides which rows are there.

    `FILTER` is WHERE, HAVING, QUALIFY and the other side of EXCEPT and INTERSECT; `ORDER` is ORDER BY with a limit.
    """

    DIRECT = "direct"
    FILTER = "filter"
    JOIN = "join"
    GROUP = "group"
    ORDER = "order"
    DISTINCT = "distinct"


class NodeKind(StrEnum):
    """What a node of the graph is; dbt's words where dbt has one."""

    SOURCE = "source"
    SEED = "seed"
    MODEL = "model"
    SNAPSHOT = "snapshot"
    TEST = "test"
    EXPOSURE = "exposure"
    METRIC = "metric"
    STREAM = "stream"
    RULES = "rules"
    SERVED = "served"
    OTHER = "other"


class ColumnRef(NamedTuple):
    """A column of a node; without a column's name, something that reads columns and has none itself."""

    node: str
    column: str

    def __str__(self) -> str:
        return f"{self.node}.{self.column}" if self.column else self.node


class Influence(NamedTuple):
    """A column, and how it decides about rows."""

    column: ColumnRef
    reading: Reading


class Read(NamedTuple):
    """One edge between columns."""

    source: ColumnRef
    target: ColumnRef
    reading: Reading


@dataclass(frozen=True, slots=True)
class LineageNode:
    """Something with columns, or something that reads them.

    `relation` is what SQL calls it, from database to name, empty where nothing can read it. `columns` are those that
    are declared of it; `is_complete` says that there are no others, and that these are their names to the letter.
    `sql` is the query that makes it, empty where there is none; then `why_unread` says what is in the way, if anything
    is. `added` are columns that come to those of the query without being read from anywhere, as a snapshot's times.
    `materialized` is how dbt keeps it, '' for what dbt does not build; `attached_to` is what a test was declared for.
    """

    name: str
    kind: NodeKind
    relation: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    is_complete: bool = False
    sql: str = ""
    parents: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    why_unread: str = ""
    file: str = ""
    dialect: str = ""
    materialized: str = ""
    attached_to: str = ""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Something whose origin is not known, and why; `line` and `position` in the compiled SQL, 0 where unknown."""

    node: str
    column: str
    reason: str
    line: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What one output column is made of; `indirect` is what decides about it alone, as a filter in a subquery does."""

    name: str
    direct: tuple[ColumnRef, ...]
    indirect: tuple[Influence, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A relation of which all columns go through a star, but for the `hidden` ones, and not all are known.

    Without a `node` it is a function's output; or, with `why`, something of which no column's origin can be told.
    """

    node: str
    hidden: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """What was found of a query: its output columns in order, and `rows`: what decides about all of them.

    Columns beyond those named may come by the `passages`; where there are none, no others exist.
    """

    columns: tuple[ColumnLineage, ...] = ()
    rows: tuple[Influence, ...] = ()
    passages: tuple[Passage, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
