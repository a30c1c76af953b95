"""PostgreSQL's own trees of analysed queries, as it keeps them for views: read, and rid of what is only spelled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# The key of what a node is, among its fields.
KIND = ""
_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)
# Where something was written, and whether a call was written as one.
_SPELLED = frozenset(
    {
        ":funcformat", ":coerceformat", ":relabelformat", ":convertformat", ":row_format", ":stmt_len",
        ":list_start", ":list_end", ":rexpr_list_start", ":rexpr_list_end",
    }
)  # fmt: skip
_OPPOSITE = {"and": "or", "or": "and"}
_CALLS = (":funcid", ":opfuncid", ":aggfnoid", ":winfnoid")
# date_trunc, date_part, extract, with the unit first: its case says nothing.
TAKES_A_UNIT = frozenset({"date_part", "date_trunc", "extract"})
_TEXT = "25"
# `regclass` and its like, which stand for names of the catalog.
_NAMES = frozenset({"24", "2202", "2203", "2204", "2205", "3734", "3769", "4089", "4096", "4191"})
_TYPED = (":resulttype", ":funcresulttype", ":consttype")
_MOMENTS = frozenset({"1082", "1083", "1114", "1184", "1266"})


@dataclass(frozen=True, slots=True)
class Meanings:
    """What numbers in a tree mean: the names of functions, what they run, and which operators deny each other.

    `sources` are alike where functions of several names are one; `negators` have an operator with its function.
    """

    names: Mapping[int, str]
    sources: Mapping[int, str]
    negators: Mapping[int, tuple[int, int]]


def tree_of(text: str) -> Any:
    """A tree as lists, and dictionaries whose fields are lists; `KIND` is what a node is."""
    root: list[Any] = []
    into, waiting = root, []  # type: list[Any], list[Any]
    node: dict[str, list[Any]] | None = None
    for token in _TOKEN.findall(text):
        if token in "({":
            waiting.append((into, node))
            new: Any = [] if token == "(" else {}
            into.append(new)
            node = None if token == "(" else new
            into = new if token == "(" else new.setdefault(KIND, [])
        elif token in ")}":
            into, node = waiting.pop()
        elif node is not None and token.startswith(":"):
            into = node.setdefault(token, [])
        else:
            into.append(token)
    return root


def nodes_in(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node, in no order."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def called_in(tree: Any) -> frozenset[int]:
    """The functions that a query resolves to, those of its operators with them."""
    found = (int(node[field][0]) for node in nodes_in(tree) for field in _CALLS if field in node)
    return frozenset(oid for oid in found if oid)


def constants_in(tree: Any) -> Iterator[str]:
    """The texts that are written down in a query."""
    for node in nodes_in(tree):
        if node[KIND] == ["CONST"] and node[":consttype"] == [_TEXT] and node[":constisnull"] == ["false"]:
            yield _text_of(node[":constvalue"])


def moments_read_in(tree: Any) -> Iterator[str]:
    """The texts that are written down in a query and become moments or days each time that it runs."""
    for node in nodes_in(tree):
        if node[KIND] == ["COERCEVIAIO"] and node[":resulttype"][0] in _MOMENTS:
            yield from constants_in(node[":arg"])


def looks_names_up(tree: Any) -> bool:
    """Whether a query takes texts for names of the catalog."""
    return any(node[field][0] in _NAMES for node in nodes_in(tree) for field in _TYPED if field in node)


def takes_whole_rows(tree: Any) -> bool:
    """Whether a query takes a row for one value, with all columns that are there."""
    return any(node[KIND] == ["VAR"] and node[":varattno"] == ["0"] for node in nodes_in(tree))


def _text_of(value: list[Any]) -> str:
    """A text of `length [ bytes ]`, of which four are its header."""
    return bytes(int(one) % 256 for one in value[2:-1][4:]).decode()


def plain(tree: Any, meanings: Meanings) -> Any:
    """A tree without what is only spelled otherwise."""
    if isinstance(tree, list):
        return [plain(one, meanings) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if _is_denial(tree) and (denied := _denied(tree[":args"][0][0], meanings.negators)) is not None:
        return plain(denied, meanings)
    node = {
        field: plain(value, meanings)
        for field, value in tree.items()
        if field not in _SPELLED and not field.endswith("location")
    }
    return _plain_call(node, meanings) if node[KIND][0] in {"FUNCEXPR", "OPEXPR"} else node


def _plain_call(node: dict[str, Any], meanings: Meanings) -> dict[str, Any]:
    """A call, whether it is written as one or by an operator."""
    oid = int(node.get(":funcid", node.get(":opfuncid", ["0"]))[0])
    if meanings.names.get(oid) in TAKES_A_UNIT:
        unit = node[":args"][0][0]
        if unit[KIND] == ["CONST"] and unit[":consttype"] == [_TEXT] and unit[":constisnull"] == ["false"]:
            unit[":constvalue"] = [_text_of(unit[":constvalue"]).lower()]
    called = {field: node.get(field) for field in (":args", ":inputcollid")}
    variadic = node.get(":funcvariadic", ["false"])
    return {KIND: ["CALL"], ":source": [meanings.sources.get(oid, str(oid))], ":variadic": variadic, **called}


def _is_denial(node: Any) -> bool:
    return bool(node[KIND] == ["BOOLEXPR"] and node[":boolop"] == ["not"])


def _denied(node: dict[str, Any], negators: Mapping[int, tuple[int, int]]) -> dict[str, Any] | None:
    """What denies a condition, as PostgreSQL's planner has it (`negate_clause`); None where it stays a NOT."""
    kind = node[KIND][0]
    if kind == "BOOLEXPR":
        return _denied_all(node)
    if kind == "NULLTEST" and node[":argisrow"] == ["false"]:
        return {**node, ":nulltesttype": [str(1 - int(node[":nulltesttype"][0]))]}
    if kind == "BOOLEANTEST":
        return {**node, ":booltesttype": [str(int(node[":booltesttype"][0]) ^ 1)]}
    if kind in {"OPEXPR", "SCALARARRAYOPEXPR"} and int(node[":opno"][0]) in negators:
        operator, function = negators[int(node[":opno"][0])]
        other = {**node, ":opno": [str(operator)], ":opfuncid": [str(function)]}
        if ":useOr" in node:
            other[":useOr"] = ["true" if node[":useOr"] == ["false"] else "false"]
        return other
    return None


def _denied_all(node: dict[str, Any]) -> dict[str, Any]:
    """De Morgan's laws, which hold with NULL too; what is denied twice is itself."""
    (conditions,) = node[":args"]
    if node[":boolop"] == ["not"]:
        inner: dict[str, Any] = conditions[0]
        return inner
    denied = [{KIND: ["BOOLEXPR"], ":boolop": ["not"], ":args": [[one]]} for one in conditions]
    return {**node, ":boolop": [_OPPOSITE[node[":boolop"][0]]], ":args": [denied]}
