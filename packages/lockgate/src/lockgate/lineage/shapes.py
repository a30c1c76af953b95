"""The shape of a relation while a query is read: its columns, what each is made of, and what goes through a star."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lockgate.core.lineage import ColumnRef, Influence, Reading

Refs: TypeAlias = frozenset[ColumnRef]
Influences: TypeAlias = frozenset[Influence]
NO_REFS: Refs = frozenset()
NO_INFLUENCES: Influences = frozenset()


class Unknown(Exception):
    """A name whose origin is not known, and why."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a value is made of, and what decides about it alone."""

    direct: Refs = NO_REFS
    indirect: Influences = NO_INFLUENCES

    def influences(self, reading: Reading) -> Influences:
        """The same, where the value only decides about rows."""
        return self.indirect | {Influence(ref, reading) for ref in self.direct}


NOTHING = Reach()


def united(reaches: Iterable[Reach]) -> Reach:
    """What several values together are made of."""
    several = list(reaches)
    if len(several) == 1:
        return several[0]
    return Reach(
        NO_REFS.union(*(reach.direct for reach in several)),
        NO_INFLUENCES.union(*(reach.indirect for reach in several)),
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """A star over a relation whose columns are not all known: any column but the hidden ones may come through.

    Without a `node` it is a function's output, of which every column is made of `reach`; or, with `why`, something of
    which no column's origin can be told.
    """

    node: str
    hidden: frozenset[str] = frozenset()
    reach: Reach = NOTHING
    why: str = ""

    def column(self, name: str) -> Reach:
        """What the column of that name is made of."""
        return Reach(frozenset({ColumnRef(self.node, name)})) if self.node else self.reach


@dataclass(frozen=True, slots=True)
class Shape:
    """Known columns in order, openings for others, and what decides about the rows as a whole.

    Names in `twice` are those of more than one column; then `listed` has each column by itself.
    """

    columns: dict[str, Reach] = field(default_factory=dict)
    openings: tuple[Opening, ...] = ()
    rows: Influences = NO_INFLUENCES
    twice: frozenset[str] = frozenset()
    listed: tuple[tuple[str, Reach], ...] = ()

    def outputs(self) -> tuple[tuple[str, Reach], ...]:
        """The known columns in order, each by itself also where several have one name."""
        return self.listed or tuple(self.columns.items())

    def through(self, name: str) -> tuple[Opening, ...]:
        """The openings that a column which is not known may come through."""
        return tuple(opening for opening in self.openings if name not in opening.hidden)

    def column(self, name: str) -> Reach | None:
        """What the column of that name is made of; None where there is none.

        Raises:
            Unknown: there may be several.
        """
        if name in self.twice:
            raise Unknown(f"two columns are called {name!r}")
        if name in self.columns:
            return self.columns[name]
        ways = self.through(name)
        refused = [way.why for way in ways if way.why]
        if refused:
            raise Unknown(f"{name!r} comes from {refused[0]}")
        if len(ways) > 1:
            origins = sorted({way.node or "a function" for way in ways})
            raise Unknown(f"{name!r} may come through a star from {' or '.join(origins)}")
        return ways[0].column(name) if ways else None

    def renamed(self, names: Sequence[str]) -> Shape:
        """The shape with its first columns under other names, as by `AS t(a, b)`."""
        if not names:
            return self
        if self.openings:
            return self._renamed_openings(names)
        known = enumerate(self.outputs())
        return shape_of([(names[at] if at < len(names) and names[at] else name, one) for at, (name, one) in known],
                        rows=self.rows)  # fmt: skip

    def _renamed_openings(self, names: Sequence[str]) -> Shape:
        """Which columns are the first is not known; but all of a function's output are made of the same."""
        if all(not opening.node for opening in self.openings):
            reach = united([*self.columns.values(), *(opening.reach for opening in self.openings)])
            return replace(self, columns=dict.fromkeys(names, reach), openings=())
        return replace(self, columns={}, openings=(Opening("", why="a list of names over a star"),))

    def everything(self) -> Reach:
        """What all known columns together are made of."""
        return united(self.columns.values())


def shape_of(
    outputs: Sequence[tuple[str, Reach]], *, openings: Iterable[Opening] = (), rows: Influences = NO_INFLUENCES
) -> Shape:
    """A shape with these columns in this order; of several with one name it is known what they are together."""
    columns: dict[str, Reach] = {}
    twice: set[str] = set()
    for name, reach in outputs:
        if name in columns:
            twice.add(name)
        columns[name] = united((columns[name], reach)) if name in columns else reach
    return Shape(columns, tuple(openings), rows, frozenset(twice), tuple(outputs) if twice else ())
