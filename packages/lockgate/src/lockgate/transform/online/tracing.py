"""Which record an output row belongs to, by its key: an expression over columns of one record, found in the query.

A row with such a key is there only because of a record that has it. What is not known to be so, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from lockgate.core.relation import Relation
from lockgate.core.sql import column
from lockgate.errors import NotOnline
from lockgate.transform.online.scope import kind_of

_KEEPS_EARLIER = frozenset({"", "INNER", "LEFT", "CROSS", "SEMI", "ANTI", "ASOF"})
_NEEDS_LATER = frozenset({"", "INNER", "CROSS", "RIGHT"})
_LEFT_ALONE = frozenset({"SEMI", "ANTI"})
# What an expression may consist of that is known to take one row and to give one value.
_OF_ONE_ROW: tuple[type[exp.Expr], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Case, exp.If),
    *(exp.Add, exp.Sub, exp.Mul, exp.EQ, exp.NEQ, exp.Is, exp.And, exp.Or, exp.Not, exp.Neg, exp.DPipe),
    *(exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Coalesce, exp.Nullif, exp.Concat),
    *(exp.Upper, exp.Lower, exp.Trim, exp.MD5),
)


def traced(
    query: exp.Query, records: Relation, names: Sequence[str], columns: Mapping[Relation, Sequence[str]]
) -> tuple[exp.Expr, ...]:
    """The query's columns of those names, as expressions over columns of the record that their row is made of.

    `columns` has the columns of what the query reads.

    Raises:
        NotOnline: a row may be there without a record, or its key cannot be told from the record; the message says why.
    """
    root = traverse_scope(query)[-1]
    tracer = _Tracer(records, {relation: tuple(map(str.lower, found)) for relation, found in columns.items()})
    outputs = [output.name for output in tracer.outputs(root)]
    wanted = []
    for name in names:
        if outputs.count(name.lower()) != 1:
            raise NotOnline(f"it is not plain where its column {name!r} comes from")
        wanted.append(outputs.index(name.lower()))
    return tracer.trace(root, wanted)


@dataclass(frozen=True, slots=True)
class _Output:
    """A column that a query gives; `value` is None where it is no expression that can be read."""

    name: str
    value: exp.Expr | None


@dataclass(frozen=True, slots=True)
class _Source:
    """What a SELECT reads; `names` is None where its columns are not known."""

    name: str
    kind: str
    origin: Scope | exp.Table | None
    names: tuple[str, ...] | None
    using: frozenset[str] = frozenset()
    is_natural: bool = False


class _Tracer:
    """Follows columns from what a query gives to what it reads; names are in lower case here."""

    def __init__(self, records: Relation, columns: Mapping[Relation, tuple[str, ...]]) -> None:
        self._records = records
        self._columns = columns
        self._known: dict[int, list[_Output]] = {}

    def trace(self, scope: Scope, wanted: Sequence[int]) -> tuple[exp.Expr, ...]:
        """The output columns at these places, over one record."""
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            return self._of_set(scope, expression, wanted)
        if not isinstance(expression, exp.Select):
            raise NotOnline("its key comes from a function that makes rows")
        return self._of_select(scope, expression, wanted)

    def outputs(self, scope: Scope) -> list[_Output]:
        """What a query gives, in order, as far as it can be told."""
        if id(scope) not in self._known:
            self._known[id(scope)] = self._given(scope)
        return self._known[id(scope)]

    def _given(self, scope: Scope) -> list[_Output]:
        if isinstance(scope.expression, exp.SetOperation):
            return self.outputs(scope.set_operation_scopes[0])
        if not isinstance(scope.expression, exp.Select):
            return []
        sources = self._sources(scope)
        return [output for one in scope.expression.expressions for output in self._projected(one, sources)]

    def _of_set(self, scope: Scope, operation: exp.SetOperation, wanted: Sequence[int]) -> tuple[exp.Expr, ...]:
        left, right = scope.set_operation_scopes
        found = self.trace(left, wanted)
        if not isinstance(operation, exp.Union):
            return found  # the rows of EXCEPT and INTERSECT are rows of the first
        places = list(wanted)
        if operation.args.get("by_name"):
            names = [output.name for output in self.outputs(left)]
            others = [output.name for output in self.outputs(right)]
            if any(names[place] not in others for place in wanted):
                raise NotOnline("not every part of a union has its key")
            places = [others.index(names[place]) for place in wanted]
        if [one.sql() for one in self.trace(right, places)] != [one.sql() for one in found]:
            raise NotOnline("parts of a union take its key from different columns of a record")
        return found

    def _of_select(self, scope: Scope, select: exp.Select, wanted: Sequence[int]) -> tuple[exp.Expr, ...]:
        group = select.args.get("group")
        if group and group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
            raise NotOnline("it groups its rows in several ways at once")
        outputs, sources = self.outputs(scope), self._sources(scope)
        values = [self._plain(outputs, place) for place in wanted]
        read = [self._resolved(found, sources) for value in values for found in value.find_all(exp.Column)]
        if len({source for source, _ in read}) != 1:
            raise NotOnline("its key does not come from one record")
        source = next(one for one in sources if one.name == read[0][0])
        _refuse_optional(source, sources)
        names = sorted({name for _, name in read})
        origins = dict(zip(names, self._of_source(source, names), strict=True))
        return tuple(self._replaced(value, origins, sources) for value in values)

    def _plain(self, outputs: Sequence[_Output], place: int) -> exp.Expr:
        value = outputs[place].value if place < len(outputs) else None
        if value is None or not all(isinstance(node, _OF_ONE_ROW) for node in value.walk()):
            raise NotOnline("its key is computed from more than one record, or in a way that cannot be followed")
        return value

    def _replaced(self, value: exp.Expr, origins: Mapping[str, exp.Expr], sources: Sequence[_Source]) -> exp.Expr:
        def of_record(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Column):
                return node
            origin = origins[self._resolved(node, sources)[1]]
            return origin.copy() if isinstance(origin, exp.Column) else exp.paren(origin)

        return value.transform(of_record)

    def _of_source(self, source: _Source, names: Sequence[str]) -> tuple[exp.Expr, ...]:
        known = source.names or ()
        if any(known.count(name) != 1 for name in names):
            raise NotOnline("it is not plain which column its key comes from")
        if isinstance(source.origin, Scope):
            return self.trace(source.origin, [known.index(name) for name in names])
        if source.origin is None or Relation(source.origin.db, source.origin.name) != self._records:
            raise NotOnline(f"its key comes from {source.name}, which has no records")
        own = self._columns[self._records]
        return tuple(column(own[known.index(name)]) for name in names)

    def _resolved(self, found: exp.Column, sources: Sequence[_Source]) -> tuple[str, str]:
        """The source of a column, and its name there."""
        name = found.name.lower()
        if found.table:
            fits = [one for one in sources if one.name == found.table]
            if len(fits) != 1 or found.args.get("db"):
                raise NotOnline(f"it is not plain what {found.sql()} is")
            return fits[0].name, name
        seen = [one for one in sources if one.kind not in _LEFT_ALONE]
        having = [one for one in seen if one.names is None or name in one.names]
        merged = all(name in one.using or one.is_natural for one in having[1:])
        if not having or not merged or any(one.names is None for one in having):
            raise NotOnline(f"it is not plain what {found.sql()} is: give it the name of its table")
        return having[0].name, name

    def _sources(self, scope: Scope) -> list[_Source]:
        select = scope.expression
        origin = select.args.get("from_")
        joins = [(kind_of(join), join.this, join) for join in select.args.get("joins") or ()]
        read = [("", origin.this, None)] if origin is not None else []
        read += [*joins, *(("", lateral, None) for lateral in select.args.get("laterals") or ())]
        return [self._source(scope, kind, this, join) for kind, this, join in read]

    def _source(self, scope: Scope, kind: str, this: exp.Expr, join: exp.Join | None) -> _Source:
        name = this.alias_or_name
        origin = scope.sources.get(name)
        is_odd = any(this.args.get(part) for part in ("joins", "pivots", "sample")) or not name
        names = None if is_odd else self._names(this, origin)
        using = frozenset(one.name.lower() for one in (join.args.get("using") or ())) if join else frozenset[str]()
        is_natural = join is not None and (join.method or "").upper() == "NATURAL"
        return _Source(name, kind, None if is_odd else origin, names, using, is_natural)

    def _names(self, this: exp.Expr, origin: Scope | exp.Table | None) -> tuple[str, ...] | None:
        """The columns of what a SELECT reads, by the names that it gives them."""
        found: list[str] = []
        if isinstance(origin, exp.Table):
            known = self._columns.get(Relation(origin.db, origin.name))
            if known is None:
                return None
            found = list(known)
        elif isinstance(origin, Scope):
            outputs = self.outputs(origin)
            if any(output.name == "*" for output in outputs):
                return None
            found = [output.name for output in outputs]
            found = [*map(str.lower, origin.outer_columns), *found[len(origin.outer_columns) :]]
        called = [name.lower() for name in this.alias_column_names]
        return (*called, *found[len(called) :]) or None

    def _projected(self, projection: exp.Expr, sources: Sequence[_Source]) -> list[_Output]:
        """What a projection gives: one column, or those that a star stands for; `*` is what cannot be told."""
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star):
            return _starred(star, [one for one in sources if projection.text("table") in ("", one.name)], sources)
        if projection.find(exp.Columns) or isinstance(projection, exp.Aliases):
            return [_Output("*", None)]
        if isinstance(projection, exp.Alias | exp.Column):
            return [_Output(projection.alias_or_name.lower(), projection.unalias())]
        return [_Output("*" if projection.find(exp.Explode, exp.Star, exp.UDTF) else "", projection)]


def _starred(star: exp.Star, chosen: Sequence[_Source], sources: Sequence[_Source]) -> list[_Output]:
    is_whole = len(chosen) == len(sources)
    chosen = [one for one in chosen if one.kind not in _LEFT_ALONE] if is_whole else list(chosen)
    if star.args.get("rename") or any(one.names is None or (is_whole and one.is_natural) for one in chosen):
        return [_Output("*", None)]
    left_out = {one.name.lower() for one in star.args.get("except_") or ()}
    replaced = {one.alias.lower(): one.unalias() for one in star.args.get("replace") or ()}
    return [
        _Output(name, replaced.get(name) or exp.column(name, table=one.name, quoted=True))
        for one in chosen
        for name in one.names or ()
        if name not in left_out and not (is_whole and name in one.using)
    ]


def _refuse_optional(source: _Source, sources: Sequence[_Source]) -> None:
    """Refuses a key of rows that are there without what the key comes from.

    Raises:
        NotOnline: a join makes such rows.
    """
    place = sources.index(source)
    is_needed = place == 0 or source.kind in _NEEDS_LATER
    if not is_needed or any(one.kind not in _KEEPS_EARLIER for one in sources[place + 1 :]):
        raise NotOnline("a join gives rows without a record")
