"""Lineage as a caller uses it: nodes are traced, and the graph of them is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind, Reading
from lockgate.lineage import BY_NAME, Graph, from_document, to_document, trace


def source(name, *columns):
    relation = ("db", "raw", name)
    return LineageNode(
        f"source.{name}", NodeKind.SOURCE, relation, columns, is_complete=bool(columns), dialect="duckdb"
    )


def model(name, sql, *parents, kind=NodeKind.MODEL):
    return LineageNode(f"{kind}.{name}", kind, ("db", "main", name), sql=sql, parents=parents, dialect="duckdb")


SHOP = (
    source("orders", "id", "user_id", "amount", "status"),
    source("users"),
    model("stg_users", 'select * from "db"."raw"."users"', "source.users"),
    model(
        "orders", "select id, user_id, amount / 100 as total from db.raw.orders where status <> 'void'", "source.orders"
    ),
    model(
        "spenders",
        "select u.email, sum(o.total) as spent from db.main.orders o join db.main.stg_users u on u.id = o.user_id"
        " group by u.email",
        "model.orders",
        "model.stg_users",
    ),
    model("positive", "select * from db.main.spenders where spent < 0", "model.spenders", kind=NodeKind.TEST),
    LineageNode("exposure.board", NodeKind.EXPOSURE, parents=("model.spenders",)),
    LineageNode("exposure.other", NodeKind.EXPOSURE, parents=("model.stg_users",)),
)


@pytest.fixture
def graph():
    return Graph(trace(SHOP))


def refs(*names):
    return tuple(ColumnRef(*name.rsplit(".", 1)) for name in names)


def test_columns_are_connected_from_the_source_to_the_last_model(graph):
    edges = [(str(read.source), str(read.target)) for read in graph.column_edges() if read.target.column]

    assert edges == [
        ("model.orders.total", "model.spenders.spent"),
        ("model.stg_users.email", "model.spenders.email"),
        ("source.orders.amount", "model.orders.total"),
        ("source.orders.id", "model.orders.id"),
        ("source.orders.user_id", "model.orders.user_id"),
        ("source.users.email", "model.stg_users.email"),
        ("source.users.id", "model.stg_users.id"),
    ]


def test_filters_and_joins_are_edges_of_their_own_kind(graph):
    onto_spent = [
        (str(read.source), read.reading)
        for read in graph.column_edges(indirect=True)
        if str(read.target) == "model.spenders.spent"
    ]

    assert onto_spent == [
        ("model.orders.total", Reading.DIRECT),
        ("model.orders.user_id", Reading.JOIN),
        ("model.stg_users.email", Reading.GROUP),
        ("model.stg_users.id", Reading.JOIN),
    ]


def test_what_a_column_stands_on_and_goes_into(graph):
    assert graph.upstream(ColumnRef("model.spenders", "spent")) == refs("model.orders.total", "source.orders.amount")
    assert graph.downstream(ColumnRef("source.users", "email")) == (
        *refs("model.spenders.email", "model.stg_users.email"),
        ColumnRef("test.positive", ""),
    )


def test_impact_reaches_dashboards_also_by_a_filter(graph):
    reached = graph.impact([ColumnRef("source.orders", "status")])

    assert reached.columns == refs(
        "model.orders.id", "model.orders.total", "model.orders.user_id", "model.spenders.email", "model.spenders.spent"
    )
    assert reached.nodes == ("exposure.board", "test.positive")


def test_nodes_have_edges_of_their_own(graph):
    assert graph.nodes_upstream("exposure.board") == (
        "model.orders", "model.spenders", "model.stg_users", "source.orders", "source.users",
    )  # fmt: skip
    assert graph.nodes_downstream("source.orders") == (
        "exposure.board", "model.orders", "model.spenders", "test.positive",
    )  # fmt: skip


def test_columns_that_nobody_declared_are_known_by_who_reads_them(graph):
    assert graph.columns_of("source.users") == ("email", "id")
    assert [(one.node, one.column, one.reason) for one in graph.unresolved] == [
        ("model.stg_users", "*", "a star over source.users, whose columns are not all known")
    ]


def test_nothing_is_parsed_again_where_nothing_changed():
    first = trace(SHOP)
    kept = {key: from_document(to_document(first.lineages[name])) for name, key in first.keys.items()}

    again = trace(SHOP, kept)

    assert (first.worked_out, again.worked_out) == (4, 0)
    assert again.lineages == first.lineages


def test_what_reads_a_changed_relation_is_worked_out_again_and_nothing_else():
    first = trace(SHOP)
    kept = {key: first.lineages[name] for name, key in first.keys.items()}
    changed = [replace(node, sql=node.sql.replace("as total", "as sum")) for node in SHOP]

    again = trace(changed, kept)

    assert again.worked_out == 2
    assert [(one.column, one.reason) for one in again.unresolved() if one.node == "model.spenders"] == [
        ("o.total", "'o' has no column 'total'")
    ]


def test_a_relation_that_is_no_node_is_listed_and_keeps_its_name():
    graph = Graph(trace([model("m", "select legacy.x from archive.legacy")]))

    assert [str(read.source) for read in graph.column_edges()] == ["archive.legacy.x"]
    assert [one.reason for one in graph.unresolved] == ["it reads archive.legacy, which is no node of the project"]


def test_a_model_that_cannot_be_read_leaves_the_others():
    broken = LineageNode("model.py", NodeKind.MODEL, ("db", "main", "py"), ("a",), why_unread="it is a Python model")
    reader = model("reader", "select a, b from db.main.py", "model.py")

    graph = Graph(trace([broken, reader]))

    assert [str(read.source) for read in graph.column_edges()] == ["model.py.a", "model.py.b"]
    assert [(one.node, one.reason) for one in graph.unresolved] == [("model.py", "it is a Python model")]


def test_a_column_that_is_read_of_a_union_of_stars_is_listed_where_it_comes_from():
    both = model("both", "select * from raw.a union all select * from raw.b")
    reader = model("reader", "select x from db.main.both", "model.both")

    reasons = [(one.node, one.column, one.reason) for one in Graph(trace([both, reader])).unresolved]

    why = "a set operation over a star whose columns are not all known"
    assert reasons == [("model.both", "", why), ("model.both", "x", f"it is read, and comes from {why}")]


def test_nodes_of_one_relation_are_told_apart_by_who_stands_on_them_or_by_their_names():
    old, new = (replace(model("m", f"select {name} as a from raw.t"), name=f"model.{name}") for name in ("old", "new"))
    after = model("after", "select a from db.main.m", "model.new")
    both = model(
        "both",
        f'select a from "{BY_NAME}"."model.old" union all select a from "{BY_NAME}"."model.new"',
        "model.new",
        "model.old",
    )

    edges = [(str(one.source), str(one.target)) for one in Graph(trace([old, new, after, both])).column_edges()]

    assert [edge for edge in edges if edge[1] in {"model.after.a", "model.both.a"}] == [
        ("model.new.a", "model.after.a"),
        ("model.new.a", "model.both.a"),
        ("model.old.a", "model.both.a"),
    ]
