"""What was found in somebody's files or database before there was a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate.core.relation import Column


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, under the name its source gives it.

    `key` are columns that no two of its `rows` have in common and that none lacks; empty where no few columns do so.
    `options` are those of a stream of the source's kind.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: int
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundSource:
    """Where tables were found. `options` are those of a source of its kind; `secrets` the values they refer to."""

    name: str
    kind: str
    tables: tuple[FoundTable, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
