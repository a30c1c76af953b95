"""A dbt project as nodes for lineage: its models with the SQL that dbt renders them to, and all that dbt connects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.rendering import RENDERED
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.errors import DbtFailed

_KINDS = {
    "model": NodeKind.MODEL,
    "seed": NodeKind.SEED,
    "snapshot": NodeKind.SNAPSHOT,
    "source": NodeKind.SOURCE,
    "test": NodeKind.TEST,
    "unit_test": NodeKind.TEST,
    "exposure": NodeKind.EXPOSURE,
    "metric": NodeKind.METRIC,
}


@dataclass(frozen=True, slots=True)
class RenderedProject:
    """The nodes of a project, and the packages that it names and that are not installed."""

    nodes: tuple[LineageNode, ...]
    packages: tuple[str, ...]


def rendered_project(folder: Path, dialect: str) -> RenderedProject:
    """What the process that rendered a project left in its folder.

    Raises:
        DbtFailed: it left nothing that can be read.
    """
    try:
        document = json.loads((folder / RENDERED).read_text(encoding="utf-8"))
        nodes = tuple(_node(facts, dialect) for facts in document["nodes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DbtFailed("dbt rendered the project, and left nothing that can be read") from error
    return RenderedProject(nodes, tuple(map(str, document["packages"])))


def _node(facts: Mapping[str, Any], dialect: str) -> LineageNode:
    return LineageNode(
        name=facts["name"],
        kind=_KINDS.get(facts["kind"], NodeKind.OTHER),
        relation=tuple(facts["relation"]),
        columns=tuple(facts["header"] or facts["columns"]),
        is_complete=bool(facts["header"]),
        sql=facts.get("sql", ""),
        parents=tuple(facts["parents"]),
        added=tuple(facts["added"]),
        why_unread=facts.get("why_unread", ""),
        file=facts["file"],
        dialect=dialect,
        materialized=facts["materialized"],
        attached_to=facts["attached_to"],
    )
