"""Who stands on columns that differ: by value, by a filter, at any distance; and what stands in a circle."""

from __future__ import annotations

from dataclasses import replace

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind, Unresolved
from lockgate.core.touches import Touched, told_by
from lockgate.lineage import Graph, touched, trace, unresolved_below


def node(name, sql="", *parents, kind=NodeKind.MODEL, columns=()):
    relation = ("main", name.split(".")[-1]) if kind not in {NodeKind.EXPOSURE, NodeKind.TEST} else ()
    return LineageNode(name, kind, relation, columns, bool(columns), sql, parents, dialect="duckdb")


NODES = (
    node("source.orders", kind=NodeKind.SOURCE, columns=("id", "amount", "state", "note")),
    node("model.open", "select id, amount from main.orders where state = 'open'", "source.orders"),
    node("model.totals", "select sum(amount) as total from main.open", "model.open"),
    node("model.notes", "select note from main.orders", "source.orders"),
    node("test.positive", "select * from main.totals where total < 0", "model.totals", kind=NodeKind.TEST),
    node("exposure.board", "", "model.totals", kind=NodeKind.EXPOSURE),
    node("exposure.notebook", "", "model.notes", kind=NodeKind.EXPOSURE),
)
MAKERS = {"model.open": "open_orders", "model.notes": "notes"}


def found(graph, *columns, rows_of=()):
    places = {name: (ColumnRef("source.orders", name),) for name in columns}
    return touched(graph, places, rows_of, MAKERS)


def test_each_thing_is_told_with_the_columns_by_which_it_is_touched():
    graph = Graph(trace(NODES))

    assert found(graph, "amount", "state") == (
        Touched("exposure.board", NodeKind.EXPOSURE, ("amount",), ("state",)),
        Touched("test.positive", NodeKind.TEST, ("amount",), ("state",)),
        Touched("model.open", NodeKind.MODEL, ("amount",), ("state",), entity="open_orders"),
    )
    assert found(graph, "note") == (
        Touched("exposure.notebook", NodeKind.EXPOSURE, ("note",)),
        Touched("model.notes", NodeKind.MODEL, ("note",), entity="notes"),
    )
    assert found(graph) == ()


def test_missing_rows_touch_all_that_stands_on_them():
    reached = found(Graph(trace(NODES)), "note", rows_of=("source.orders",))

    assert [(one.node, one.direct, one.by_rows) for one in reached] == [
        ("exposure.board", (), True),
        ("exposure.notebook", ("note",), True),
        ("test.positive", (), True),
        ("model.notes", ("note",), True),
        ("model.open", (), True),
    ]
    assert told_by(reached[1]) == "note; missing or extra rows"
    assert told_by(Touched("a", NodeKind.TEST, ("b", "c"), ("d",))) == "b, c; d (by a filter, join or group)"


def test_what_is_not_resolved_below_is_told():
    broken = replace(NODES[2], sql="select sum(amount as total from main.open")
    graph = Graph(trace((*NODES[:2], broken, *NODES[3:])))

    assert {one.node for one in unresolved_below(graph, ["source.orders"])} == {"model.totals", "test.positive"}
    assert unresolved_below(graph, ["model.notes"]) == ()


def test_nodes_that_stand_on_themselves_are_listed_and_the_others_are_traced():
    circle = (
        node("model.a", "select x from main.b", "model.b"),
        node("model.b", "select x, y from main.a join main.orders on true", "model.a", "source.orders"),
    )
    graph = Graph(trace((*NODES, *circle)))

    assert [one for one in graph.unresolved if "itself" in one.reason] == [
        Unresolved("model.b", "", "it stands on itself, by way of model.a")
    ]
    assert graph.nodes_downstream("model.a") == ("model.b",)
    assert [one.node for one in found(graph, "note")] == ["exposure.notebook", "model.notes"]


def test_nodes_are_found_by_how_many_steps_they_are_away():
    graph = Graph(trace(NODES))

    assert graph.levels("source.orders", upstream=False, most=2) == (
        ("model.notes", "model.open"),
        ("exposure.notebook", "model.totals"),
    )
    assert graph.levels("exposure.board", upstream=True, most=4) == (
        ("model.totals",), ("model.open",), ("source.orders",),
    )  # fmt: skip
    assert graph.levels("exposure.board", upstream=False, most=4) == ()
