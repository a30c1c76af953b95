"""Queries whose lineage was worked out by reading them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.lineage import trace

EXAMPLES = yaml.safe_load(Path(__file__).with_name("worked_examples.yml").read_text(encoding="utf-8"))


def traced(example):
    """The lineage of the example's query; relations that it does not name are nodes without known columns."""
    dialect = example.get("dialect", "duckdb")
    relations = [
        LineageNode(name, NodeKind.SOURCE, tuple(name.split(".")), tuple(columns), is_complete=True, dialect=dialect)
        for name, columns in example.get("relations", {}).items()
    ]
    query = LineageNode("query", NodeKind.MODEL, sql=example["sql"], dialect=dialect)
    return trace([*relations, query]).lineages["query"]


def by_reading(influences):
    found = {}
    for influence in influences:
        found.setdefault(str(influence.reading), []).append(str(influence.column))
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_a_query_is_made_of_what_it_reads(example):
    found = traced(example)

    assert {column.name: [str(ref) for ref in column.direct] for column in found.columns} == example["columns"]
    assert [column.name for column in found.columns] == list(example["columns"])
    assert by_reading(found.rows) == example["rows"]
    assert {one.name: by_reading(one.indirect) for one in found.columns if one.indirect} == example.get("indirect", {})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_what_is_not_known_is_listed_with_its_reason_and_place(example):
    found = [
        {"column": one.column, "reason": one.reason, "line": one.line, "position": one.position}
        for one in traced(example).unresolved
    ]

    assert found == example.get("unresolved", [])
