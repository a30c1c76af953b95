"""Whether a model's SQL means the same to DuckDB once it was read and written again, which a joined query is.

The engine's own reading of both is compared. What is only spelled otherwise counts as the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lockgate.adapters.records.duckdb_parse_tree import nodes_of, parse_tree
from lockgate.core.compiled import Obstacle
from lockgate.core.ports import Memory

_PLACES = frozenset(
    {
        "query_location",
        "query_location_length",
        "qualified_name",
        "export_state",
        "is_implicit",
        "is_operator",
        "syntax_type",
    }
)
_ALIASES = {"datediff": "date_diff", "datepart": "date_part", "datesub": "date_sub", "datetrunc": "date_trunc"}
_ALIASES |= {"date_add": "+", "json_extract": "->", "json_extract_string": "->>"}
_TAKES_A_PART = frozenset({"date_diff", "date_part", "date_sub", "date_trunc"})
_COUNTS_FROM_ZERO = frozenset({"generate_series", "range"})
_TAKES_TRUTH = frozenset({"bool_and", "bool_or"})
_PLAIN_PATH = re.compile(r"[$][.]([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)


class Fidelity:
    """What DuckDB takes for the same."""

    def __init__(self, memory: Memory) -> None:
        """Asks the engine for other names of functions and types."""
        self._memory = memory
        functions = memory.query(
            "SELECT DISTINCT function_name AS other, alias_of AS name FROM duckdb_functions() WHERE alias_of <> ''", {}
        )
        types = memory.query("SELECT DISTINCT type_name AS other, logical_type AS name FROM duckdb_types()", {})
        self._functions = {row["other"].lower(): row["name"].lower() for row in functions.to_pylist()} | _ALIASES
        self._types = {row["other"].lower(): row["name"].lower() for row in types.to_pylist()}
        self._types |= {"timestamp with time zone": self._types.get("timestamptz", "timestamp with time zone")}

    def obstacles(self, sql: str, written: str) -> tuple[Obstacle, ...]:
        """Why a query does not mean the same once it is written again."""
        first, second = parse_tree(self._memory, sql), parse_tree(self._memory, written)
        if first is None or second is None:
            remedy = "Write it in SQL that json_serialize_sql of DuckDB takes."
            return (Obstacle("the engine does not tell how it reads its SQL", remedy),)
        if (found := self.plain(first)) == (other := self.plain(second)):
            return ()
        names = sorted(_functions(found) ^ _functions(other))
        told = f": {', '.join(names)}" if names else ""
        remedy = "Write it in other words; the difference is in how sqlglot writes DuckDB's SQL."
        return (Obstacle(f"its SQL does not mean the same once it is written again{told}", remedy),)

    def plain(self, tree: Any) -> Any:
        """A tree without what is only spelled otherwise."""
        if isinstance(tree, list):
            return [self.plain(one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        node = {name: self.plain(value) for name, value in tree.items() if name not in _PLACES}
        if isinstance(node.get("type_name"), str):
            node["type_name"] = self._types.get(node["type_name"].lower(), node["type_name"].lower())
            if [str((one.get("literal") or {}).get("text")) for one in node.get("children") or ()] == ["18", "3"]:
                node["children"] = []
        if isinstance(node.get("column_names"), list):
            node["column_names"] = [str(name).lower() for name in node["column_names"]]
        if node.get("null_order") == "NULLS LAST":
            node["null_order"] = "ORDER_DEFAULT"
        return self._plain_call(_plain_operator(node))

    def _plain_call(self, node: dict[str, Any]) -> dict[str, Any]:
        if node.get("type") == "LAMBDA" and "literal" in (node.get("expr") or {}):
            return _path("->", [node["lhs"], node["expr"]], node)
        if "function_name" not in node:
            return node
        name = node["function_name"].lower()
        name = self._functions.get(name, name)
        values = [one.get("expression", one) for one in node.get("arguments") or ()]
        if name in {"->", "->>"}:
            return _path(name, values, node)
        names = [one.get("name", "") for one in node.get("arguments") or () if one.get("name")]
        return {**node, "function_name": name, "arguments": _plain_values(name, values), "names": names}


def _path(name: str, values: list[Any], node: dict[str, Any]) -> dict[str, Any]:
    return {"function_name": name, "arguments": [_keyed(value) for value in values], "alias": node["alias"]}


def _plain_values(name: str, values: list[Any]) -> list[Any]:
    """What a function is given, with what it takes for granted."""
    first, *others = values or [None]
    if name in _TAKES_A_PART and _text(first) is not None:
        return [str(_text(first)).lower(), *others]
    if name in _TAKES_TRUTH and first and first.get("class") == "CAST":
        return [first["child"], *others]
    if name == "string_agg":
        return [first, *((_text(one) or one) for one in others)] if others else [first, ","]
    if name in _COUNTS_FROM_ZERO:
        return [_text(first), *others] if others and _text(first) == "0" else ["0", first] if not others else values
    return values


def _text(value: Any) -> str | None:
    """A constant as it is written."""
    literal = value.get("literal") if isinstance(value, Mapping) else None
    return str(literal.get("text")) if isinstance(literal, Mapping) else None


def _plain_operator(node: dict[str, Any]) -> dict[str, Any]:
    children = node.get("children") or []
    condition = node.get("condition") or {}
    is_true = (condition.get("literal") or {}).get("text") == "true"
    if node.get("ref_type") == "CROSS" or (node.get("ref_type") == "REGULAR" and is_true):
        return {name: value for name, value in node.items() if name != "condition"} | {"ref_type": "CROSS"}
    if node.get("type") == "OPERATOR_NOT" and children and children[0].get("type") == "OPERATOR_IS_NULL":
        return {**children[0], "type": "OPERATOR_IS_NOT_NULL", "alias": node["alias"]}
    if node.get("class") == "CAST" and "literal" in (node.get("child") or {}):
        return {**node, "child": {**node["child"], "literal": str(node["child"]["literal"].get("text"))}}
    return node


def _keyed(value: Any) -> Any:
    """A path of JSON: a key, or a place in a list, alone is one too."""
    literal = value.get("literal") if isinstance(value, Mapping) else None
    if not isinstance(literal, Mapping):
        return value
    text = str(literal.get("text"))
    if literal.get("kind") != "STRING":
        return f"$[{text}]"
    if plain := _PLAIN_PATH.fullmatch(text):
        return f'$."{plain[1]}"'
    return text if text.startswith(("$", "/")) or '"' in text else f'$."{text}"'


def _functions(tree: Any) -> set[str]:
    return {str(node["function_name"]) for node in nodes_of(tree) if node.get("function_name")}
