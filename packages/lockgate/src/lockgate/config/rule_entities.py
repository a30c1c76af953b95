"""Entities that rule sets declare themselves: a file with a contract is an entity of the project, by lying there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lockgate.config.grammar import pattern_fault
from lockgate.config.yaml_positions import Document, KeyPath, Plain, read_yaml
from lockgate.errors import Problem

PLACE = "entities"
# What of an entity's declaration a rule set's file may hold; its implementation is the file itself.
OWN_KEYS = ("key", "contract", "serve")
IMPLEMENTATION = "rules"
MOST_FILES = 1000


def with_rule_sets(document: Document, folder: Path) -> Document:
    """The project's document with an entity for each rule set that `rule_sets` matches and that has a contract.

    Raises:
        ProjectInvalid: a rule set's file cannot be read.
    """
    data = document.data
    if not isinstance(data, dict) or not isinstance(pattern := data.get("rule_sets"), str):
        return document
    declared = data.get(PLACE, {})
    if not isinstance(declared, dict):
        return document
    added: dict[str, Plain] = {}
    parts: dict[KeyPath, Document] = {}
    problems: list[Problem] = []
    files = _files(folder, pattern)
    if len(files) > MOST_FILES:
        message, remedy = f"rule_sets: {len(files):,} files match; {MOST_FILES:,} are read", "Write a narrower pattern."
        problems.append(document.problem(("rule_sets",), message, remedy))
    for file in files[:MOST_FILES]:
        rules = read_yaml(folder / file, file=file, lenient=True)
        if not isinstance(rules.data, dict) or "contract" not in rules.data:
            continue
        name = rules.data.get("entity")
        if not isinstance(name, str):
            problems.append(rules.problem((), "entity: the key is missing", "Name the entity that the rules produce."))
        elif name in declared or name in added:
            place = parts[PLACE, name].file if name in added else document.file
            message = f"contract: the entity {name!r} is declared in {place} already"
            problems.append(rules.problem(("contract",), message, "Declare it in one place."))
        else:
            own = {key: rules.data[key] for key in OWN_KEYS if key in rules.data}
            added[name] = {**own, "implementations": {IMPLEMENTATION: {"rules": file}}}
            parts[PLACE, name] = rules
    merged: Plain = {**data, PLACE: {**declared, **added}}
    return replace(document, data=merged, parts=parts, problems=(*document.problems, *problems))


def _files(folder: Path, pattern: str) -> list[str]:
    """The files that a pattern matches, from the project's folder, in the order of their names."""
    if pattern_fault(pattern):
        return []
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())
