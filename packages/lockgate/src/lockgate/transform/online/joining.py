"""An entity's dbt graph as one query: every model that it stands on becomes a part of it, read by its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from lockgate.core.compiled import CompiledNode
from lockgate.core.relation import Relation
from lockgate.transform.online.refusal import refused

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class JoinedQuery:
    """One query that needs no model to be built; `leaves` are the relations that it reads, each once.

    Its named parts are the models, and the named parts of models, each after those that it reads; `owners` says whose
    each part is.
    """

    query: exp.Query
    leaves: tuple[Relation, ...]
    owners: Mapping[str, str]


def joined(models: Sequence[CompiledNode], model: str, dialect: str, *, known: Sequence[Relation] = ()) -> JoinedQuery:
    """The query of `model` over relations that none of `models` builds; those of `known` are called as they are there.

    Raises:
        NotOnline: a model's SQL cannot be read, reads itself, or names a relation without its schema.
    """
    return _Joining(models, dialect, known).query_of(model)


def folded(name: str, dialect: str) -> str:
    """A name as an engine compares it: DuckDB tells no upper case from lower, in quotes or not, of ASCII's letters."""
    return name.translate(_LOWER) if dialect == "duckdb" else name


def statements(sql: str, dialect: str) -> list[exp.Expr]:
    """The statements in a text; what stands after the last semicolon may be nothing but a comment.

    Raises:
        SqlglotError, RecursionError: it cannot be read.
    """
    return [tree for tree in sqlglot.parse(sql, dialect=dialect) if not isinstance(tree, exp.Semicolon | None)]


class _Joining:
    """The parts of a query as they are found, each with the models that it reads."""

    def __init__(self, models: Sequence[CompiledNode], dialect: str, known: Sequence[Relation]) -> None:
        self._dialect = dialect
        self._models = {self._folded(one.relation): one for one in models}
        self._known = {self._folded(one): one for one in known}
        self._by_name = {one.name: one for one in models}
        self._parts: dict[str, exp.CTE] = {}
        self._reads: dict[str, set[str]] = {}
        self._owners: dict[str, str] = {}
        self._leaves: dict[Relation, None] = {}

    def query_of(self, model: str) -> JoinedQuery:
        waiting = [model]
        while waiting:
            name = waiting.pop()
            if name not in self._parts:
                waiting += self._take(self._by_name[name])
        try:
            order = tuple(TopologicalSorter(self._reads).static_order())
        except CycleError as error:
            told = self._by_name[model]
            raise refused(told, "the models read each other in a circle", "Take one of them apart.") from error
        query = exp.select("*").from_(exp.Table(this=_quoted(model)))
        query.set("with_", exp.With(expressions=[self._parts[name] for name in order]))
        return JoinedQuery(query, tuple(self._leaves), self._owners)

    def _take(self, model: CompiledNode) -> set[str]:
        """Makes parts of a model; gives the models that it reads."""
        tree = self._read(model)
        reads = self._linked(tree, model)
        own = _lifted(tree, model.name)
        for part in (*own, _part(model.name, self._cast(tree, model))):
            names = {table.name for table in part.this.find_all(exp.Table) if not table.db}
            self._parts[part.alias] = part
            self._owners[part.alias] = model.name
            self._reads[part.alias] = names & {*reads, *(one.alias for one in own)}
        return reads

    def _linked(self, tree: exp.Query, model: CompiledNode) -> set[str]:
        """Calls other models by their names, and everything else as it is known; gives the models that were met."""
        reads: set[str] = set()
        tables = tuple(_tables(tree, model))
        if any(self._folded(Relation(table.db, table.name)) == self._folded(model.relation) for table in tables):
            raise refused(model, "it reads what it was itself at an earlier run", "Compute it from its sources alone.")
        _shorten(tree, {self._folded(Relation(table.db, table.name)) for table in tables}, self._folded)
        for table in tables:
            relation = Relation(table.db, table.name)
            other = self._models.get(self._folded(relation))
            alias = table.args.get("alias") or exp.TableAlias()
            if not alias.this:
                alias.set("this", _quoted(folded(table.name, self._dialect)))
            if other is None:
                relation = self._known.setdefault(self._folded(relation), relation)
                self._leaves[relation] = None
                called: dict[str, exp.Identifier | None]
                called = {"this": _quoted(relation.name), "db": _quoted(relation.schema)}
            else:
                reads.add(other.name)
                called = {"this": _quoted(other.name), "db": None}
            table.replace(exp.Table(**{**table.args, **called, "catalog": None, "alias": alias}))
        return reads

    def _read(self, model: CompiledNode) -> exp.Query:
        try:
            trees = statements(model.sql, self._dialect)
        except (SqlglotError, RecursionError) as error:
            raise refused(model, "its SQL cannot be read", "Write it so that its compiled SQL is one query.") from error
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise refused(model, "it is more than one query", "Write it as one SELECT.")
        return _called(_in_one_case(trees[0], self._dialect))

    def _cast(self, tree: exp.Query, model: CompiledNode) -> exp.Query:
        """The query with the types of the model's contract, where dbt enforces one."""
        if model.columns is None:
            return tree
        columns = [
            exp.alias_(exp.cast(exp.column(name, quoted=True), type_, dialect=self._dialect), name, quoted=True)
            for name, type_ in model.columns.items()
        ]
        return exp.select(*columns).from_(tree.subquery("contracted"))

    def _folded(self, relation: Relation) -> Relation:
        return Relation(folded(relation.schema, self._dialect), folded(relation.name, self._dialect))


