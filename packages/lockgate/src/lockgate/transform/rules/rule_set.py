"""What a rule set says, as it was written: where rows come from, what happens to them in order, what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from lockgate.core.relation import Relation
from lockgate.core.types import ColumnType
from lockgate.errors import Problem

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a project's files."""

    file: str
    line: int

    def problem(self, message: str, remedy: str = "", *, below: int = 0) -> Problem:
        """A problem here, or `below` lines further down."""
        return Problem(message, self.file, self.line + below, remedy)


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL text in the rules' own subset of PostgreSQL's, not yet read."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Value:
    """A plain value from the file; text is read as the type of the column it is put in."""

    value: Scalar
    place: Place


@dataclass(frozen=True, slots=True)
class Order:
    """One column to order by. NULLs come last unless the file says otherwise, also downwards."""

    column: str
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class EntityRows:
    """The rows of another entity's rule set: its output, or everything that stands after the rule `after`."""

    entity: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """Columns that go by another name from here on: (from, to)."""

    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CastColumn:
    """One column to be read as another type; `formats` are tried in turn (dates and timestamps)."""

    column: str
    type: ColumnType
    formats: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """Columns that become another type; a row with a value that cannot be read is rejected."""

    columns: tuple[CastColumn, ...]


@dataclass(frozen=True, slots=True)
class Derive:
    """Columns made or replaced by expressions, each seeing those before it."""

    columns: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class MapLookup:
    """A column filled from another by a mapping in the file; `default` where no key is equal, and for NULL."""

    on: str
    take: str
    entries: tuple[tuple[Scalar, Scalar], ...]
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class RowLookup:
    """Columns taken from the one row of another relation whose columns equal ours.

    `on` pairs our column with theirs, `take` names the column here and theirs. Where several rows match, the first
    by `order` is taken, ties broken by the values taken. `defaults` stand where no row matches.
    """

    rows: Relation | EntityRows
    on: tuple[tuple[str, str], ...]
    take: tuple[tuple[str, str], ...]
    order: tuple[Order, ...] = ()
    defaults: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Default:
    """What stands in columns where they are NULL."""

    columns: tuple[tuple[str, Value | Expression], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Only rows for which this is true go on; the others are put aside without being wrong."""

    where: Expression


@dataclass(frozen=True, slots=True)
class Validate:
    """Rows for which this is false are rejected; NULL passes, as in SQL's CHECK."""

    that: Expression
    reason: str


@dataclass(frozen=True, slots=True)
class Deduplicate:
    """Of the rows with equal, non-NULL keys the first by `order` goes on."""

    key: tuple[str, ...]
    order: tuple[Order, ...]


Action: TypeAlias = Rename | Cast | Derive | MapLookup | RowLookup | Default | Filter | Validate | Deduplicate


@dataclass(frozen=True, slots=True)
class Rule:
    """One named step."""

    name: str
    action: Action
    place: Place

    @property
    def kind(self) -> str:
        """The rule's kind, under the key that it has in the file."""
        return _KINDS[type(self.action)]


_KINDS: dict[type, str] = {
    Rename: "rename",
    Cast: "cast",
    Derive: "derive",
    MapLookup: "lookup",
    RowLookup: "lookup",
    Default: "default",
    Filter: "filter",
    Validate: "validate",
    Deduplicate: "deduplicate",
}


class Outcome(StrEnum):
    """What became of an input row."""

    OK = "ok"
    REJECTED = "rejected"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class GivenRows:
    """The rows that a case puts into one relation."""

    relation: Relation
    rows: tuple[tuple[tuple[str, Scalar], ...], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """An example that `lockgate rules test` runs: rows that go in, rows and rejections that come out, in any order.

    Expected rows name the columns they care for. A rejection names the rule or the reason, and may name more columns.
    """

    name: str
    given: tuple[GivenRows, ...]
    rows: tuple[tuple[tuple[str, Scalar], ...], ...]
    rejected: tuple[tuple[tuple[str, Scalar], ...], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An entity's rules, in order; `source` is where its rows come from.

    `revision` tells apart rule sets that Python would call equal (1 and true are): a hash of what was read.
    """

    entity: str
    source: Relation
    rules: tuple[Rule, ...]
    output: tuple[str, ...]
    place: Place
    output_place: Place
    cases: tuple[Case, ...] = ()
    revision: str = ""

    def entities(self) -> tuple[str, ...]:
        """The other entities whose rule sets this one looks up, each once."""
        looked_up = (rule.action.rows for rule in self.rules if isinstance(rule.action, RowLookup))
        return tuple(dict.fromkeys(rows.entity for rows in looked_up if isinstance(rows, EntityRows)))

    def relations(self) -> tuple[Relation, ...]:
        """The relations that this rule set itself reads, each once."""
        looked_up = (rule.action.rows for rule in self.rules if isinstance(rule.action, RowLookup))
        return tuple(dict.fromkeys([self.source, *(rows for rows in looked_up if isinstance(rows, Relation))]))
