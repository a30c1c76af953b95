"""What a check of a whole project file is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lockgate.config.shape import ProjectShape
from lockgate.config.yaml_positions import Document, KeyPath


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a path, and what to do about it."""

    path: KeyPath
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A project file: in its shape, without what the shape refused, and as it was written."""

    shape: ProjectShape
    document: Document
    folder: Path

    def names(self, *path: str) -> tuple[str, ...]:
        """The keys written at a path, also those whose values were refused."""
        value = self.document.data
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return tuple(value) if isinstance(value, dict) else ()

    def default_target(self) -> str:
        """The first target that was written; `main` where there is none."""
        return next(iter(self.names("targets")), "main")


Check = Callable[[Declared], Iterator[Finding]]
