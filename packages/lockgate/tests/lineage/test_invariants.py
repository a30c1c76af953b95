"""What holds of the lineage of any query."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind
from lockgate.lineage import Graph, trace

COLUMNS = ("a", "b", "c")
BASE = tuple(
    LineageNode(f"source.{name}", NodeKind.SOURCE, ("raw", name), COLUMNS, is_complete=True, dialect="duckdb")
    for name in ("x", "y")
)


@st.composite
def projects(draw):
    """Models that each read one or two relations before them, by a join, a filter, a union or a star."""
    nodes = list(BASE)
    for number in range(draw(st.integers(1, 6))):
        left, right = (draw(st.sampled_from(nodes)) for _ in range(2))
        names = draw(st.permutations(COLUMNS))
        listed = ", ".join(f"l.{old} as {new}" for old, new in zip(names, COLUMNS, strict=True))
        one, other = (".".join(node.relation) for node in (left, right))
        sql = draw(
            st.sampled_from([
                f"select {listed} from {one} l join {other} r on l.a = r.b",
                f"select {listed} from {one} l where exists (select 1 from {other} r where r.c = l.c)",
                f"select * from {one} union all select c, a, b from {other}",
                f"with k as (select * from {one}) select * exclude (a), a + b as a from k",
            ])
        )  # fmt: skip
        parents = tuple({left.name, right.name})
        nodes.append(
            LineageNode(
                f"model.m{number}", NodeKind.MODEL, ("main", f"m{number}"), sql=sql, parents=parents, dialect="duckdb"
            )
        )
    return nodes


@settings(max_examples=60, deadline=None)
@given(projects())
def test_upstream_and_downstream_are_each_others_inverse(nodes):
    graph = Graph(trace(nodes))
    refs = [ColumnRef(node.name, column) for node in nodes for column in COLUMNS]

    up = {(before, ref) for ref in refs for before in graph.upstream(ref, indirect=True)}
    down = {(ref, after) for ref in refs for after in graph.downstream(ref, indirect=True)}

    assert up == down


@settings(max_examples=60, deadline=None)
@given(projects())
def test_every_column_is_resolved_and_leads_back_to_the_sources(nodes):
    graph = Graph(trace(nodes))

    assert graph.unresolved == ()
    for node in nodes[len(BASE) :]:
        assert sorted(graph.columns_of(node.name)) == list(COLUMNS)
        for column in COLUMNS:
            found = graph.upstream(ColumnRef(node.name, column))
            assert any(ref.node.startswith("source.") for ref in found)


@settings(max_examples=60, deadline=None)
@given(projects(), st.permutations(["p", "q", "Ω", "select"]))
def test_other_names_for_relations_inside_a_query_change_nothing(nodes, names):
    renamed = [_renamed(node, names) for node in nodes]

    assert Graph(trace(renamed)).column_edges(indirect=True) == Graph(trace(nodes)).column_edges(indirect=True)


def _renamed(node, names):
    from dataclasses import replace

    import sqlglot
    from sqlglot import exp

    if not node.sql:
        return node
    tree = sqlglot.parse_one(node.sql, dialect="duckdb")
    new = dict(zip(("l", "r", "k"), names, strict=False))
    for name in tree.find_all(exp.Identifier):
        if name.name in new:
            name.replace(exp.to_identifier(new[name.name], quoted=True))
    return replace(node, sql=tree.sql(dialect="duckdb"))


@settings(max_examples=40, deadline=None)
@given(projects())
def test_what_was_kept_is_what_would_be_found_again(nodes):
    first = trace(nodes)

    again = trace(nodes, {key: first.lineages[name] for name, key in first.keys.items()})

    assert again.worked_out == 0
    assert again.lineages == first.lineages