def _part(name: str, query: exp.Query) -> exp.CTE:
    return exp.CTE(this=query, alias=exp.TableAlias(this=_quoted(name)))


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _tables(tree: exp.Query, model: CompiledNode) -> Iterator[exp.Table]:
    """What a query reads besides its own parts."""
    for scope in traverse_scope(tree):
        for table in scope.tables:
            if not isinstance(table.this, exp.Identifier):
                continue  # a function that makes rows
            if table.db:
                yield table
            elif table.name not in scope.cte_sources:
                message = f"it reads {table.name!r} without saying of which schema"
                raise refused(model, message, "Read it by source() or ref().")


def _lifted(tree: exp.Query, model: str) -> tuple[exp.CTE, ...]:
    """Takes a query's own named parts out of it, so that each can be computed by itself: they get names of their own.

    They stay where they are if they read themselves.
    """
    clause = tree.args.get("with_")
    if clause is None or clause.args.get("recursive"):
        return ()
    parts = tuple(clause.expressions)
    names = {id(_body(part)): f"{part.alias} of {model}" for part in parts}
    for scope in traverse_scope(tree):
        for table in scope.tables:
            origin = scope.sources.get(table.alias_or_name)
            if table.db or not isinstance(origin, Scope) or id(origin.expression) not in names:
                continue
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            table.set("this", _quoted(names[id(origin.expression)]))
    tree.set("with_", None)
    for part in parts:
        part.args["alias"].set("this", _quoted(names[id(_body(part))]))
        part.pop()
    return parts


def _body(part: exp.CTE) -> exp.Expr:
    """What a named part is, without parentheses around it."""
    return part.this.unnest() if isinstance(part.this, exp.Subquery) else part.this


def _in_one_case(tree: exp.Query, dialect: str) -> exp.Query:
    """The query with names of tables within it in one case, where the engine does not tell them apart."""
    for found in tree.find_all(exp.TableAlias, exp.Table, exp.Column):
        name = found.args.get("table") if isinstance(found, exp.Column) else found.this
        if isinstance(name, exp.Identifier) and not (isinstance(found, exp.Table) and found.db):
            name.set("this", folded(name.name, dialect))
    return tree


def _called(tree: exp.Query) -> exp.Query:
    """The query with a name for every query that it reads in place of a table."""
    unnamed = (found for found in tree.find_all(exp.Subquery) if isinstance(found.parent, exp.From | exp.Join))
    for number, found in enumerate(found for found in unnamed if not found.alias and isinstance(found.this, exp.Query)):
        found.set("alias", exp.TableAlias(this=_quoted(f"unnamed query {number}")))
    return tree


def _shorten(tree: exp.Query, tables: set[Relation], fold: Callable[[Relation], Relation]) -> None:
    """Columns that are named by schema and table keep the table's name alone, which its alias stands for."""
    for column in tree.find_all(exp.Column):
        if fold(Relation(column.text("db"), column.table)) in tables:
            column.set("db", None)
            column.set("catalog", None)
