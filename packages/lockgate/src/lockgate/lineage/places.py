"""A place in a query where names mean something: the relations in sight, in their order, and what USING merges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, ScopeType

from lockgate.lineage.shapes import Reach, Shape, Unknown, united


@dataclass(slots=True)
class Place:
    """The relations of one scope by the names they have there; `outer` is where a correlated name is looked up next.

    `merged` are the columns of USING and NATURAL joins, each with the relations that it is made of; `unseen` are the
    relations of semi and anti joins, whose columns no star and no other clause sees. `aliases` number the projections
    that have a name of their own, `outputs` all that have one. `stands_open` says that a bare star brings columns that
    are not known, among which none then has an alias's name.
    """

    scope: Scope
    relations: dict[str, Shape]
    outer: Place | None
    unseen: frozenset[str] = frozenset()
    merged: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    stands_open: bool = False

    def relation(self, name: str) -> Shape | None:
        """The relation of that name, here or further out."""
        if name in self.relations:
            return self.relations[name]
        return self.outer.relation(name) if self.outer else None

    def visible(self) -> Iterator[tuple[str, Shape]]:
        """The relations that a bare name or a star means, in their order."""
        return ((name, shape) for name, shape in self.relations.items() if name not in self.unseen)

    def holders(self, name: str) -> list[str]:
        """The relations that have a column of that name for certain."""
        return [each for each, shape in self.visible() if name in shape.columns or name in shape.twice]

    def maybe(self, name: str) -> list[str]:
        """The relations that may have a column of that name, as not all of theirs are known."""
        return [each for each, shape in self.visible() if name not in shape.columns and shape.through(name)]

    def may_hold(self, name: str) -> bool:
        """Whether the name could mean a column here or further out."""
        return bool(self.holders(name) or self.maybe(name)) or bool(self.outer and self.outer.may_hold(name))

    def column(self, relation: str, name: str) -> Reach:
        """The column of a relation here that has it for certain or may have it.

        Raises:
            Unknown: it has none of that name, or several.
        """
        found = self.relations[relation].column(name)
        if found is None:
            raise Unknown(f"{relation!r} has no column {name!r}")
        return found

    def input_column(self, name: str) -> Reach | None:
        """The column that a bare name means among the relations here; None where none can have it.

        Raises:
            Unknown: several relations may have it.
        """
        if name in self.merged:
            return united(self.column(each, name) for each in self.merged[name])
        sure = self.holders(name)
        if len(sure) > 1:
            raise Unknown(f"{name!r} is a column of {_listed(sure)}")
        if sure:
            return self.column(sure[0], name)
        possible = self.maybe(name)
        if not possible:
            return None
        if len(possible) > 1:
            raise Unknown(f"{name!r} could be a column of {_listed(possible)}, whose columns are not all known")
        if self.outer and self.outer.may_hold(name):
            raise Unknown(f"{name!r} could be a column of {possible[0]}, or of a relation further out")
        return self.column(possible[0], name)

    def merge(self, join: exp.Join, left: list[str]) -> list[str]:
        """Notes what a join merges of the relations before it: the names.

        Raises:
            Unknown: it is not known which columns these are.
        """
        right = join.alias_or_name
        names = [each.name for each in join.args.get("using") or ()] or self._natural(join, left)
        for name in names:
            known = self.merged.get(name) or self._left_of(name, left)
            self.merged[name] = [*known, right] if right not in self.unseen else list(known)
        return names

    def _natural(self, join: exp.Join, left: list[str]) -> list[str]:
        if join.method != "NATURAL":
            return []
        sides = [self.relations[name] for name in (*left, join.alias_or_name) if name in self.relations]
        if any(side.openings for side in sides):
            raise Unknown("a NATURAL JOIN of relations whose columns are not all known")
        before = [name for side in sides[:-1] for name in side.columns]
        return list(dict.fromkeys(name for name in before if name in sides[-1].columns))

    def _left_of(self, name: str, left: list[str]) -> list[str]:
        holders = [each for each in self.holders(name) if each in left]
        found = holders or [each for each in self.maybe(name) if each in left]
        if len(found) != 1:
            raise Unknown(f"USING: {name!r} is a column of {_listed(found) if found else 'no relation before'}")
        return found


def sees_outer(scope: Scope) -> bool:
    """Whether names that mean nothing in a scope are looked up in the one around it."""
    types = (ScopeType.SET_OPERATION, ScopeType.DERIVED_TABLE)
    return scope.parent is not None and bool(scope.can_be_correlated or scope.scope_type in types)


def _listed(names: list[str]) -> str:
    return " or ".join(sorted(names))
