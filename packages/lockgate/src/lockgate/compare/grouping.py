"""The rows that were compared by the values of some columns: grouped in the bench, whichever engine they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.compare.carry import BENCH, received, sent
from lockgate.compare.encoding import value
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.scope import Scope
from lockgate.core.comparison import Group, RowCounts, Status
from lockgate.core.ports import Bench, Side
from lockgate.errors import ComparisonInvalid

MOST_GROUPS = 1000
_TOTALS = "select {columns}, count(*) as many from ({rows}) as one group by {numbers}"
# Values that are equal make one group, which is shown as the left writes them.
_GROUPS = """
select {shown}, {counts} from (
    select {left}, 'left' as status, many from ({totals}) as totals
    union all select {differing}, status, 1 from {differences}
) as every group by {groups} limit {many}
"""


def groups(bench: Bench, scopes: tuple[Scope, Scope], left: Side, names: Sequence[str]) -> tuple[Group, ...]:
    """The rows by the values that columns have on the left; of extra rows by those on the right.

    `scopes` are that of the sides and that of the bench.

    Raises:
        ComparisonInvalid: there are too many groups, or a column is not compared.
    """
    scope, local = scopes
    positions = [_position(scope, name) for name in names]
    many = range(len(positions))
    words = {
        "shown": ", ".join(f"coalesce(min(t{n}) filter (where status <> 'extra'), min(t{n})) as t{n}" for n in many),
        "counts": ", ".join(_counted(status) for status in ("left", *Status)),
        "left": ", ".join(_left(local, position, n) for n, position in enumerate(positions)),
        "differing": ", ".join(_differing(local, position, n) for n, position in enumerate(positions)),
        "groups": ", ".join(f"g{n}" for n in many),
    }
    totals = _totals(bench, scope, left, positions)
    query = _GROUPS.format(**words, totals=totals, differences=DIFFERENCES, many=MOST_GROUPS + 1)
    found = bench.query(query).to_pylist()
    if len(found) > MOST_GROUPS:
        raise ComparisonInvalid(f"grouping by {', '.join(names)} makes more than {MOST_GROUPS} groups")
    values = [[row[f"t{n}"] for n in many] for row in found]
    every = [Group(dict(zip(names, one, strict=True)), _rows(row)) for one, row in zip(values, found, strict=True)]
    return tuple(sorted(every, key=lambda group: tuple((one is None, str(one)) for one in group.values.values())))


def _position(scope: Scope, name: str) -> int:
    for position, pair in enumerate(scope.pairs):
        if pair.name == name:
            return position
    raise ComparisonInvalid(f"column {name!r} is not compared, so rows cannot be grouped by it", column=name)


def _totals(bench: Bench, scope: Scope, left: Side, positions: Sequence[int]) -> str:
    """The bench's query for how many rows of the left have each value, as `many`; columns keep their numbers."""
    dialect = left.engine.dialect
    columns = {f"c{position}": scope.pairs[position].left for position in positions}
    query = _TOTALS.format(
        columns=", ".join(f"{sent(one, name, dialect)} as {name}" for name, one in columns.items()),
        rows=scope.rows(left, left=True),
        numbers=", ".join(str(number + 1) for number in range(len(columns))),
    )
    if left.engine is bench:
        return query
    kept = ", ".join(f"{received(one, name, dialect)} as {name}" for name, one in columns.items())
    with left.engine.stream(query) as rows:
        bench.keep("group_totals", rows, f"{kept}, many")
    return "select * from group_totals"


def _left(local: Scope, position: int, number: int) -> str:
    pair, x = local.pairs[position], f"c{position}"
    return f"{value(pair, pair.left, x, BENCH)} as g{number}, cast({x} as varchar) as t{number}"


def _differing(local: Scope, position: int, number: int) -> str:
    pair, one, other = local.pairs[position], f"l{position}", f"r{position}"
    left, right = value(pair, pair.left, one, BENCH), value(pair, pair.right, other, BENCH)
    its = "case when status = 'extra' then {} else {} end as {}{}"
    shown = its.format(f"cast({other} as varchar)", f"cast({one} as varchar)", "t", number)
    return f"{its.format(right, left, 'g', number)}, {shown}"


def _counted(status: str) -> str:
    return f"coalesce(sum(many) filter (where status = '{status}'), 0) as n_{status}"


def _rows(row: Mapping[str, Any]) -> RowCounts:
    left, missing, extra, changed = (int(row[f"n_{status}"]) for status in ("left", *Status))
    matched = left - missing - changed
    return RowCounts(left, matched + changed + extra, matched, missing, extra, changed)
