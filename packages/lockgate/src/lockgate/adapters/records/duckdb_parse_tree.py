"""How DuckDB itself reads a query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from lockgate.core.ports import Memory


def parse_tree(memory: Memory, sql: str) -> Any | None:
    """What DuckDB reads in a query, as JSON; None where it does not tell."""
    asked = exp.Literal.string(sql).sql(memory.dialect)
    rows = memory.query(f"SELECT json_serialize_sql({asked}) AS tree", {}).to_pylist()
    tree = json.loads(rows[0]["tree"])
    return None if tree.get("error") else tree["statements"]


def nodes_of(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a tree, in no order."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
