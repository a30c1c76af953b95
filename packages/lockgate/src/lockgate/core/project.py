"""A project: everything one `lockgate.yml` declares, checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lockgate.core.entity import Entity
from lockgate.core.relation import Relation
from lockgate.core.stream import Source, Stream


@dataclass(frozen=True, slots=True)
class Target:
    """A named warehouse connection; `url` and other secrets stay references until they are used."""

    name: str
    kind: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """Targets, sources and entities under one name; paths are absolute below `folder`."""

    name: str
    folder: Path
    targets: Mapping[str, Target]
    sources: Mapping[str, Source]
    entities: Mapping[str, Entity]
    default_target: str

    def streams(self) -> tuple[tuple[Source, Stream], ...]:
        """Every stream with its source, in the order of the file."""
        return tuple((source, stream) for source in self.sources.values() for stream in source.streams)

    def relations(self) -> tuple[Relation, ...]:
        """Every raw relation that implementations may read."""
        return tuple(source.relation(stream) for source, stream in self.streams())
