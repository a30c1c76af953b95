"""Columns that depend on each other, laid out as a chain of SELECTs: each layer reads only the one below it.

A layer computes every column whose inputs stand below it and carries what later layers need, nothing else. On
PostgreSQL a layer ends with OFFSET 0: otherwise the planner would write its expressions into the layers above, once
for every use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Item:
    """A column to be computed; `join` brings in a relation, by a name of its own, that the expression reads."""

    name: str
    value: exp.Expr
    comment: str = ""
    join: exp.Join | None = None
    needs: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, name: str, value: exp.Expr, comment: str = "") -> Item:
        """An item that needs the columns its expression names."""
        return cls(name, value, comment, needs=columns_in(value))


def columns_in(value: exp.Expr) -> frozenset[str]:
    """The columns of the layer below that an expression names."""
    return frozenset(found.name for found in value.find_all(exp.Column) if not found.table)


def levels(items: Iterable[Item], given: Iterable[str]) -> tuple[tuple[Item, ...], ...]:
    """The items by layer: each in the lowest in which all that it needs is there, but on its side of every window.

    A window has a layer of its own, above all items before it and below all after it: what an engine carries through
    its sort is then what is needed later, and nothing that is only made into something else.
    """
    level = dict.fromkeys(given, 0)
    layers: list[list[Item]] = []
    floor = 0
    for item in items:
        if isinstance(item.value, exp.Window):
            floor = len(layers) + 1
            level[item.name] = floor
        else:
            level[item.name] = 1 + max(floor, *(level[name] for name in item.needs), 0)
        while len(layers) < level[item.name]:
            layers.append([])
        layers[level[item.name] - 1].append(item)
    return tuple(tuple(layer) for layer in layers)


def needed(items: Sequence[Item], wanted: Iterable[str]) -> tuple[Item, ...]:
    """The items that are wanted or needed by such, in their order."""
    names, kept = set(wanted), []
    for item in reversed(items):
        if item.name in names:
            names |= item.needs
            kept.append(item)
    return tuple(reversed(kept))


def chain(
    items: Sequence[Item],
    source: exp.Expr,
    *,
    name: str,
    given: Sequence[str],
    wanted: Sequence[str],
    fenced: bool,
) -> tuple[list[tuple[str, exp.Select]], str]:
    """The layers as named SELECTs, in order, and the name of the last; `source` is what the lowest reads."""
    layers = levels(needed(items, wanted), given) or ((),)
    live = _live(layers, set(wanted))
    found: list[tuple[str, exp.Select]] = []
    here, below = set(given), source
    for number, layer in enumerate(layers, 1):
        carried = sorted((here & live[number - 1]) - {item.name for item in layer})
        found.append((f"{name}_{number}", _select(layer, carried, below, fenced=fenced)))
        below = exp.to_table(f"{name}_{number}")
        here = set(carried) | {item.name for item in layer}
    return found, found[-1][0]


def _live(layers: Sequence[Sequence[Item]], wanted: set[str]) -> list[set[str]]:
    """For each layer, the columns that it has to give to those above."""
    live, above = [], set(wanted)
    for layer in reversed(layers):
        live.append(set(above))
        above |= {name for item in layer for name in item.needs}
    return list(reversed(live))


def _select(layer: Sequence[Item], carried: Sequence[str], source: exp.Expr, *, fenced: bool) -> exp.Select:
    """One layer."""
    joins = {item.join.alias_or_name: item.join for item in layer if item.join is not None}
    main = "t" if joins else ""
    columns = [exp.column(exp.to_identifier(name, quoted=True), table=main or None) for name in carried]
    select = exp.select(*columns, *(_aliased(item, main) for item in layer))
    select = select.from_(exp.alias_(source, main, table=True) if joins else source, copy=False)
    for join in joins.values():
        select.append("joins", join)
    return select.offset(0, copy=False) if fenced and layer else select


def _aliased(item: Item, main: str) -> exp.Expr:
    """An item as a column of the SELECT; beside joins, columns of the layer below say so."""
    if main:
        for found in item.value.find_all(exp.Column):
            if not found.table:
                found.set("table", exp.to_identifier(main))
    aliased = exp.alias_(item.value, item.name, quoted=True, copy=False)
    if item.comment:
        aliased.add_comments([item.comment])
    return aliased


def ordered(value: exp.Expr, *, descending: bool, nulls_first: bool) -> exp.Ordered:
    """One column of an ORDER BY, with its NULLs where they were asked for."""
    return exp.Ordered(this=value, desc=descending, nulls_first=nulls_first)
