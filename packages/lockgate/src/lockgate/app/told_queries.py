"""What queries that were run read and leave, from their SQL: datasets, columns, and the SQL without its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from lockgate.core.lineage import LineageNode, NodeKind, Reading
from lockgate.core.lineage_event import DatasetName, FieldRead
from lockgate.core.relation import Relation
from lockgate.lineage import Graph, Traced, trace

# However a dialect writes text, numbers, bytes, and paths into JSON.
_VALUES = (
    exp.BitString,
    exp.ByteString,
    exp.Heredoc,
    exp.HexString,
    exp.JSONPath,
    exp.Literal,
    exp.National,
    exp.RawString,
    exp.UnicodeString,
)


@dataclass(frozen=True, slots=True)
class Known:
    """The streams' columns, by relation, and what any relation is called as a dataset."""

    streams: Mapping[Relation, tuple[str, ...]]
    named: Callable[[Relation], DatasetName]


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """What a query reads, its output columns, what they are made of, and its SQL with `?` where values stood.

    A query that dbt made may hold values that it read from rows before.
    """

    reads: tuple[DatasetName, ...] = ()
    columns: tuple[str, ...] = ()
    fields: tuple[FieldRead, ...] = ()
    sql: str = ""


def read_queries(asked: Sequence[LineageNode], known: Known) -> Mapping[str, ReadQuery]:
    """What each node's query reads and leaves; empty where it cannot be read."""
    ours = (*known.streams, *(Relation(*node.relation) for node in asked))
    spelled = {(one.schema.casefold(), one.name.casefold()): one for one in ours}
    trees = {node.name: tree for node in asked if (tree := _parsed(node, spelled)) is not None}
    nodes = [replace(node, sql=trees[node.name].sql(node.dialect) if node.name in trees else "") for node in asked]
    dialect = asked[0].dialect if asked else ""
    own = {Relation(*node.relation) for node in nodes}
    others = {each for tree in trees.values() for each in _relations(tree)} - own
    outside = [_outside(relation, known, dialect) for relation in sorted({*others, *known.streams} - own)]
    names = {node.name: known.named(Relation(*node.relation)) for node in (*nodes, *outside)}
    traced = trace([*nodes, *outside])
    graph = Graph(traced)
    found = {node.name: list[FieldRead]() for node in nodes}
    for read in graph.column_edges():
        if read.target.node in found and read.source.node in names:
            found[read.target.node].append(
                FieldRead(read.target.column, names[read.source.node], read.source.column, Reading.DIRECT)
            )
    return {
        node.name: ReadQuery(
            tuple(dict.fromkeys(known.named(each) for each in _relations(trees[node.name]))),
            graph.columns_of(node.name),
            (*found[node.name], *_deciding(node.name, traced, names)),
            _without_values(trees[node.name], node.dialect),
        )
        for node in nodes
        if node.name in trees
    }


def _deciding(name: str, traced: Traced, names: Mapping[str, DatasetName]) -> Iterator[FieldRead]:
    """What decides about rows, of all columns or of one."""
    lineage = traced.lineages[name]
    for one in lineage.rows:
        if one.column.node in names:
            yield FieldRead("", names[one.column.node], one.column.column, one.reading)
    for column in lineage.columns:
        for one in column.indirect:
            if one.column.node in names:
                yield FieldRead(column.name, names[one.column.node], one.column.column, one.reading)


def _parsed(node: LineageNode, spelled: Mapping[tuple[str, str], Relation]) -> exp.Expr | None:
    """A query's tree; None where it cannot be read.

    Relations have no database before them, for there is one, and those that we know are spelled as we do.
    """
    try:
        tree = parse_one(node.sql, read=node.dialect) if node.sql.strip() else None
    except SqlglotError:
        return None
    for relation in tree.find_all(exp.Table) if tree is not None else ():
        if relation.db:
            relation.set("catalog", None)
            ours = spelled.get((relation.db.casefold(), relation.name.casefold()))
            if ours is not None:
                relation.set("db", exp.to_identifier(ours.schema, quoted=True))
                relation.set("this", exp.to_identifier(ours.name, quoted=True))
    return tree


def _relations(tree: exp.Expr) -> Iterator[Relation]:
    """The relations that a query reads, in the order of their names."""
    found = {Relation(each.db, each.name) for each in tree.find_all(exp.Table) if each.db and each.name}
    yield from sorted(found)


def _outside(relation: Relation, known: Known, dialect: str) -> LineageNode:
    columns = known.streams.get(relation, ())
    place = (relation.schema, relation.name)
    return LineageNode(f"outside {relation}", NodeKind.SOURCE, place, columns, bool(columns), dialect=dialect)


def _without_values(tree: exp.Expr, dialect: str) -> str:
    """A query's SQL with `?` for each value; how long a type is stays."""

    def emptied(node: exp.Expr) -> exp.Expr:
        is_value = isinstance(node, _VALUES) and not isinstance(node.parent, exp.DataTypeParam)
        return exp.Var(this="?") if is_value else node

    return tree.copy().transform(emptied).sql(dialect, pretty=True, comments=False)
