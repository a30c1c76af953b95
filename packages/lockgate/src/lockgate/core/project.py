"""A project: everything one `lockgate.yml` declares, checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockgate.core.cost import NO_PRICES, Prices
from lockgate.core.entity import DbtExecutionMode, Entity
from lockgate.core.executor import ExecutorDeclaration
from lockgate.core.flow import FlowDeclaration, RuntimeDeclaration
from lockgate.core.gate import GateDeclaration
from lockgate.core.lineage_event import EventsDeclaration
from lockgate.core.notice import NotificationDeclaration
from lockgate.core.policy import Policy
from lockgate.core.relation import Relation
from lockgate.core.stream import Source, Stream
from lockgate.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Target:
    """A named warehouse connection; `url` and other secrets stay references until they are used."""

    name: str
    kind: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """What one project file declares under one name; paths are absolute, relative ones were below `folder`."""

    name: str
    folder: Path
    targets: Mapping[str, Target]
    sources: Mapping[str, Source]
    entities: Mapping[str, Entity]
    default_target: str
    gates: Mapping[str, GateDeclaration] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    flows: Mapping[str, FlowDeclaration] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    runtimes: Mapping[str, RuntimeDeclaration] = field(default_factory=dict)
    executors: Mapping[DbtExecutionMode, ExecutorDeclaration] = field(default_factory=dict)
    dbt_enabled: bool = True
    notifications: Mapping[str, NotificationDeclaration] = field(default_factory=dict)
    lineage_events: EventsDeclaration | None = None
    prices: Prices = NO_PRICES

    def at_target(self, name: str) -> Project:
        """The same project with another default target; entities served by the old one follow.

        Raises:
            UnknownName: the project declares no such target.
        """
        if name not in self.targets:
            known = ", ".join(self.targets)
            raise UnknownName(f"there is no target {name!r}; the project declares {known}", name=name)
        moved = {
            key: replace(entity, target=name) if entity.target == self.default_target else entity
            for key, entity in self.entities.items()
        }
        return replace(self, entities=moved, default_target=name)

    def streams(self) -> tuple[tuple[Source, Stream], ...]:
        """Every stream with its source, in the order of the file."""
        return tuple((source, stream) for source in self.sources.values() for stream in source.streams)

    def relations(self) -> tuple[Relation, ...]:
        """Every raw relation that implementations may read."""
        return tuple(source.relation(stream) for source, stream in self.streams())
