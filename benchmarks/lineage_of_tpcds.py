"""Holds the lineage of the TPC-DS queries in sqlglot's tests against what `sqlglot.lineage` says of each column.

    python benchmarks/lineage_of_tpcds.py CHECKOUT_OF_SQLGLOT

The queries are read where they are: TPC does not let them be copied. It ends with 1 where a column differs. Names that
two output columns of a query have are counted, and not compared.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.lineage import Node, lineage

from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.lineage import Traced, trace

DIALECT = "duckdb"
Schema = dict[str, dict[str, str]]


def schema_of(checkout: Path) -> Schema:
    """The columns of each table, as the checkout's tests declare them."""
    tree = ast.parse((checkout / "tests/helpers.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "TPCDS_SCHEMA":
            return dict(ast.literal_eval(statement.value))
    raise SystemExit(f"{checkout}/tests/helpers.py declares no TPCDS_SCHEMA")


def queries_of(checkout: Path) -> Iterator[str]:
    """The queries, each of which stands before what sqlglot makes of it."""
    text = (checkout / "tests/fixtures/optimizer/tpc-ds/tpc-ds.sql").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith(("--", "#")))
    yield from (one for one in "\n".join(lines).split(";")[::2] if one.strip())


def origins(tree: Node) -> frozenset[tuple[str, str]]:
    """The columns of tables at the ends of a tree of sqlglot's."""
    leaves = [leaf for leaf in tree.walk() if isinstance(leaf.expression, exp.Table)]
    return frozenset((leaf.expression.name.lower(), leaf.name.rsplit(".", 1)[-1].lower()) for leaf in leaves)


def traced_by_us(sql: str, schema: Schema) -> Traced:
    """The query over its tables."""
    tables = [
        LineageNode(name, NodeKind.SOURCE, (name,), tuple(columns), is_complete=True, dialect=DIALECT)
        for name, columns in schema.items()
    ]
    query = LineageNode("query", NodeKind.MODEL, ("query",), sql=sql, parents=tuple(schema), dialect=DIALECT)
    return trace([*tables, query])


def main() -> int:
    """One line in the end, and one for each column that differs."""
    checkout = Path(sys.argv[1])
    schema, columns, twice, differing = schema_of(checkout), 0, 0, 0
    queries = list(queries_of(checkout))
    for number, sql in enumerate(queries, start=1):
        found = traced_by_us(sql, schema).lineages["query"].columns
        ours = {one.name.lower(): {(ref.node, ref.column.lower()) for ref in one.direct} for one in found}
        theirs = {
            name.lower(): origins(tree) for name, tree in lineage(None, sql, schema=schema, dialect=DIALECT).items()
        }
        names = Counter(name.lower() for name in parse_one(sql, dialect=DIALECT).named_selects)
        again = {name for name, count in names.items() if count > 1 and name}
        twice += len(again)
        for name in sorted((ours.keys() | theirs.keys()) - again):
            columns += 1
            if ours.get(name) != theirs.get(name):
                differing += 1
                print(f"query {number}, {name}: sqlglot {theirs.get(name)}, lockgate {ours.get(name)}")
    print(f"{len(queries)} queries, {columns} columns: {differing} differ; {twice} names stand twice")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
