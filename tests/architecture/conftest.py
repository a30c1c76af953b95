"""The sources as the shape tests see them: every module of the packages and solutions, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One Python module: where it lies under the root, its text and its syntax tree."""

    name: str
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        return self.name


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every module that ships, in a stable order; generated dbt and migration files count too."""
    found = sorted(path for room in ("packages", "solutions") for path in (ROOT / room).glob("*/src/**/*.py"))
    return [_parsed(path) for path in found]


def _parsed(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(name=str(path.relative_to(ROOT)), text=text, tree=ast.parse(text))
