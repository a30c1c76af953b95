"""The parts of a JSON Schema as Markdown: one heading each, one row a key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def schema_sections(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """The lines that document a schema: its root under `title`, then each of its parts."""
    for name, part in [(title, schema), *schema["$defs"].items()]:
        yield from part_section(name, part)


def part_section(name: str, part: Mapping[str, Any]) -> list[str]:
    """The lines that document one part of the project file."""
    rows = [
        f"| `{key}` | {value_of(value)} | {in_cell(value.get('description', ''))} | {otherwise(part, key)} |"
        for key, value in part.get("properties", {}).items()
    ]
    table = ["", "| key | value | meaning | otherwise |", "| --- | --- | --- | --- |", *rows] if rows else []
    return ["", f"## {name}", "", part.get("description", ""), *table]


def value_of(value: Mapping[str, Any]) -> str:
    """The kind of value a key takes: a part of this page, a choice, or a JSON type."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    inner = value.get("anyOf") or value.get("oneOf") or [*value.get("patternProperties", {}).values()]
    kinds = [value_of(kind) for kind in inner if kind.get("type") != "null"]
    if "const" in value or kinds:
        return " or ".join(dict.fromkeys(kinds)) or f"`{value['const']}`"
    types = value.get("type", "anything")
    return types if isinstance(types, str) else " or ".join(types)


def otherwise(part: Mapping[str, Any], key: str) -> str:
    """What stands where the key is not given."""
    if key in part.get("required", ()):
        return "required"
    default = part["properties"][key].get("default")
    return "" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"


def in_cell(text: str) -> str:
    """Text that cannot break out of a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")
