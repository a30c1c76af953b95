"""A dbt graph as dbt compiled it: the SQL of each node, and what stands in the way of answering records by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lockgate.core.relation import Relation


class CompiledKind(StrEnum):
    """What a node is, in dbt's words."""

    MODEL = "model"
    SEED = "seed"
    SNAPSHOT = "snapshot"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class CompiledNode:
    """One node, compiled as for a full refresh; ephemeral models are inside the SQL of those that read them.

    `name` is dbt's id of it, and `relation` is how the SQL of others names it. `sql` is empty where dbt has none. With
    `columns`, an enforced contract casts its output to these types, which are written in the target's dialect.
    `has_hooks` says that statements of its own run before or after it, `has_asked` that compiling it asked the
    database something, so that the answer is in its SQL. `invocation` has the names of what its templates, or macros
    that they call, take from the invocation: an id, a moment, the machine's clock.
    """

    name: str
    kind: CompiledKind
    relation: Relation
    sql: str = ""
    columns: Mapping[str, str] | None = None
    parents: tuple[str, ...] = ()
    materialized: str = ""
    language: str = "sql"
    has_hooks: bool = False
    has_asked: bool = False
    invocation: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class CompiledGraph:
    """A model and all that it stands on, by their names; `dialect` is that of the SQL, in sqlglot's words."""

    model: str
    nodes: Mapping[str, CompiledNode]
    dialect: str


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A model's SQL as dbt compiled it, and as it was read and `written` again, which is what runs for records.

    Others read its rows by `relation`; with `columns`, as a node's are, in these types.
    """

    relation: Relation
    sql: str
    written: str
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an engine does not run a query for records, and what helps."""

    reason: str
    remedy: str
