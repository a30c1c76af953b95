"""The one value of one column that rows have in common, and have nearly alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lockgate.compare.carry import BENCH
from lockgate.compare.differences import SUMS_AT_ONCE
from lockgate.compare.forms import Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope, quoted
from lockgate.core.comparison import HIDDEN, Status
from lockgate.core.ports import Bench, Side
from lockgate.core.types import INTEGERS, Kind

FEWEST_ROWS = 5
MOST_VALUES = 50
# A predicate tells something where (nearly) all of the rows are in it, and it is not (nearly) every row of the table.
ITS_OWN, MOST_OF_ALL = 0.95, 0.9
# So many rows tell of most columns that they have more values than that.
_FEW_ROWS = 500
# So many parts are looked at in one query.
_PARTS_AT_ONCE = 50
_ROWS_OF = {"l": "status <> 'extra'", "r": "status = 'extra'"}
_CANDIDATES = INTEGERS | {Kind.TEXT, Kind.BOOLEAN, Kind.DATE}
_COMMON = """
select part, place, v, n, every from (
    select part, one.place as place, one.v as v, count(*) as n,
        sum(count(*)) over (partition by part, one.place) as every
    from ({values}) as each_value
    group by part, one.place, one.v
) as counted
qualify row_number() over (partition by part, place order by n desc, v) = 1 order by part, place
"""
_VALUES_OF = "select part, unnest([{values}]) as one from ({parts}) as rows_of_parts"
_VALUES = "select {values} from (select {columns} from {differences} where {rows} limit {few}) as few"


@dataclass(frozen=True, slots=True)
class Where:
    """A predicate in SQL, how many of the rows are in it, and what share of all its rows they are."""

    sql: str | None
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class _Value:
    """A column's most frequent value among some rows, how many of them have it, and how many rows there are."""

    place: int
    text: str | None
    rows: int
    every: int


class Predicates:
    """Finds the one value of one column that rows have in common, and have nearly alone."""

    def __init__(self, bench: Bench, scope: Scope, sides: tuple[Scope, Side, Side], *, show: bool) -> None:
        """`scope` is that of the bench, `sides` the scope and the relations that totals are counted in."""
        self._show = show
        self._bench = bench
        self._scope = scope
        self._whole, self._left, self._right = sides
        self._columns = [n for n, pair in enumerate(scope.pairs) if n >= scope.keys and _is_candidate(pair)]
        self._totals: dict[tuple[int, bool], Mapping[object, int]] = {}

    def found(self, parts: Sequence[tuple[str, Status]]) -> list[Where | None]:
        """The predicates that tell most about the parts of the rows that differ; None where none does.

        A part is a condition that is true of its rows, and what came of them.
        """
        values: dict[int, list[_Value]] = {}
        places = {side: self._with_few_values(side) for side in sorted({_side(status) for _, status in parts})}
        telling = [(n, its, _side(status)) for n, (its, status) in enumerate(parts) if places[_side(status)]]
        for start in range(0, len(telling), _PARTS_AT_ONCE):
            values |= self._common(telling[start : start + _PARTS_AT_ONCE], places)
        return [self._best(values.get(part, []), status) for part, (_, status) in enumerate(parts)]

    def _best(self, values: Sequence[_Value], status: Status) -> Where | None:
        best: Where | None = None
        for each in values:
            if each.rows < max(FEWEST_ROWS, ITS_OWN * each.every):
                continue
            totals = self._totals_of(each.place, left=status is not Status.EXTRA)
            total = totals.get(each.text, 0)
            if not total or total > MOST_OF_ALL * sum(totals.values()):
                continue
            where = Where(self._condition(each), each.rows, min(1.0, each.rows / total))
            if best is None or where.share > best.share:
                best = where
        return best

    def _condition(self, each: _Value) -> str:
        name = quoted(self._whole.pairs[each.place].name, self._left)
        if each.text is None:
            return f"{name} is null"
        return f"{name} = {exp.Literal.string(str(each.text)).sql(BENCH) if self._show else HIDDEN}"

    def _common(
        self, parts: Sequence[tuple[int, str, str]], places: Mapping[str, list[int]]
    ) -> dict[int, list[_Value]]:
        """By part the most frequent value of each of the columns in its side's places."""
        its = {side: [(part, one) for part, one, where in parts if where == side] for side in places}
        values = [_values_of(its[side], side, places[side]) for side in places if its[side]]
        found: dict[int, list[_Value]] = {}
        for row in self._bench.query(_COMMON.format(values=" union all ".join(values))).to_pylist():
            value = _Value(row["place"], row["v"], int(row["n"]), int(row["every"]))
            found.setdefault(row["part"], []).append(value)
        return found

    def _with_few_values(self, side: str) -> list[int]:
        """The columns that a few rows do not show to have more values in their relation than are ever told."""
        found: list[int] = []
        for start in range(0, len(self._columns), SUMS_AT_ONCE):
            places = self._columns[start : start + SUMS_AT_ONCE]
            words = {
                "values": ", ".join(f"list_unique(list({side}{n})) as s{n}" for n in places),
                "columns": ", ".join(f"{side}{n}" for n in places),
                "rows": _ROWS_OF[side],
            }
            many = numbers(self._bench, _VALUES.format(**words, differences=DIFFERENCES, few=_FEW_ROWS))
            found += [place for place, n in zip(places, many, strict=True) if n <= MOST_VALUES]
        return found

    def _totals_of(self, number: int, *, left: bool) -> Mapping[object, int]:
        """How many rows of the whole relation have each value of a column; empty where there are too many values."""
        if (number, left) not in self._totals:
            side = self._left if left else self._right
            rows = self._whole.rows(side, left=left)
            many = f"group by 1 limit {MOST_VALUES + 1}"
            query = f"select cast(c{number} as text) as v, count(*) as n from ({rows}) as one {many}"
            table = side.engine.query(query).to_pylist()
            self._totals[number, left] = {row["v"]: row["n"] for row in table} if len(table) <= MOST_VALUES else {}
        return self._totals[number, left]


def _is_candidate(pair: Pair) -> bool:
    return pair.left.type.kind in _CANDIDATES and pair.right.type.kind in _CANDIDATES


def _side(status: Status) -> str:
    """The side whose values are looked at."""
    return "r" if status is Status.EXTRA else "l"


def _values_of(parts: Sequence[tuple[int, str]], side: str, places: Sequence[int]) -> str:
    """SQL for the values of one side's columns in the rows of parts, one below another."""
    values = ", ".join(f"{{'place': {n}, 'v': cast({side}{n} as varchar)}}" for n in places)
    columns = ", ".join(f"{side}{n}" for n in places)
    rows = [f"select {part} as part, {columns} from {DIFFERENCES} where {its}" for part, its in parts]
    return _VALUES_OF.format(values=values, parts=" union all ".join(rows))
