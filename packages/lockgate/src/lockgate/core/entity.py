"""Entities: what transformation produces, by which implementations, served where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from lockgate.core.comparison import ColumnRule, ExpectedDifference
from lockgate.core.nearness import did_you_mean
from lockgate.core.relation import Contract, Relation
from lockgate.core.route import Stage
from lockgate.errors import UnknownName


class Engine(StrEnum):
    """What kind of program an implementation is."""

    RULES = "rules"
    DBT = "dbt"


class DbtExecutionMode(StrEnum):
    """Where dbt runs."""

    LOCAL = "local"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    CLOUD = "cloud"
    SPARK = "spark"


@dataclass(frozen=True, slots=True)
class Implementation:
    """A named way to produce an entity.

    `path` is the rule set's file, or the dbt project's folder; `model` the dbt model that is the output. With
    `git_revision` its files are those of that branch, tag or commit, whatever the working tree has. `is_online` says
    whether a model must answer records, or never does; where it says nothing, the model does if it can.
    """

    name: str
    engine: Engine
    path: Path
    model: str = ""
    executor: DbtExecutionMode = DbtExecutionMode.LOCAL
    timeout: timedelta = timedelta(minutes=30)
    vars: Mapping[str, object] = field(default_factory=dict)
    git_revision: str = ""
    is_online: bool | None = None


@dataclass(frozen=True, slots=True)
class RouteDeclaration:
    """The route as the project file states it; a stored route goes before it."""

    incumbent: str
    candidate: str | None = None
    gates: tuple[str, ...] = ()
    stage: Stage = Stage.OFF
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class ComparisonDeclaration:
    """How an entity's implementations are held against each other, and which differences were agreed on."""

    rules: Mapping[str, ColumnRule] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    expected: tuple[ExpectedDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityDeclaration:
    """Whether an entity's editions are measured, which key metrics of them, and the days that are unlike others.

    `metrics` are SQL expressions over the contract's columns, by name.
    """

    is_measured: bool = True
    metrics: Mapping[str, str] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Entity:
    """A business thing with a key and a contract.

    Entities of one `group` move together, by the bucket of the column `bucket_by`; both are empty where they do not.
    """

    name: str
    contract: Contract
    target: str
    schema: str
    implementations: Mapping[str, Implementation]
    route: RouteDeclaration
    group: str = ""
    bucket_by: str = ""
    dbt_enabled: bool = True
    comparison: ComparisonDeclaration = ComparisonDeclaration()
    quality: QualityDeclaration = QualityDeclaration()

    def implementation(self, name: str) -> Implementation:
        """The implementation of that name.

        Raises:
            UnknownName: there is none, with the nearest one.
        """
        if name not in self.implementations:
            known = ", ".join(self.implementations)
            message = f"{self.name} has no implementation {name!r}; it has {known}"
            raise UnknownName(message, hint=did_you_mean(name, self.implementations), name=name)
        return self.implementations[name]

    @property
    def served(self) -> Relation:
        """The view that consumers read."""
        return Relation(self.schema, self.name)

    def workshop(self, implementation: str) -> str:
        """The schema that only this implementation builds in."""
        return workshop_name(self.schema, implementation)


def workshop_name(schema: str, implementation: str) -> str:
    """The schema in which the implementations of that name build what `schema` serves."""
    return f"{schema}__{implementation}"
