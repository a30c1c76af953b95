"""What a `manifest.json` says of nodes, as Lockgate's own program would tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.wire import Message

_LEAVE_RELATIONS = frozenset({"model", "seed", "snapshot"})


class Nodes:
    """The nodes of one parsed project."""

    def __init__(self, manifest: Path, project: Path) -> None:
        """Reads the file."""
        parsed = json.loads(manifest.read_text(encoding="utf-8"))
        self._nodes: dict[str, dict[str, Any]] = parsed["nodes"] | parsed.get("functions", {})
        self._others: dict[str, dict[str, Any]] = parsed.get("unit_tests", {})
        self._project = project

    def facts(self, name: str, folder: str) -> dict[str, object]:
        """What is known of a node before it runs; `folder` is where its compiled SQL will be."""
        node = self._nodes.get(name) or self._others.get(name) or {}
        kind = name.partition(".")[0]
        path = str(node.get("original_file_path", ""))
        compiled = kind in _LEAVE_RELATIONS | {"test"} and kind != "seed" and path
        inside = f"{path}/{node['path']}" if compiled and path.endswith((".yml", ".yaml")) else path
        return {
            "node": name,
            "file": str(self._project / path),
            "compiled": f"{folder}/compiled/{node['package_name']}/{inside}" if compiled else "",
            "depends_on": list((node.get("depends_on") or {}).get("nodes", ())),
            "attached_to": node.get("attached_node") or "",
            "materialized": (node.get("config") or {}).get("materialized") or "",
            "relation": [node["schema"], node["alias"]] if kind in _LEAVE_RELATIONS and node else None,
        }

    def upstreams(self, models: Sequence[str]) -> Iterator[Message]:
        """The ids of each model and of all that it stands on."""
        for model in models:
            waiting = [key for key, node in self._nodes.items() if key.startswith("model.") and node["name"] == model]
            found: set[str] = set()
            while waiting:
                name = waiting.pop()
                if name in self._nodes and name not in found:
                    found.add(name)
                    waiting += (self._nodes[name].get("depends_on") or {}).get("nodes", ())
            yield {"kind": "upstream", "model": model, "nodes": sorted(found)}
