"""An entity's dbt graph as one query: every model that it stands on becomes a part of it, read by its own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from lockgate.core.compiled import CompiledNode
from lockgate.core.relation import Relation
from lockgate.transform.online.refusal import NotOnline


@dataclass(frozen=True, slots=True)
class JoinedQuery:
    """One query that needs no model to be built; `leaves` are the relations that it reads, each once."""

    query: exp.Query
    leaves: tuple[Relation, ...]


def joined(models: Sequence[CompiledNode], model: str, dialect: str) -> JoinedQuery:
    """The query of `model` over relations that none of `models` builds.

    Raises:
        NotOnline: a model's SQL cannot be read, reads itself, or names a relation without its schema.
    """
    return _Joining({one.relation: one for one in models}, dialect).query_of(model)


class _Joining:
    """The parts of a query as they are found, each with the models that it reads."""

    def __init__(self, models: Mapping[Relation, CompiledNode], dialect: str) -> None:
        self._models = models
        self._by_name = {one.name: one for one in models.values()}
        self._dialect = dialect
        self._parts: dict[str, exp.Query] = {}
        self._reads: dict[str, set[str]] = {}
        self._leaves: dict[Relation, None] = {}

    def query_of(self, model: str) -> JoinedQuery:
        waiting = [model]
        while waiting:
            name = waiting.pop()
            if name not in self._parts:
                self._parts[name], self._reads[name] = self._part(self._by_name[name])
                waiting += self._reads[name]
        try:
            order = tuple(TopologicalSorter(self._reads).static_order())
        except CycleError as error:
            raise NotOnline("the models read each other in a circle", model=model) from error
        query = exp.select("*").from_(_called(model))
        for name in order:
            query = query.with_(exp.to_identifier(name, quoted=True), as_=self._parts[name], copy=False)
        return JoinedQuery(query, tuple(self._leaves))

    def _part(self, model: CompiledNode) -> tuple[exp.Query, set[str]]:
        """A model's query with other models by their names, and those names."""
        tree = self._read(model)
        reads: set[str] = set()
        for table in tuple(_tables(tree, model)):
            relation = Relation(table.db, table.name)
            other = self._models.get(relation)
            if other is None:
                self._leaves[relation] = None
                continue
            reads.add(other.name)
            alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
            table.replace(exp.Table(**{**table.args, "this": exp.to_identifier(other.name, quoted=True), "db": None,
                                       "catalog": None, "alias": alias}))  # fmt: skip
        _shorten(tree)
        return self._cast(tree, model), reads

    def _read(self, model: CompiledNode) -> exp.Query:
        try:
            trees = [tree for tree in sqlglot.parse(model.sql, dialect=self._dialect) if tree is not None]
        except (SqlglotError, RecursionError) as error:
            raise NotOnline("its SQL cannot be read", model=model.name) from error
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise NotOnline("it is more than one query", model=model.name)
        return trees[0]

    def _cast(self, tree: exp.Query, model: CompiledNode) -> exp.Query:
        """The query with the types of the model's contract, where dbt enforces one."""
        if model.columns is None:
            return tree
        columns = [
            exp.alias_(exp.cast(exp.column(name, quoted=True), type_, dialect=self._dialect), name, quoted=True)
            for name, type_ in model.columns.items()
        ]
        return exp.select(*columns).from_(tree.subquery("contracted"))


def _called(model: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(model, quoted=True))


def _tables(tree: exp.Query, model: CompiledNode) -> Iterator[exp.Table]:
    """What a query reads besides its own parts."""
    for scope in traverse_scope(tree):
        for table in scope.tables:
            if not isinstance(table.this, exp.Identifier):
                continue  # a function that makes rows
            if table.db:
                yield table
            elif table.name not in scope.cte_sources:
                raise NotOnline(f"it reads {table.name!r} without saying of which schema", model=model.name)


def _shorten(tree: exp.Query) -> None:
    """Columns that are named by schema and table keep the table's name alone, which its alias stands for."""
    for column in tree.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
            column.set("catalog", None)
