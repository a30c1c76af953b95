"""Names as DuckDB's SQL quotes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.core.relation import Relation


def identifier(*names: str) -> str:
    """A quoted, dotted name."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def relation_name(relation: Relation) -> str:
    """A relation's quoted name."""
    return identifier(relation.schema, relation.name)
