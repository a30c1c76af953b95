"""Queries that nobody should write: they end, and what is not known of them is listed."""

from __future__ import annotations

from lockgate.core.lineage import ColumnRef, LineageNode, NodeKind
from lockgate.lineage import trace

WIDTH = 10_000
WIDE = LineageNode(
    "source.wide",
    NodeKind.SOURCE,
    ("wide",),
    tuple(f"c{at}" for at in range(WIDTH)),
    is_complete=True,
    dialect="duckdb",
)


def lineage(sql, *nodes):
    return trace([*nodes, LineageNode("query", NodeKind.MODEL, sql=sql, dialect="duckdb")]).lineages["query"]


def test_a_table_of_ten_thousand_columns_goes_through_stars():
    found = lineage("with a as (select * from wide), b as (select a.* from a) select * from b", WIDE)

    assert [(one.name, one.direct) for one in found.columns] == [
        (f"c{at}", (ColumnRef("source.wide", f"c{at}"),)) for at in range(WIDTH)
    ]


def test_output_columns_of_one_name_stay_apart_and_the_name_is_listed():
    found = lineage("select l.c0, r.c0 from wide l join wide2 r on true", WIDE)

    assert [(one.name, str(one.direct[0])) for one in found.columns] == [("c0", "source.wide.c0"), ("c0", "wide2.c0")]
    assert [one.reason for one in found.unresolved] == ["two output columns are called 'c0'"]


def test_a_column_of_a_name_that_a_star_brought_twice_is_not_chosen_between():
    found = lineage("select c0 from (select * from wide l join wide r on l.c1 = r.c1) as both", WIDE)

    assert found.columns[0].direct == ()
    assert [one.reason for one in found.unresolved] == ["two columns are called 'c0'"]


def test_aliases_that_double_two_hundred_times_are_not_written_out():
    chain = ", ".join(f"a{at} + a{at} as a{at + 1}" for at in range(200))

    found = lineage(f"select c0 as a0, {chain} from wide", WIDE)

    assert found.columns[-1].name == "a200"
    assert found.columns[-1].direct == (ColumnRef("source.wide", "c0"),)


def test_a_query_nested_without_end_is_refused():
    found = lineage("select * from (" * 2000 + "select 1 as x" + ")" * 2000)

    assert [one.reason for one in found.unresolved] == ["it is nested too deeply"]


def test_queries_that_read_each_other_three_hundred_deep_are_followed():
    steps = "".join(f", s{at} as (select x from s{at - 1} where x > {at})" for at in range(1, 300))

    found = lineage(f"with s0 as (select c7 as x from wide){steps} select * from s299", WIDE)

    assert [(one.name, one.direct) for one in found.columns] == [("x", (ColumnRef("source.wide", "c7"),))]
