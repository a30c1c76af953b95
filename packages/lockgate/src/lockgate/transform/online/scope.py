"""Whether each record of a request stands for itself, by what its query does with the rows of records.

Rows of a request that meet each other, in an aggregate, a window, a duplicate removed, a limit or a join, make the
whole request one thing: it is answered alone, and by one implementation. What is not known to keep rows apart, joins
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from lockgate.core.relation import Relation

_TOGETHER = (exp.AggFunc, exp.Window)
# What makes more of a source than the table or query that it names.
_COMPOUND = ("joins", "pivots", "sample")
# Joins by which no row is there without one of an earlier source.
INNER = frozenset({"", "INNER", "CROSS"})
APART = INNER | {"LEFT", "SEMI", "ANTI"}


class Reach(IntEnum):
    """What a row rests on: on no record, on one alone, or on others too."""

    REFERENCE = 0
    ROW = 1
    REQUEST = 2


def reach_of(query: exp.Query, records: Relation) -> Reach:
    """What the rows of a query rest on that reads `records`; columns need not be qualified."""
    return readings(query, records)[-1].reach


@dataclass(frozen=True, slots=True)
class Source:
    """What a SELECT reads: by which name, how it is joined, and what its rows rest on."""

    name: str
    kind: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Reading:
    """One SELECT, or the like, of a query; `inner` is what queries within its expressions rest on."""

    scope: Scope
    reach: Reach
    sources: tuple[Source, ...] = ()
    inner: Reach = Reach.REFERENCE

    @property
    def carriers(self) -> tuple[Source, ...]:
        """What brings records."""
        return tuple(source for source in self.sources if source.reach is not Reach.REFERENCE)


def readings(query: exp.Query, records: Relation) -> list[Reading]:
    """All that a query consists of, each after what it reads: the query itself is the last."""
    found: dict[int, Reach] = {}
    read = []
    for scope in traverse_scope(query):
        one = _Reading(scope, records, found)
        found[id(scope)] = one.reach()
        read.append(Reading(scope, found[id(scope)], one.sources(), one.inner()))
    return read


class _Reading:
    """One scope, whose sources are known already."""

    def __init__(self, scope: Scope, records: Relation, known: Mapping[int, Reach]) -> None:
        self._scope = scope
        self._records = records
        self._known = known

    def reach(self) -> Reach:
        expression = self._scope.expression
        if isinstance(expression, exp.SetOperation):
            return self._of_set(expression)
        if isinstance(expression, exp.Select):
            return self._of_select(expression)
        return self._of_function()

    def _of_set(self, operation: exp.SetOperation) -> Reach:
        arms = [self._known[id(scope)] for scope in self._scope.set_operation_scopes]
        if max(arms) is Reach.REFERENCE:
            return Reach.REFERENCE
        is_apart = isinstance(operation, exp.Union) and not operation.args.get("distinct")
        return Reach.ROW if is_apart and not is_cut(operation) and set(arms) == {Reach.ROW} else Reach.REQUEST

    def _of_select(self, select: exp.Select) -> Reach:
        sources, inner = self.sources(), self.inner()
        everything = [*(source.reach for source in sources), inner]
        if max(everything) is Reach.REFERENCE:
            return Reach.REFERENCE
        if Reach.REQUEST in everything or inner is Reach.ROW or _is_together(select):
            return Reach.REQUEST
        if sum(reach is Reach.ROW for reach in everything) > 1:
            return Reach.REQUEST
        return Reach.ROW if _keeps_apart(sources) else Reach.REQUEST

    def inner(self) -> Reach:
        """What the queries within expressions rest on."""
        return max((self._known[id(scope)] for scope in self._scope.subquery_scopes), default=Reach.REFERENCE)

    def sources(self) -> tuple[Source, ...]:
        """What FROM and each join reads, in the order in which they stand."""
        select = self._scope.expression
        if isinstance(select, exp.SetOperation):
            return tuple(Source("", "", self._known[id(arm)]) for arm in self._scope.set_operation_scopes)
        if not isinstance(select, exp.Select):
            return ()
        origin = select.args.get("from_")
        joins = select.args.get("joins") or []
        named = [("", origin.this)] if origin is not None else []
        named += [(kind_of(join), join.this) for join in joins]
        named += [("", lateral) for lateral in select.args.get("laterals") or []]
        return tuple(Source(source.alias_or_name, kind, self._of_source(source)) for kind, source in named)

    def _of_source(self, source: exp.Expr) -> Reach:
        if is_compound(source):
            return Reach.REQUEST
        name = source.alias_or_name
        origin = self._scope.sources.get(name)
        if isinstance(origin, Scope):
            return self._known.get(id(origin), Reach.REQUEST)
        if isinstance(origin, exp.Table):
            return Reach.ROW if Relation(origin.db, origin.name) == self._records else Reach.REFERENCE
        return Reach.REFERENCE if isinstance(source, exp.UDTF) else Reach.REQUEST

    def _of_function(self) -> Reach:
        """What makes rows of one row, as `unnest` does, adds no record; a query in it may."""
        below = (*self._scope.subquery_scopes, *self._scope.derived_table_scopes)
        inner = [self._known[id(scope)] for scope in below]
        return Reach.REQUEST if max(inner, default=Reach.REFERENCE) > Reach.REFERENCE else Reach.REFERENCE


def kind_of(join: exp.Join) -> str:
    """`LEFT`, `RIGHT`, `FULL`, `SEMI`, `ANTI`, `CROSS`, `INNER`, or empty; of what else there is, its own word."""
    if join.method and join.method.upper() != "NATURAL":
        return str(join.method).upper()
    return str(join.side or join.kind or "").upper()


def _keeps_apart(sources: tuple[Source, ...]) -> bool:
    """Whether every row that a select reads has one record in it."""
    has_record = False
    for place, source in enumerate(sources):
        if place and source.kind not in APART:
            return False
        if source.reach is Reach.ROW:
            if place and source.kind not in INNER:
                return False  # rows of the other side stay without a record, or are there but for it
            has_record = True
    return has_record


def is_compound(source: exp.Expr) -> bool:
    """Whether a source is more than the table or query that it names."""
    return any(source.args.get(part) for part in _COMPOUND)


def is_cut(query: exp.Expr) -> bool:
    """Whether a limit or an offset, its own or one on parentheses around it, takes rows of a query away."""
    around: exp.Expr | None = query
    while around is not None and (around is query or isinstance(around, exp.Subquery)):
        if around.args.get("limit") or around.args.get("offset"):
            return True
        around = around.parent
    return False


def _is_together(select: exp.Select) -> bool:
    if is_cut(select) or any(select.args.get(part) for part in ("group", "having", "distinct", "qualify", "connect")):
        return True
    own = (found for found in select.find_all(*_TOGETHER) if found.find_ancestor(exp.Select) is select)
    return any(True for _ in own)
