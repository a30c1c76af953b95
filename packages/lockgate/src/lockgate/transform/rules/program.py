"""A rule set after checking: a list of typed steps in which every version of a column has a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from lockgate.core.relation import Column, Relation
from lockgate.transform.rules.language.typed import Ref, Typed
from lockgate.transform.rules.rule_set import Order, Outcome, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Catalog:
    """What rule sets are checked against: the columns of raw relations, and the project's other rule sets."""

    relations: tuple[tuple[Relation, tuple[Column, ...]], ...]
    rule_sets: tuple[RuleSet, ...] = ()

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        """The relation's columns; None where it is unknown."""
        return dict(self.relations).get(relation)

    def rule_set(self, entity: str) -> RuleSet | None:
        """The rule set of an entity; None where it has none."""
        return next((rule_set for rule_set in self.rule_sets if rule_set.entity == entity), None)


@dataclass(frozen=True, slots=True)
class Assign:
    """A new version of a column, made by a rule."""

    name: str
    value: Typed
    rule: str


@dataclass(frozen=True, slots=True)
class End:
    """Rows for which `condition` is true end here, if they have not ended before; `code` counts endings from 1."""

    code: int
    condition: Typed


@dataclass(frozen=True, slots=True)
class Rank:
    """Of the rows still going on, those that come after another with the same, non-NULL key end here.

    `order` ends with every other column that is needed later, so that which row goes on never depends on how rows came.
    """

    code: int
    key: tuple[Ref, ...]
    order: tuple[tuple[Ref, Order], ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Columns from the one matching row of another relation; `matched` is not NULL where there is one.

    `on` pairs our column with theirs; `take` and `order` name theirs. `rows` is a raw relation, or a point in
    another program. `is_unique`: their columns in `on` are known to be a key.
    """

    name: str
    rows: Relation | Tap
    on: tuple[tuple[Ref, Ref], ...]
    take: tuple[tuple[str, Ref], ...]
    order: tuple[tuple[Ref, Order], ...]
    matched: str
    is_unique: bool


Step: TypeAlias = Assign | End | Rank | Join


@dataclass(frozen=True, slots=True)
class Ending:
    """Why rows with one code ended."""

    code: int
    rule: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """A rule that may put other values into columns that were there; `bit` counts from 0 over the whole program.

    `after_code` is the last code given before it: rows that ended with it, or with an earlier one, were not changed.
    """

    bit: int
    rule: str
    condition: Typed
    after_code: int


@dataclass(frozen=True, slots=True)
class Stand:
    """How things stand after a rule: the columns by their names, the last code given, the key that is unique."""

    rule: Rule
    scope: Mapping[str, Ref]
    code: int
    key: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Tap:
    """The rows of another program that are going on at one point of it."""

    program: Program
    code: int


@dataclass(frozen=True, slots=True)
class Program:
    """One entity's rules, checked. `positions` are the source's own columns that say where a row came from."""

    rule_set: RuleSet
    source: tuple[Ref, ...]
    positions: tuple[Ref, ...]
    steps: tuple[Step, ...]
    endings: tuple[Ending, ...]
    changes: tuple[Change, ...]
    stands: tuple[Stand, ...]
    output: tuple[tuple[str, Ref], ...]
