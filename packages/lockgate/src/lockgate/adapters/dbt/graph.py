"""A compiled dbt graph as the process that compiled it left it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.compiling import COMPILED
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Relation
from lockgate.errors import CapabilityMissing, DbtFailed


def compiled_graph(folder: Path, dialect: str) -> CompiledGraph:
    """What dbt compiled, from the file that it left in a folder.

    Raises:
        CapabilityMissing: a node reads what is neither model, seed, snapshot nor source.
        DbtFailed: there is nothing that can be read.
    """
    try:
        document = json.loads((folder / COMPILED).read_text(encoding="utf-8"))
        nodes = {facts["name"]: _node(facts) for facts in document["nodes"]}
        graph = CompiledGraph(str(document["model"]), nodes, dialect)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DbtFailed("dbt compiled the model, and left nothing that can be read") from error
    for node in nodes.values():
        others = [name for name in node.parents if name not in nodes]
        if others:
            hint = "Write what it does into the model's SQL."
            message = f"{node.name} stands on {', '.join(others)}, which is no model, seed, snapshot or source"
            raise CapabilityMissing(message, hint=hint, nodes=tuple(others))
    return graph


def _node(facts: Mapping[str, Any]) -> CompiledNode:
    columns = facts.get("columns")
    return CompiledNode(
        name=facts["name"],
        kind=CompiledKind(facts["kind"]),
        relation=Relation(*facts["relation"]),
        sql=facts.get("sql", ""),
        columns=None if columns is None else dict(columns),
        parents=tuple(facts["parents"]),
        materialized=facts.get("materialized", ""),
        language=facts.get("language", "sql"),
        has_hooks=facts.get("has_hooks", False),
        has_asked=facts["has_asked"],
        invocation=tuple(facts.get("invocation", ())),
        file=facts["file"],
    )
