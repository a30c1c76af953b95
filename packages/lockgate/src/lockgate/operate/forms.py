"""Queries in one form, the same for what means the same under other aliases, orders of conditions and nestings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.canonicalize_internal_names import canonicalize_internal_names
from sqlglot.optimizer.eliminate_ctes import eliminate_ctes
from sqlglot.optimizer.merge_subqueries import merge_subqueries
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from lockgate.operate.relations import NODES, Unreadable, node_of, volatile

_UNTYPED = "text"
_CONDITIONS = (exp.Where, exp.Having, exp.Qualify, exp.Join)


@dataclass(frozen=True, slots=True)
class Form:
    """What decides about the rows of a query, and its output columns as they are made, each with its names.

    Of a query that is no plain SELECT the whole is `rows`.
    """

    rows: str
    columns: Counter[str]
    names: Mapping[str, tuple[str, ...]]

    def shared(self, other: Form) -> float:
        """The share, of the columns of the wider of two with the same rows, that the other has too."""
        most = max(self.columns.total(), other.columns.total())
        return (self.columns & other.columns).total() / most if most else 1.0


def form_of(tree: exp.Query, columns: Mapping[str, tuple[str, ...]], dialect: str, mark: str) -> Form | None:
    """A query's form; `columns` are those of the nodes that it reads. Consumes the tree.

    What answers otherwise each time equals nothing: a column of it bears the `mark`; None where the rows rest on it.

    Raises:
        Unreadable: sqlglot cannot do it.
    """
    short = {name: f"n{at}" for at, name in enumerate(sorted(columns))}  # a dialect may fold longer ones
    for table in tree.find_all(exp.Table):
        if node_of(table) in short:
            table.set("this", exp.to_identifier(short[node_of(table)], quoted=True))
    relations = {short[name]: dict.fromkeys(several, _UNTYPED) for name, several in columns.items() if several}
    schema = MappingSchema({NODES: relations}, dialect=dialect or None, normalize=False)
    try:
        made: exp.Expr = qualify(tree, dialect=dialect or None, schema=schema, validate_qualify_columns=False)
        made = canonicalize_internal_names(eliminate_ctes(merge_subqueries(made)))
        _order(made)
    except (SqlglotError, RecursionError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise Unreadable(f"sqlglot cannot normalise it: {type(error).__name__}") from error
    if not isinstance(made, exp.Select) or made.args.get("distinct"):
        return None if next(volatile(made), None) else Form(made.sql(), Counter(), {})
    return _split(made, mark)


def conditions(tree: exp.Query) -> frozenset[str]:
    """The constants in the conditions of a query: two queries that have the same rows have the same ones."""
    places = tree.find_all(*_CONDITIONS)
    return frozenset(literal.sql() for place in places for literal in place.find_all(exp.Literal))


def _split(select: exp.Select, mark: str) -> Form | None:
    """A SELECT as its columns and the rest."""
    columns: Counter[str] = Counter()
    names: dict[str, tuple[str, ...]] = {}
    for each in select.selects:
        made = each.unalias().sql()
        made = f"{made} of {mark}" if next(volatile(each), None) else made
        columns[made] += 1
        names[made] = (*names.get(made, ()), each.output_name)
    select.set("expressions", [])
    if not any(select.args.get(name) for name in ("limit", "offset", "fetch")):
        select.set("order", None)
    return None if next(volatile(select), None) else Form(select.sql(), columns, names)


def _order(tree: exp.Expr) -> None:
    """Brings what has an order that means nothing, AND, OR, =, <> and the values of IN, into one of ours."""
    for node in reversed(list(tree.find_all(exp.Connector, exp.EQ, exp.NEQ, exp.In))):  # inner ones first
        if isinstance(node, exp.Connector):
            if type(node.parent) is not type(node):
                node.replace(_sorted(node))
        elif isinstance(node, exp.EQ | exp.NEQ) and node.left.sql() > node.right.sql():
            left, right = node.left, node.right
            node.set("this", right)
            node.set("expression", left)
        elif isinstance(node, exp.In) and node.expressions:
            node.set("expressions", sorted(node.expressions, key=lambda one: one.sql()))


def _sorted(node: exp.Connector) -> exp.Expr:
    """An AND or OR with its parts in order, each once."""
    parts = {part.sql(): part for part in (part.unnest() for part in node.flatten())}
    together = exp.and_ if isinstance(node, exp.And) else exp.or_
    return together(*(parts[text].copy() for text in sorted(parts)), copy=False)
