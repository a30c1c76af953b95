"""What does not give the same at every call: clocks, chance, sequences, settings and files, as DuckDB calls them.

Order that is not determined, as that of `row_number()` over values that tie, cannot be told from SQL: it is not found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lockgate.adapters.records.duckdb_parse_tree import nodes_of, parse_tree
from lockgate.core.compiled import Obstacle
from lockgate.core.ports import Memory

_KEYWORDS = frozenset({"current_catalog", "current_date", "current_schema", "current_time", "current_timestamp"})
_KEYWORDS |= {"localtime", "localtimestamp", "rowid"}
# What the engine takes for constant, and is not: the clock, a sample, the engine's own version and files.
_MISTAKEN = frozenset({"current_localtime", "current_localtimestamp", "getenv", "reservoir_quantile", "version"})
_SINCE_TODAY = "age"
_FAILS = "error"
_ROWS_OF_VALUES = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
_UNREAD = "the engine does not tell which functions it calls"
_REMEDY = "Let the records bring the value as a column, or leave it to the batch."


class Constancy:
    """What DuckDB's functions are."""

    def __init__(self, memory: Memory) -> None:
        """Asks the engine for its functions."""
        self._memory = memory
        rows = memory.query(
            "SELECT function_name, bool_or(stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')) AS is_moving,"
            " list(json_serialize_sql('SELECT ' || macro_definition)) FILTER (function_type = 'macro') AS macros"
            " FROM duckdb_functions() GROUP BY ALL",
            {},
        ).to_pylist()
        self._moving = {row["function_name"] for row in rows if row["is_moving"]} | _MISTAKEN
        macros = {row["function_name"]: [json.loads(one) for one in row["macros"]] for row in rows if row["macros"]}
        self._moving -= {_FAILS}  # which a macro calls for what must not be
        while more := {name for name, trees in macros.items() if any(map(self._found, trees))} - self._moving:
            self._moving |= more
        self._moving |= {_FAILS}

    def obstacles(self, sql: str) -> tuple[Obstacle, ...]:
        """Why a query does not give the same at every call."""
        tree = parse_tree(self._memory, sql)
        return tuple(Obstacle(reason, _REMEDY) for reason in ([_UNREAD] if tree is None else self._found(tree)))

    def _found(self, tree: Any) -> list[str]:
        return list(dict.fromkeys(reason for node in nodes_of(tree) for reason in self._of_node(node)))

    def _of_node(self, node: dict[str, Any]) -> Iterator[str]:
        name = str(node.get("function_name", "")).lower()
        if name in self._moving or (
            name == _SINCE_TODAY and len(node.get("arguments") or node.get("children") or ()) == 1
        ):
            yield f"{name}() gives something else at another call"
        if node.get("type") == "TABLE_FUNCTION":
            made = str(node.get("function", {}).get("function_name", "")).lower()
            if made not in _ROWS_OF_VALUES:
                yield f"{made}() reads more than the rows that the model is given"
        if node.get("class") == "COLUMN_REF":
            *_, last = (str(one).lower() for one in node.get("column_names", ()))
            if last in _KEYWORDS and (last == "rowid" or len(node["column_names"]) == 1):
                yield f"{last} is something else at another call"
        if node.get("sample"):
            yield "a sample is another one at every call"
