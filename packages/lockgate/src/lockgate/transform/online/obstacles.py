"""What of a dbt graph stands in the way of answering records by it, node by node."""

from __future__ import annotations

from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.errors import NotOnline
from lockgate.transform.online.refusal import refused

_KNOWN = frozenset({"", "ephemeral", "incremental", "materialized_view", "table", "view"})


def node_refusals(graph: CompiledGraph, dialect: str) -> tuple[NotOnline, ...]:
    """Why the graph's nodes cannot be run as one query by what speaks `dialect`, one refusal a reason."""
    found = [refusal for node in graph.nodes.values() for refusal in _of_node(node)]
    own = graph.nodes[graph.model]
    if own.kind not in {CompiledKind.MODEL, CompiledKind.SNAPSHOT}:
        found.append(refused(own, f"it is a {own.kind}, and no model", "Name a model."))
    if graph.dialect != dialect:
        message = f"its SQL is written for {graph.dialect}, and records are asked of {dialect}"
        found.append(refused(own, message, "Answer its records on the project's own target, or by rules."))
    return tuple(found)


def _of_node(node: CompiledNode) -> list[NotOnline]:
    if node.kind is CompiledKind.SNAPSHOT:
        remedy = "Read the snapshot as a source, so that its rows are looked up as they stand."
        return [refused(node, "it is a snapshot, whose rows are what was there at earlier runs", remedy)]
    return _of_model(node) if node.kind is CompiledKind.MODEL else []


def _of_model(node: CompiledNode) -> list[NotOnline]:
    if node.language != "sql":
        return [refused(node, f"it is written in {node.language}, not in SQL", "Write the model in SQL.")]
    found = []
    if node.has_hooks:
        remedy = "Take its pre_hook and post_hook away, or make what they do a model."
        found.append(refused(node, "statements of its own run before or after it (hooks)", remedy))
    if node.materialized not in _KNOWN:
        remedy = "Materialize it as a view or a table."
        found.append(refused(node, f"what its materialization {node.materialized!r} does is not known", remedy))
    for name in node.invocation:
        remedy = "Let the records bring the value as a column, or write it down in the SQL."
        found.append(refused(node, f"its SQL has {name} in it, which is another at every invocation", remedy))
    return found
