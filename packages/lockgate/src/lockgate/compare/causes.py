"""What differences have in common: one of a fixed list of transforms, in the rows that one predicate is true of.

For each column the transform that turns most of the changed left values into the right ones is taken, then the column
whose one value is theirs (nearly) alone; what that leaves is looked at again, three times at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lockgate.compare.commons import FEWEST_ROWS, Predicates, Where
from lockgate.compare.differences import changed
from lockgate.compare.scope import Scope
from lockgate.compare.transforms import Step, Turn, counts, steps
from lockgate.core.comparison import Cause, ColumnDifference, RowCounts, Status
from lockgate.core.ports import Bench, Side

FEWEST_SHARE = 0.1
MOST_TURNS = 3


def causes(
    bench: Bench,
    scope: Scope,
    columns: Sequence[ColumnDifference],
    rows: RowCounts,
    sides: tuple[Scope, Side, Side],
    *,
    show: bool,
) -> tuple[Cause, ...]:
    """What the differences have in common, column by column, then of missing and of extra rows.

    `scope` is that of the bench, `sides` the scope and the relations that totals are counted in; values are hidden
    unless they are to be shown.
    """
    of_rows = [_Found(one, None, None, f"status = '{one}'", many, many) for one, many in _rows_to_tell(rows)]
    found = [*_in_columns(bench, scope, columns), *of_rows]
    wheres = Predicates(bench, scope, sides, show=show).found([(each.its, each.status) for each in found])
    return tuple(
        _cause(each, where or Where(None, each.rows, each.rows / each.every))
        for each, where in zip(found, wheres, strict=True)
        if where is not None or each.words is not None
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows that `its` is true of, and the transform that they have in common, if any; `every` are those looked at."""

    status: Status
    column: str | None
    words: str | None
    its: str
    rows: int
    every: int


def _rows_to_tell(rows: RowCounts) -> Iterator[tuple[Status, int]]:
    for status, many, of in ((Status.MISSING, rows.missing, rows.left), (Status.EXTRA, rows.extra, rows.right)):
        if FEWEST_ROWS <= many < of:
            yield status, many


def _in_columns(bench: Bench, scope: Scope, columns: Sequence[ColumnDifference]) -> list[_Found]:
    """By column the transforms that make most of its changed values; where there is none, the changed values."""
    every = {number: column.changed for number, column in enumerate(columns) if column.changed >= FEWEST_ROWS}
    found: dict[int, list[_Found]] = {number: [] for number in every}
    turns = [_turn(scope, number) for number in every]
    for _ in range(MOST_TURNS):
        made = counts(bench, turns) if turns else {}
        going_on = []
        for turn in turns:
            step, count = _most(turn, made[turn.number])
            if count >= _fewest(every[turn.number]):
                its = f"{turn.left} and {step.condition}"
                before = found[turn.number]
                before.append(_Found(Status.CHANGED, turn.pair.name, step.words, its, count, every[turn.number]))
                left_over = every[turn.number] - sum(each.rows for each in before)
                if left_over >= _fewest(every[turn.number]):
                    going_on.append(replace(turn, left=f"{turn.left} and not {step.condition}"))
        turns = going_on
    return [each for number, some in found.items() for each in some or [_whole(scope, number, every[number])]]


def _turn(scope: Scope, number: int) -> Turn:
    pair = scope.pairs[number]
    return Turn(number, pair, changed(pair, number), steps(scope, number))


def _whole(scope: Scope, number: int, every: int) -> _Found:
    pair = scope.pairs[number]
    return _Found(Status.CHANGED, pair.name, None, changed(pair, number), every, every)


def _fewest(every: int) -> float:
    return max(FEWEST_ROWS, FEWEST_SHARE * every)


def _most(turn: Turn, made: Sequence[int]) -> tuple[Step, int]:
    """The transform that makes most of the right values, the first among equals, and how many it makes."""
    best = max(range(len(made)), key=lambda place: (made[place], -place))
    return turn.steps[best], made[best]


def _cause(found: _Found, where: Where) -> Cause:
    told = (where.sql, where.rows, found.every, where.share)
    return Cause(found.status, found.column, found.words, *told, _sentence(found, where))


def _sentence(found: _Found, where: Where) -> str:
    share = f"{_percent(where.rows / found.every)} of the {found.every:,}"
    what = f"{share} changed values of {found.column}" if found.column else f"{share} {found.status} rows"
    made = f" are {found.words} = right" if found.words else " are"
    place = f" where {where.sql}" if where.sql else ""
    alone = f" ({_percent(where.share)} of the rows there)" if where.sql else ""
    return f"{what}{made}{place}{alone}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 1 else "100 %"
