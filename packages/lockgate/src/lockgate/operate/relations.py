"""Queries as trees in which every relation goes by the name of its node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from lockgate.core.lineage import LineageNode

# The schema of nodes in these trees; no database has one of that name.
NODES = "lockgate node"
_VOLATILE = (
    exp.Rand, exp.Randn, exp.Uuid, exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp,
    exp.CurrentUser, exp.NextValueFor,
)  # fmt: skip
_VOLATILE_NAMES = frozenset({
    "clock_timestamp", "gen_random_uuid", "getdate", "newid", "nextval", "now", "random", "statement_timestamp",
    "sysdate", "timeofday", "today", "transaction_timestamp", "txid_current", "uuid", "uuid_string",
})  # fmt: skip


class Unreadable(Exception):
    """A query that cannot be read, and why."""


def read(node: LineageNode, nodes: Mapping[str, LineageNode]) -> exp.Query:
    """The query of a node, with every relation that is one of its parents named by that.

    Raises:
        Unreadable: it cannot be parsed, or is no query.
    """
    try:
        tree: object = sqlglot.parse_one(node.sql, dialect=node.dialect or None)
        if not isinstance(tree, exp.Query):
            raise Unreadable("it is no query")
        tree = normalize_identifiers(tree, dialect=node.dialect or None)
        for table in list(tree.find_all(exp.Table)):
            parent = _parent(table, node, nodes)
            if parent is not None:
                table.set("this", exp.to_identifier(parent.name, quoted=True))
                table.set("db", exp.to_identifier(NODES, quoted=True))
                table.set("catalog", None)
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Unreadable(f"it cannot be read: {type(error).__name__}") from error
    return tree


def node_of(table: exp.Table) -> str:
    """The node that a relation of such a tree is; '' where it is none."""
    return table.name if table.db == NODES else ""


def volatile(tree: exp.Expr) -> Iterator[str]:
    """The functions in a tree that answer otherwise each time."""
    for each in tree.find_all(exp.Func):
        if isinstance(each, _VOLATILE):
            yield each.sql_name().lower()
        elif isinstance(each, exp.Anonymous) and each.name.lower() in _VOLATILE_NAMES:
            yield each.name.lower()


def _parent(table: exp.Table, node: LineageNode, nodes: Mapping[str, LineageNode]) -> LineageNode | None:
    """The one parent that a relation's name means; a common table expression has no schema, and shadows a parent."""
    wanted = tuple(part.name.casefold() for part in table.parts)
    parents = [nodes[name] for name in node.parents if name in nodes and nodes[name].relation]
    found = [one for one in parents if tuple(part.casefold() for part in one.relation)[-len(wanted) :] == wanted]
    if len(found) != 1 or (len(wanted) == 1 and len(found[0].relation) > 1):
        return None
    return found[0]
