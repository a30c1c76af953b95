"""Why an implementation does not answer online."""

from __future__ import annotations

from lockgate.core.compiled import CompiledNode
from lockgate.errors import NotOnline


def refused(node: CompiledNode, reason: str, remedy: str) -> NotOnline:
    """The refusal of a node's graph, which names the node and its file."""
    name = node.name.split(".", 2)[-1]
    return NotOnline(f"{name}: {reason}", hint=remedy, model=node.name, file=node.file)
