"""What the names in an expression mean: for each column that it reads, what that is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.optimizer.scope import walk_in_scope

from lockgate.core.lineage import Unresolved
from lockgate.lineage.places import Place
from lockgate.lineage.shapes import NOTHING, Reach, Shape, Unknown, united

# Where a name may mean an output column of the same SELECT that stands before it, besides a column of its relations.
_SEE_ALIASES_BEFORE = frozenset({
    "clickhouse", "databricks", "duckdb", "redshift", "snowflake", "spark", "spark2", "teradata",
})  # fmt: skip
_UNITS = frozenset({
    "year", "quarter", "month", "week", "day", "dow", "doy", "hour", "minute", "second", "millisecond", "microsecond",
    "years", "months", "days", "hours",
})  # fmt: skip
AliasReach = Callable[[Place, int], Reach]


@dataclass(slots=True)
class Names:
    """Resolves names in one query, and notes those that it cannot.

    `nested` gives the shape of a query inside an expression, `projection` what an output column is made of.
    """

    node: str
    dialect: str
    nested: Callable[[exp.Expr], Shape]
    projection: AliasReach
    problems: dict[Unresolved, None] = field(default_factory=dict)

    def reach(self, expression: exp.Expr, place: Place, *, before: int | None = None) -> Reach:
        """What an expression is made of; as a projection it sees the aliases `before` it, in a clause all of them."""
        found: list[Reach] = []
        for each in walk_in_scope(expression):
            if isinstance(each, exp.Column):
                if not _is_variable(each):
                    found.append(self._noted(each, place, before))
            elif isinstance(each, exp.Window) and each.alias:
                found += [self.reach(one, place, before=before) for one in _windows(place, each.alias)]
            elif isinstance(each, exp.Select | exp.SetOperation):
                found.append(self._of_nested(each))
        return united(found)

    def note(self, what: exp.Expr, reason: str) -> None:
        """Notes that something is not resolved."""
        named = what.this if isinstance(what, exp.Column) else what
        place = named.meta if isinstance(named, exp.Identifier | exp.Star) else {}
        name = what.sql(dialect=self.dialect) if isinstance(what, exp.Column) else ""
        self.problems[Unresolved(self.node, name, reason, place.get("line", 0), place.get("col", 0))] = None

    def _of_nested(self, query: exp.Expr) -> Reach:
        shape = self.nested(query)
        rows = Reach(indirect=shape.rows)
        if isinstance(query.parent, exp.Exists):
            return rows
        if any(opening.node for opening in shape.openings):
            self.note(query, "a star over a relation whose columns are not all known, as a value")
        return united((shape.everything(), rows))

    def _noted(self, column: exp.Column, place: Place, before: int | None) -> Reach:
        try:
            return self._meant(column, place, before)
        except Unknown as unknown:
            self.note(column, str(unknown))
            return NOTHING

    def _meant(self, column: exp.Column, place: Place, before: int | None) -> Reach:
        if isinstance(column.this, exp.Star):
            return self._whole(column, place)
        parts = [part.name for part in column.parts]
        if len(parts) == 1:
            return self._bare(column, parts[0], place, before)
        if place.relation(parts[0]) is not None:
            return _qualified(place, parts[0], parts[1])
        if parts[-2] != parts[0] and place.relation(parts[-2]) is not None:
            return _qualified(place, parts[-2], parts[-1])
        try:
            return self._bare(column, parts[0], place, before)  # a field of a column
        except Unknown as unknown:
            nothing = str(unknown) == _no_column(parts[0])
            raise Unknown(f"no relation here is called {parts[0]!r}" if nothing else str(unknown)) from unknown

    def _whole(self, column: exp.Column, place: Place) -> Reach:
        if isinstance(column.parent, exp.Count):
            return NOTHING
        return self._row(column.table, place)

    def _row(self, relation: str, place: Place) -> Reach:
        shape = place.relation(relation)
        if shape is None:
            raise Unknown(f"no relation here is called {relation!r}")
        if shape.openings:
            raise Unknown(f"a whole row of {relation!r}, whose columns are not all known")
        return shape.everything()

    def _bare(self, column: exp.Column, name: str, place: Place, before: int | None) -> Reach:
        at = self._alias(column, name, place, before)
        if at is not None:
            return self.projection(place, at)
        if _is_unit(column) and not place.holders(name):
            if place.maybe(name):
                raise Unknown(f"{name!r} could be a unit of time, or a column of {' or '.join(place.maybe(name))}")
            return NOTHING
        found = place.input_column(name)
        if found is not None:
            return found
        if place.relation(name) is not None:
            return self._row(name, place)
        if place.outer is not None:
            return self._bare(column, name, place.outer, 0)
        if name.upper() in Dialect.get_or_raise(self.dialect).PSEUDOCOLUMNS:
            return NOTHING
        raise Unknown(_no_column(name))

    def _alias(self, column: exp.Column, name: str, place: Place, before: int | None) -> int | None:
        """The number of the projection that a bare name means; None where it can only mean an input column.

        Raises:
            Unknown: it may mean either.
        """
        if before == 0:  # before the first projection, or in a query inside, which sees no alias
            return None
        clause = column.find_ancestor(exp.Order, exp.Group, exp.Having, exp.Qualify, exp.Where, exp.Join, exp.Select)
        if _orders_outputs(column, clause) and name in place.outputs:
            return place.outputs[name]
        at = place.aliases.get(name)
        if at is None or (before is not None and at >= before):
            return None
        if name in place.merged or place.holders(name):
            return None
        if not place.maybe(name) or place.stands_open or isinstance(clause, exp.Group | exp.Having):
            return at if self._sees_alias(clause) else None
        if not self._sees_alias(clause) or _reads_itself(place, at, name):
            return None
        raise Unknown(f"{name!r} could be an output column, or a column of {' or '.join(place.maybe(name))}")

    def _sees_alias(self, clause: exp.Expr | None) -> bool:
        if isinstance(clause, exp.Group | exp.Having | exp.Qualify | exp.Order):
            return True
        return self.dialect.split(",")[0] in _SEE_ALIASES_BEFORE and not isinstance(clause, exp.Join)


def _qualified(place: Place, relation: str, name: str) -> Reach:
    here: Place | None = place
    while here is not None and relation not in here.relations:
        here = here.outer
    if here is None:
        raise Unknown(f"no relation here is called {relation!r}")
    return here.column(relation, name)


def _orders_outputs(column: exp.Column, clause: exp.Expr | None) -> bool:
    """Whether a name stands in a query's ORDER BY, outside of any window: there it means an output column first."""
    is_order = isinstance(clause, exp.Order) and isinstance(clause.parent, exp.Select)
    return is_order and column.find_ancestor(exp.Window, exp.Order) is clause


def _reads_itself(place: Place, at: int, name: str) -> bool:
    """Whether the projection of a name reads a column of that name, which then can only be an input column."""
    expression = place.scope.expression
    projection = expression.selects[at] if isinstance(expression, exp.Select) else None
    columns = walk_in_scope(projection) if projection is not None else ()
    return any(isinstance(each, exp.Column) and each.name == name and not each.table for each in columns)


def _no_column(name: str) -> str:
    return f"no relation here has a column {name!r}"


def _is_variable(column: exp.Column) -> bool:
    """Whether a name is the variable of a comprehension that it stands in."""
    around = column.find_ancestor(exp.Comprehension)
    while around is not None and not column.table:
        if isinstance(around.expression, exp.Expr) and around.expression.name == column.name:
            return True
        around = around.find_ancestor(exp.Comprehension)
    return False


def _windows(place: Place, name: str) -> list[exp.Expr]:
    """The definitions of a window that has a name."""
    return [one for one in place.scope.expression.args.get("windows") or () if one.this.name == name]


def _is_unit(column: exp.Column) -> bool:
    """Whether a name is a unit of time in a function that sqlglot does not know."""
    return isinstance(column.parent, exp.Anonymous) and column.name.lower() in _UNITS
