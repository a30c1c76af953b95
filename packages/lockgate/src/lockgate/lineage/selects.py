"""The shape of one SELECT: its projections, stars among them, and what decides about its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, UsingColumnOrder

from lockgate.core.lineage import Reading
from lockgate.lineage.names import Names
from lockgate.lineage.places import Place
from lockgate.lineage.shapes import NO_INFLUENCES, NOTHING, Influences, Opening, Reach, Shape, Unknown, shape_of, united

_CLAUSES = (
    ("where", Reading.FILTER), ("having", Reading.FILTER), ("qualify", Reading.FILTER), ("connect", Reading.FILTER),
    ("prewhere", Reading.FILTER),
)  # fmt: skip
_LIMITS = ("limit", "offset", "fetch")


@dataclass(slots=True)
class _Outputs:
    """Output columns as they are put together."""

    columns: list[tuple[str, Reach]] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    replaced: dict[str, Reach] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


class SelectShape:
    """Works out the shape of one SELECT at its place."""

    def __init__(self, select: exp.Select, place: Place, names: Names) -> None:
        self._select = select
        self._place = place
        self._names = names
        self._known: dict[int, Reach] = {}

    def shape(self) -> Shape:
        """The whole."""
        rows = self._merges()
        outputs = _Outputs()
        for at, projection in enumerate(self._select.selects):
            self._project(projection, at, outputs)
        rows |= NO_INFLUENCES.union(*(relation.rows for relation in self._place.relations.values()))
        rows |= self._decided()
        shape = shape_of(outputs.columns, openings=outputs.openings)
        return replace(shape, rows=rows | self._by_position(shape))

    def projection(self, at: int) -> Reach:
        """What the output column of that number is made of."""
        if at not in self._known:
            self._known[at] = NOTHING  # an alias that leads back to itself ends here
            self._known[at] = self._names.reach(self._select.selects[at], self._place, before=at)
        return self._known[at]

    def _merges(self) -> Influences:
        """Takes in what joins merge, in their order; the columns that take part decide about rows."""
        found = NO_INFLUENCES
        before = [name for name in self._place.relations if name not in self._joined()]
        for join in self._joins():
            found |= self._merged(join, before)
            before.append(join.alias_or_name)
        return found

    def _merged(self, join: exp.Join, before: list[str]) -> Influences:
        try:
            names = self._place.merge(join, before)
            both = [self._place.column(one, name) for name in names for one in (*before, join.alias_or_name)
                    if one in self._place.merged[name] or one == join.alias_or_name]  # fmt: skip
        except Unknown as unknown:
            self._names.note(join, str(unknown))
            return NO_INFLUENCES
        return united(both).influences(Reading.JOIN)

    def _joined(self) -> set[str]:
        return {join.alias_or_name for join in self._joins()}

    def _joins(self) -> list[exp.Join]:
        """The joins in the order in which their relations stand, those in parentheses among them."""
        top: list[exp.Join] = []
        from_ = self._select.args.get("from_")
        for part in ([from_.this] if from_ is not None else []) + list(self._select.args.get("joins") or []):
            top += _joins_in(part)
        return top

    def _decided(self) -> Influences:
        """What the clauses read."""
        found = NO_INFLUENCES
        for name, reading in _CLAUSES:
            found |= self._of_clause(self._select.args.get(name), reading)
        for join in self._joins():
            found |= self._of_clause(join.args.get("on"), Reading.JOIN)
        found |= self._of_clause(self._select.args.get("group"), Reading.GROUP)
        distinct = self._select.args.get("distinct")
        found |= self._of_clause(distinct.args.get("on") if distinct else None, Reading.DISTINCT)
        if any(self._select.args.get(limit) for limit in _LIMITS):
            found |= self._of_clause(self._select.args.get("order"), Reading.ORDER)
        return found

    def _of_clause(self, clause: exp.Expr | None, reading: Reading) -> Influences:
        return self._names.reach(clause, self._place).influences(reading) if clause is not None else NO_INFLUENCES

    def _by_position(self, shape: Shape) -> Influences:
        """What `GROUP BY 1`, `GROUP BY ALL` and `ORDER BY 1` read."""
        group, order = self._select.args.get("group"), self._select.args.get("order")
        found = NO_INFLUENCES
        if group is not None:
            found |= self._at_positions(group.expressions, shape, Reading.GROUP)
            if group.args.get("all"):
                plain = (at for at, one in enumerate(self._select.selects) if not one.find(exp.AggFunc))
                found |= united(self.projection(at) for at in plain).influences(Reading.GROUP)
        if order is not None and any(self._select.args.get(limit) for limit in _LIMITS):
            found |= self._at_positions([one.this for one in order.expressions], shape, Reading.ORDER)
        return found

    def _at_positions(self, expressions: list[exp.Expr], shape: Shape, reading: Reading) -> Influences:
        found = NO_INFLUENCES
        for one in expressions:
            if not isinstance(one, exp.Literal) or one.is_string or not one.is_int:
                continue
            at = int(one.name) - 1
            if shape.openings or not 0 <= at < len(shape.outputs()):
                self._names.note(one, f"position {one.name} of columns that are not all known")
            else:
                found |= shape.outputs()[at][1].influences(reading)
        return found

    def _project(self, projection: exp.Expr, at: int, outputs: _Outputs) -> None:
        star = projection.this if isinstance(projection, exp.Column) else projection
        if isinstance(star, exp.Star):
            self._expand(star, projection.text("table") if star is not projection else "", outputs)
        elif isinstance(projection, exp.Columns) or projection.is_star:
            self._names.note(projection, "columns chosen by a pattern or of a structure")
        elif isinstance(projection, exp.Aliases):
            for name in projection.aliases:
                outputs.columns.append((getattr(name, "name", str(name)), self.projection(at)))
        else:
            outputs.columns.append((projection.output_name or f"_col_{at}", self.projection(at)))

    def _expand(self, star: exp.Star, relation: str, outputs: _Outputs) -> None:
        if star.args.get("ilike"):
            self._names.note(star, "columns chosen by a pattern")
            return
        terms = _Terms.of(star)
        for name, reach in terms.replaced(self._names, self._place):
            outputs.replaced[name] = reach
        found = self._place.relation(relation) if relation else None
        if relation and found is None:
            self._names.note(star, f"no relation here is called {relation!r}")
        relations = [(relation, found)] if found is not None else [] if relation else list(self._place.visible())
        merged = {} if relation else {name: self._safe(name) for name in self._place.merged}
        if Dialect.get_or_raise(self._names.dialect).USING_COLUMN_ORDER is not UsingColumnOrder.IN_PLACE:
            self._emit_merged(list(merged), merged, terms, outputs)
        for _, shape in relations:
            self._emit_shape(shape, terms, outputs, merged)
        self._emit_merged(list(merged), merged, terms, outputs)

    def _emit_merged(self, names: Sequence[str], merged: dict[str, Reach], terms: _Terms, outputs: _Outputs) -> None:
        """The columns that USING merged, each once."""
        for name in names:
            if name not in outputs.done:
                outputs.done.add(name)
                self._emit(name, merged[name], terms, outputs)

    def _safe(self, name: str) -> Reach:
        try:
            return self._place.input_column(name) or NOTHING
        except Unknown as unknown:
            self._names.note(self._select, str(unknown))
            return NOTHING

    def _emit_shape(self, shape: Shape, terms: _Terms, outputs: _Outputs, merged: dict[str, Reach]) -> None:
        for name, reach in shape.outputs():
            if name in merged:
                self._emit_merged([name], merged, terms, outputs)
            else:
                self._emit(name, reach, terms, outputs)
        for opening in shape.openings:
            hidden = opening.hidden | terms.hidden | set(shape.columns) | set(merged) | set(terms.renames)
            outputs.openings.append(replace(opening, hidden=hidden))
            for old, new in terms.renames.items():
                if old not in shape.columns:
                    outputs.columns.append((new, opening.column(old)))

    def _emit(self, name: str, reach: Reach, terms: _Terms, outputs: _Outputs) -> None:
        if name in terms.hidden:
            return
        outputs.columns.append((terms.renames.get(name, name), outputs.replaced.get(name, reach)))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a star leaves out, renames and replaces."""

    hidden: frozenset[str]
    renames: dict[str, str]
    replacements: tuple[exp.Expr, ...]

    @classmethod
    def of(cls, star: exp.Star) -> _Terms:
        hidden = frozenset(one.name for one in star.args.get("except_") or ())
        renames = {one.this.name: one.alias for one in star.args.get("rename") or ()}
        return cls(hidden, renames, tuple(star.args.get("replace") or ()))

    def replaced(self, names: Names, place: Place) -> Iterator[tuple[str, Reach]]:
        return ((one.alias, names.reach(one, place, before=0)) for one in self.replacements)


def _joins_in(part: exp.Expr) -> Iterator[exp.Join]:
    """The joins below a relation in parentheses, and the join that it is."""
    relation = part.this if isinstance(part, exp.Join) else part
    nested = relation.this if isinstance(relation, exp.Subquery) and not relation.alias else None
    if isinstance(nested, exp.Table | exp.Subquery):
        yield from _joins_in(nested)
    if isinstance(relation, exp.Expr):
        for join in relation.args.get("joins") or ():
            yield from _joins_in(join)
    if isinstance(part, exp.Join):
        yield part
