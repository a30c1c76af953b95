"""What a process left of a compiled graph, read back; what it did not leave, told."""

from __future__ import annotations

import json

import pytest

from lockgate.adapters.dbt.compiling import COMPILED
from lockgate.adapters.dbt.graph import compiled_graph
from lockgate.core.compiled import CompiledGraph, CompiledKind, CompiledNode
from lockgate.core.relation import Relation
from lockgate.errors import CapabilityMissing, DbtFailed

SOURCE = {"name": "source.p.raw.users", "kind": "source", "relation": ["raw", "users"], "parents": [], "file": "s.yml",
          "has_asked": False}  # fmt: skip
MODEL = {
    "name": "model.p.users", "kind": "model", "relation": ["w", "users"], "parents": ["source.p.raw.users"],
    "file": "users.sql", "has_asked": True, "sql": "select 1 as b, 2 as a", "columns": [["b", "int"], ["a", "text"]],
    "materialized": "table", "language": "sql", "has_hooks": True, "invocation": ["invocation_id"],
}  # fmt: skip


def test_a_graph_is_what_was_left(tmp_path) -> None:
    (tmp_path / COMPILED).write_text(json.dumps({"model": "model.p.users", "nodes": [MODEL, SOURCE]}), encoding="utf-8")

    graph = compiled_graph(tmp_path, "duckdb")

    users = CompiledNode(
        "model.p.users", CompiledKind.MODEL, Relation("w", "users"), "select 1 as b, 2 as a", {"b": "int", "a": "text"},
        ("source.p.raw.users",), "table", "sql", has_hooks=True, has_asked=True, invocation=("invocation_id",),
        file="users.sql",
    )  # fmt: skip
    source = CompiledNode("source.p.raw.users", CompiledKind.SOURCE, Relation("raw", "users"), file="s.yml")
    assert graph == CompiledGraph("model.p.users", {users.name: users, source.name: source}, "duckdb")
    assert list(graph.nodes["model.p.users"].columns) == ["b", "a"]


def test_a_parent_of_another_kind_is_refused_by_name(tmp_path) -> None:
    (tmp_path / COMPILED).write_text(json.dumps({"model": "model.p.users", "nodes": [MODEL]}), encoding="utf-8")

    with pytest.raises(CapabilityMissing, match=r"model\.p\.users stands on source\.p\.raw\.users, which is no model"):
        compiled_graph(tmp_path, "duckdb")


@pytest.mark.parametrize("text", [None, "", "[]", '{"model": "m"}', '{"model": "m", "nodes": [{"name": "n"}]}'])
def test_what_cannot_be_read_is_told(tmp_path, text) -> None:
    if text is not None:
        (tmp_path / COMPILED).write_text(text, encoding="utf-8")

    with pytest.raises(DbtFailed, match="left nothing that can be read"):
        compiled_graph(tmp_path, "duckdb")
