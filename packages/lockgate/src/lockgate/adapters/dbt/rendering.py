"""The process that reads one project for its lineage: parses it, renders each node's SQL, and asks no database."""

from __future__ import annotations

import csv
import json
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.confinement import console, limit
from lockgate.adapters.dbt.lenient import Leniency, first_line
from lockgate.adapters.dbt.parsing import parsed
from lockgate.adapters.dbt.wire import Message, send

RENDERED = "rendered.json"
RENDER_CONSOLE = "render.log"
ASKS = "it asks the database while it is rendered"
_NEVER_INCREMENTAL = "{% macro is_incremental() %}{{ return(false) }}{% endmacro %}"
_BUILT = frozenset({"model", "seed", "snapshot"})
_QUERIED = frozenset({"model", "snapshot", "test", "analysis"})


def render_project(request: Message, connection: socket.socket) -> None:
    """Parses the request's project and leaves its nodes in `rendered.json`; tells what `serve_project` does."""
    limit(request["limits"])
    tell = partial(send, connection)
    leniency = Leniency()
    leniency.install()
    manifest = parsed(request, tell)
    if manifest is None:
        return
    folder = Path(request["folder"])
    with console(folder / RENDER_CONSOLE):
        document = {
            "nodes": list(_Rendering(manifest, request, leniency).nodes()),
            "packages": leniency.packages,
        }
    (folder / RENDERED).write_text(json.dumps(document), encoding="utf-8")
    tell({"kind": "ready", "breaches": [], "foreign": []})


class _Rendering:
    """The nodes of one manifest as lineage needs them."""

    def __init__(self, manifest: Any, request: Message, leniency: Leniency) -> None:
        self._manifest = manifest
        self._root = Path(request["project"])
        self._leniency = leniency
        factory = import_module("dbt.adapters.factory").FACTORY
        self._adapter = factory.adapters[request["profile"]["type"]]
        self._compiler = import_module("dbt.compilation").Compiler(self._adapter.config)
        self._confine(request["quote"])

    def _confine(self, quote: str) -> None:
        """No connection can be opened; names are quoted as the project's own database does."""
        refused = import_module("dbt_common.exceptions").DbtRuntimeError

        def refuse(_kind: Any, _connection: Any) -> Any:
            raise refused(ASKS)

        type(self._adapter.connections).open = classmethod(refuse)
        self._adapter.Relation.quoted = lambda _relation, identifier: f"{quote}{identifier}{quote}"
        macro = self._manifest.macros.get("macro.dbt.is_incremental")
        if macro is not None:
            macro.macro_sql = _NEVER_INCREMENTAL

    def nodes(self) -> Iterator[Mapping[str, object]]:
        """Everything that the manifest connects, by its id; sources and exposures among it."""
        self._manifest.build_parent_and_child_maps()
        parents = self._manifest.parent_map
        places = ("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests",
                  "functions")  # fmt: skip
        found = {key: node for place in places for key, node in (getattr(self._manifest, place, None) or {}).items()}
        with self._adapter.connection_named("lineage"):
            for key in sorted(parents.keys() & found.keys()):
                yield {**self._facts(found[key]), "parents": sorted(parents[key])}

    def _facts(self, node: Any) -> Mapping[str, object]:
        kind = str(node.resource_type)
        facts: dict[str, object] = {
            "name": node.unique_id,
            "kind": kind,
            "file": node.original_file_path,
            "relation": self._relation(node, kind),
            "columns": [one.name for one in (getattr(node, "columns", None) or {}).values()],
            "header": self._header(node) if kind == "seed" else [],
            "added": _added(node) if kind == "snapshot" else [],
            "materialized": str(getattr(node.config, "materialized", None) or "") if kind in _BUILT else "",
            "attached_to": str(getattr(node, "attached_node", None) or ""),
        }
        return {**facts, **(self._rendered(node) if kind in _QUERIED else {})}

    def _relation(self, node: Any, kind: str) -> list[str]:
        """What other nodes' SQL calls it; nothing where none can read it."""
        relations = self._adapter.Relation
        if kind not in {"model", "seed", "snapshot", "source"}:
            return []
        if getattr(node, "is_ephemeral_model", False):
            return [str(relations.create_ephemeral_from(node).identifier)]
        relation = relations.create_from(self._adapter.config, node)
        return [str(part) for part in (relation.database, relation.schema, relation.identifier) if part]

    def _rendered(self, node: Any) -> Mapping[str, str]:
        """The node's SQL, or why there is none."""
        reason = self._leniency.reasons.get(node.unique_id, "")
        if getattr(node, "language", "sql") == "python":
            return {"why_unread": "it is a Python model"}
        if reason:
            return {"why_unread": reason}
        try:
            compiled = self._compiler._compile_code(node, self._manifest)  # noqa: SLF001  without ephemeral models in it
        except Exception as error:  # noqa: BLE001  whatever stops one node must not stop the others
            said = first_line(error)
            return {"why_unread": ASKS if ASKS in str(error) else f"dbt cannot render it: {said}"}
        return {"sql": compiled.compiled_code or ""}

    def _header(self, seed: Any) -> list[str]:
        """A seed's columns: the first line of its file."""
        file = Path(seed.root_path or self._root) / seed.original_file_path
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                delimiter = str(getattr(seed.config, "delimiter", None) or seed.config.get("delimiter", ",") or ",")
                return next(csv.reader(lines, delimiter=delimiter), [])
        except (OSError, ValueError, csv.Error):
            return []


def _added(snapshot: Any) -> list[str]:
    """The columns that a snapshot adds to those of its query."""
    names = snapshot.config.snapshot_table_column_names
    has_deletions = getattr(snapshot.config, "hard_deletes", None) == "new_record"
    return [name for key, name in names.items() if key != "dbt_is_deleted" or has_deletions]
