"""The lineage of one query: every output column at once, in one pass over its scopes, inner ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, ScopeType

from lockgate.core.lineage import ColumnLineage, Passage, QueryLineage, Reading, Unresolved
from lockgate.lineage.names import Names
from lockgate.lineage.pivots import pivoted
from lockgate.lineage.places import Place, sees_outer
from lockgate.lineage.reading import ReadQuery, Unreadable, dialect_of, read_query
from lockgate.lineage.selects import SelectShape
from lockgate.lineage.shapes import NO_INFLUENCES, Influences, Opening, Reach, Shape, Unknown, shape_of, united

MOST_TURNS = 50
Relations = Callable[[tuple[str, ...]], Shape]


def query_lineage(node: str, sql: str, dialect: str, relations: Relations) -> QueryLineage:
    """What each output column of a query is made of, what decides about its rows, and what is not known.

    `relations` gives the shape of a relation by its name's parts, database first; dialects are named as sqlglot does.
    """
    try:
        read = read_query(sql, dialect)
        return _Tracer(node, read, dialect_of(dialect), relations).traced()
    except Unreadable as unreadable:
        return QueryLineage(unresolved=(Unresolved(node, "", str(unreadable)),))
    except RecursionError:
        return QueryLineage(unresolved=(Unresolved(node, "", "it is nested too deeply"),))


class _Tracer:
    """The shapes of one query's scopes."""

    def __init__(self, node: str, read: ReadQuery, dialect: str, relations: Relations) -> None:
        self._node = node
        self._read = read
        self._relations = relations
        self._names = Names(node, dialect, self._shape_of, self._projection)
        self._shapes: dict[int, Shape] = {}
        self._places: dict[int, Place] = {}
        self._selects: dict[int, SelectShape] = {}
        self._by_expression = {id(scope.expression): scope for scope in read.scopes}
        self._scopes = {id(scope) for scope in read.scopes}
        self._leads_back = False

    def traced(self) -> QueryLineage:
        """The whole; where a query reads itself, again until nothing more is found."""
        for _ in range(MOST_TURNS):
            before = dict(self._shapes)
            self._names.problems.clear()
            self._places.clear()
            for scope in self._read.scopes:
                self._shapes[id(scope)] = self._scope_shape(scope)
            if not self._leads_back or before == self._shapes:
                break
        return self._result(self._shapes[id(self._read.scopes[-1])])

    def _result(self, shape: Shape) -> QueryLineage:
        for name in sorted(shape.twice):
            self._names.problems[Unresolved(self._node, name, f"two output columns are called {name!r}")] = None
        for opening in (one for one in shape.openings if not one.why):
            reason = f"a star over {opening.node or 'a function'}, whose columns are not all known"
            self._names.problems[Unresolved(self._node, "*", reason)] = None
        columns = tuple(
            ColumnLineage(name, tuple(sorted(reach.direct)), tuple(sorted(reach.indirect)))
            for name, reach in shape.outputs()
        )
        passages = tuple(Passage(one.node, tuple(sorted(one.hidden)), one.why) for one in shape.openings)
        return QueryLineage(columns, tuple(sorted(shape.rows)), passages, tuple(self._names.problems))

    def _scope_shape(self, scope: Scope) -> Shape:
        expression = scope.expression
        if isinstance(expression, exp.Select):
            select = SelectShape(expression, self._place(scope), self._names)
            self._selects[id(scope)] = select
            shape = select.shape()
        elif isinstance(expression, exp.SetOperation):
            shape = self._set_operation(scope, expression)
        elif isinstance(expression, exp.UDTF):
            shape = self._function(scope, expression)
        else:
            shape = self._wrapped(scope, expression)
        by_name = scope.parent is not None and scope.parent.expression.args.get("by_name")
        is_arm = scope.scope_type is ScopeType.SET_OPERATION
        return shape if is_arm and by_name else shape.renamed(scope.outer_columns)

    def _wrapped(self, scope: Scope, expression: exp.Expr) -> Shape:
        """A query in parentheses, with the joins and limits that stand outside of these."""
        inner = self._by_expression.get(id(expression.unnest()))
        if inner is None or inner is scope:
            return Shape()
        shape = self._shapes.get(id(inner), Shape())
        return replace(shape, rows=shape.rows | self._ordered(expression, shape))

    def _projection(self, place: Place, at: int) -> Reach:
        return self._selects[id(place.scope)].projection(at)

    def _shape_of(self, query: exp.Expr) -> Shape:
        scope = self._by_expression.get(id(query))
        return self._shapes.get(id(scope), Shape()) if scope is not None else Shape()

    def _place(self, scope: Scope) -> Place:
        """The names of a scope; made when it is first asked for, by the scope itself or by one inside it."""
        if id(scope) in self._places:
            return self._places[id(scope)]
        place = Place(scope, {}, self._outer(scope))
        place.relations.update(self._relations_of(scope, place))
        if all(self._is_worked_out(source) for source in scope.sources.values()):
            self._places[id(scope)] = place
        expression = scope.expression
        if isinstance(expression, exp.Select):
            place.unseen = frozenset(scope.semi_or_anti_join_tables)
            for at, one in enumerate(expression.selects):
                place.outputs.setdefault(one.output_name, at)
                if isinstance(one, exp.Alias):
                    place.aliases.setdefault(one.alias, at)
            has_star = any(isinstance(one, exp.Star) for one in expression.selects)
            place.stands_open = has_star and any(shape.openings for _, shape in place.visible())
        return place

    def _outer(self, scope: Scope) -> Place | None:
        """Where names are looked up next: in the nearest SELECT around, which a function in FROM knows already."""
        around = scope
        while around.parent is not None and (around.scope_type is ScopeType.UDTF or sees_outer(around)):
            skipped = around.scope_type is ScopeType.UDTF
            around = around.parent
            if isinstance(around.expression, exp.Select | exp.UDTF) and not skipped:
                return self._place(around)
        return None

    def _is_worked_out(self, source: exp.Table | Scope) -> bool:
        return isinstance(source, exp.Table) or id(source) in self._shapes or id(source) not in self._scopes

    def _relations_of(self, scope: Scope, place: Place) -> Iterator[tuple[str, Shape]]:
        if not isinstance(scope.expression, exp.Select):
            for name, source in scope.lateral_sources.items():
                shape = self._source(source)
                if shape is not None:
                    yield name, shape
            return
        for name, node in scope.references:
            found = scope.sources.get(name)
            shape = self._source(found) if found is not None else None
            if shape is None:
                continue
            if isinstance(node, exp.Table):
                shape = shape.renamed(node.alias_column_names)
            pivots = node.args.get("pivots") or []
            yield (pivots[-1].alias or name, self._after(pivots, shape, place)) if pivots else (name, shape)

    def _after(self, pivots: list[exp.Pivot], shape: Shape, place: Place) -> Shape:
        for pivot in pivots:
            inside = Place(place.scope, {"": shape}, None)
            try:
                shape = pivoted(shape, pivot, partial(self._names.reach, place=inside))
            except Unknown as unknown:
                self._names.note(pivot, str(unknown))
                shape = replace(shape, openings=(Opening("", why=str(unknown)),))
            shape = shape.renamed(pivot.alias_column_names)
        return shape

    def _source(self, source: exp.Table | Scope) -> Shape | None:
        """The shape of what a name stands for; None where it is not worked out yet."""
        if isinstance(source, Scope):
            return self._shapes.get(id(source)) if id(source) in self._scopes else self._recursive(source)
        if isinstance(source.this, exp.Func):
            inside = Place(Scope(source), {}, None)
            return Shape(openings=(Opening("", reach=self._names.reach(source.this, inside)),))
        return self._relations(tuple(part.name for part in source.parts))

    def _recursive(self, source: Scope) -> Shape:
        """What a query that reads itself has been found to be so far: at first what it begins with."""
        self._leads_back = True
        whole = source.expression.find_ancestor(exp.CTE)
        for expression in (whole.this if whole is not None else None, source.expression):
            known = self._by_expression.get(id(expression))
            if known is not None and id(known) in self._shapes:
                return self._shapes[id(known)]
        return Shape()

    def _function(self, scope: Scope, function: exp.UDTF) -> Shape:
        """A relation made by a function or a list of values: each column is made of all that goes in."""
        if isinstance(function, exp.Values):
            return self._values(scope, function)
        place = self._place(scope)
        query = function.this.unnest() if isinstance(function.this, exp.Subquery) else None
        if query is not None:
            return self._shape_of(query)
        reach = self._names.reach(function, place)
        names = [one for one in function.alias_column_names if one]
        offset = function.args.get("offset")
        if isinstance(offset, exp.Identifier):
            names.append(offset.name)
        rows = reach.influences(Reading.JOIN)
        if names:
            return Shape(dict.fromkeys(names, reach), (Opening("", frozenset(names), reach),), rows)
        return Shape(openings=(Opening("", reach=reach),), rows=rows)

    def _values(self, scope: Scope, values: exp.Values) -> Shape:
        place = self._place(scope)
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
        width = min((len(row) for row in rows), default=0)
        reaches = [united(self._names.reach(row[at], place) for row in rows) for at in range(width)]
        return Shape({f"column{at}": reach for at, reach in enumerate(reaches)})

    def _set_operation(self, scope: Scope, operation: exp.SetOperation) -> Shape:
        left, right = (self._shapes.get(id(one), Shape()) for one in scope.set_operation_scopes)
        both = left.rows | right.rows
        if operation.args.get("by_name") or operation.args.get("on"):
            shape = self._by_name(left, right)
        elif left.openings or right.openings:
            why = "a set operation over a star whose columns are not all known"
            self._names.note(operation, why)
            return Shape(openings=(Opening("", why=why),), rows=both)
        else:
            shape = self._by_position(operation, left, right)
        if not isinstance(operation, exp.Union):
            both |= right.everything().influences(Reading.FILTER)
        return replace(shape, rows=both | self._ordered(operation, shape))

    def _by_position(self, operation: exp.SetOperation, left: Shape, right: Shape) -> Shape:
        ours, others = left.outputs(), right.outputs()
        if len(ours) != len(others) and not self._leads_back:
            counts = f"{len(ours)} and {len(others)}"
            self._names.note(operation, f"a set operation over {counts} columns")
        if not isinstance(operation, exp.Union):
            return left
        return shape_of([
            (name, united((reach, others[at][1])) if at < len(others) else reach)
            for at, (name, reach) in enumerate(ours)
        ])  # fmt: skip

    def _by_name(self, left: Shape, right: Shape) -> Shape:
        names = dict.fromkeys((*left.columns, *right.columns))
        columns = {
            name: united([side.columns[name] for side in (left, right) if name in side.columns]) for name in names
        }
        return Shape(columns, (*left.openings, *right.openings))

    def _ordered(self, expression: exp.Expr, shape: Shape) -> Influences:
        """What the order of a limited set operation or query in parentheses reads: its own output columns."""
        order = expression.args.get("order")
        if order is None or not any(expression.args.get(name) for name in ("limit", "offset", "fetch")):
            return NO_INFLUENCES
        place = Place(Scope(expression), {"": shape}, None)
        found = self._names.reach(cast("exp.Expr", order), place).influences(Reading.ORDER)
        for one in order.expressions:
            if isinstance(one.this, exp.Literal) and one.this.is_int and 0 < int(one.this.name) <= len(shape.columns):
                found |= shape.outputs()[int(one.this.name) - 1][1].influences(Reading.ORDER)
        return found
