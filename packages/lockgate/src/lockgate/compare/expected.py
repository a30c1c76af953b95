"""The ledger of expected differences: which of the rows that differ were agreed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlglot import exp

from lockgate.compare.carry import BENCH
from lockgate.compare.conditions import is_open, over_values
from lockgate.compare.differences import changed
from lockgate.compare.encoding import digits, value
from lockgate.compare.forms import Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.core.comparison import (
    ColumnDifference,
    ComparedColumn,
    ComparisonRequest,
    ExpectedDifference,
    Explained,
    RowCounts,
    Status,
    UnexplainedIn,
)
from lockgate.core.conditions import condition_of
from lockgate.core.ports import Bench
from lockgate.core.types import MAX_PRECISION, ColumnType, Kind
from lockgate.errors import ComparisonInvalid

# By what share of its size a floating-point number may differ from the one agreed on.
ROUNDING = 1e-9
_NUMBERED = "case cast({x} as varchar) when 'true' then '1' when 'false' then '0' else cast({x} as varchar) end"


def explained(
    bench: Bench, scope: Scope, request: ComparisonRequest, rows: RowCounts, today: date
) -> tuple[tuple[Explained, ...], int]:
    """What each expected difference explains, and how many rows that differ none explains.

    A row is explained when each of its changed values is, or is in a column that differs by itself. What has expired
    or explains more rows than it may explains none.

    Raises:
        ComparisonInvalid: an expected difference names a column that is not compared, or is no condition.
    """
    scope = _sized(bench, scope) if request.expected else scope
    told, valid = [], []
    for each in request.expected:
        (many,) = numbers(bench, f"select count(*) as n from {DIFFERENCES} where {_any(scope, each)}")
        refused = _refusal(each, many, today)
        told.append(Explained(each.name, many, each.most_rows, refused))
        if refused is None:
            valid.append(each)
    if not rows.differing or not (valid or request.noisy):
        return tuple(told), rows.differing
    whole = _whole(scope, valid, request.noisy)
    (left,) = numbers(bench, f"select count(*) as n from {DIFFERENCES} where not ({whole})")
    return tuple(told), left


def unexplained_in(
    bench: Bench,
    scope: Scope,
    request: ComparisonRequest,
    rows: RowCounts,
    columns: Sequence[ColumnDifference],
    told: Sequence[Explained],
) -> UnexplainedIn:
    """Where the differences are that none of the expected ones explains; `told` says which of those hold."""
    every = {one.name: one.changed for one in columns if one.changed and not one.is_noisy}
    valid = [each for each, one in zip(request.expected, told, strict=True) if one.refused is None]
    if not rows.differing or not valid:
        return UnexplainedIn(every, rows.missing, rows.extra)
    scope = _sized(bench, scope)
    asked = [number for number, pair in enumerate(scope.pairs) if number >= scope.keys and pair.name in every]
    conditions = [_alone(scope, valid, status) for status in (Status.MISSING, Status.EXTRA)]
    conditions += [_unexplained(scope, valid, number) for number in asked]
    counts = ", ".join(f"count(*) filter (where {each}) as n{at}" for at, each in enumerate(conditions))
    missing, extra, *changed_values = numbers(bench, f"select {counts} from {DIFFERENCES}")
    named = {scope.pairs[number].name: many for number, many in zip(asked, changed_values, strict=True)}
    return UnexplainedIn({name: named[name] for name in every if named.get(name)}, missing, extra)


def _alone(scope: Scope, valid: Sequence[ExpectedDifference], status: Status) -> str:
    """True of a row of one side alone that nobody agreed on."""
    agreed = [_row(scope, each) for each in valid if each.status is status]
    return f"status = '{status}' and not ({' or '.join(agreed) or 'false'})"


def _unexplained(scope: Scope, valid: Sequence[ExpectedDifference], number: int) -> str:
    """True of a changed row whose value in a column is not as it was agreed on."""
    covering = [e for e in valid if e.status is Status.CHANGED and number in _columns(scope, e)]
    agreed = " or ".join(_cell(scope, each, number) for each in covering) or "false"
    return f"status = 'changed' and {changed(scope.pairs[number], number)} and not coalesce({agreed}, false)"


def _sized(bench: Bench, scope: Scope) -> Scope:
    """The scope with numbers that are there as text in a decimal type, where one holds every value that differs."""
    sizes = [
        f"max(length(regexp_extract({x}, '^[+-]?([0-9]*)', 1))) as {x}_whole, "
        f"max(length(regexp_extract({x}, '[.]([0-9]+)$', 1))) as {x}_places, "
        f"bool_and(regexp_full_match({x}, '[+-]?[0-9]*[.]?[0-9]*')) as {x}_fits"
        for number, pair in enumerate(scope.pairs)
        for side, x in ((pair.left, f"l{number}"), (pair.right, f"r{number}"))
        if is_open(side)
    ]
    if not sizes:
        return scope
    (row,) = bench.query(f"select {', '.join(sizes)} from {DIFFERENCES}").to_pylist()
    pairs = [
        replace(pair, left=_fitting(pair.left, f"l{n}", row), right=_fitting(pair.right, f"r{n}", row))
        for n, pair in enumerate(scope.pairs)
    ]
    return replace(scope, pairs=tuple(pairs))


def _fitting(side: ComparedColumn, x: str, sizes: Mapping[str, Any]) -> ComparedColumn:
    if not is_open(side) or not sizes[f"{x}_fits"]:
        return side
    places = int(sizes[f"{x}_places"])
    precision = max(1, int(sizes[f"{x}_whole"]) + places)
    fits = precision <= MAX_PRECISION
    return replace(side, type=ColumnType(Kind.NUMERIC, precision, places)) if fits else side


def _refusal(each: ExpectedDifference, rows: int, today: date) -> str | None:
    if each.expires < today:
        return f"expired on {each.expires.isoformat()}"
    return f"{rows} rows are more than the {each.most_rows} agreed on" if rows > each.most_rows else None


def _any(scope: Scope, each: ExpectedDifference) -> str:
    """True of a row in which an expected difference explains something."""
    if each.status is not Status.CHANGED:
        return _row(scope, each)
    cells = [f"({changed(scope.pairs[n], n)} and {_cell(scope, each, n)})" for n in _columns(scope, each)]
    return " or ".join(cells) or "false"


def _whole(scope: Scope, valid: Sequence[ExpectedDifference], noisy: frozenset[str]) -> str:
    """True of a row that is explained altogether."""
    rows = [_row(scope, each) for each in valid if each.status is not Status.CHANGED]
    cells = []
    for number, pair in enumerate(scope.pairs):
        if number >= scope.keys and pair.name not in noisy:
            covering = [e for e in valid if e.status is Status.CHANGED and number in _columns(scope, e)]
            reasons = [_cell(scope, each, number) for each in covering]
            cells.append(f"(not {changed(pair, number)} or {' or '.join(reasons) or 'false'})")
    # A row in which no changed value is seen here is not explained: an engine saw one.
    seen = " or ".join(changed(pair, n) for n, pair in enumerate(scope.pairs) if n >= scope.keys) or "false"
    return " or ".join([*rows, f"(status = 'changed' and ({seen}) and {' and '.join(cells) or 'true'})"])


def _columns(scope: Scope, each: ExpectedDifference) -> list[int]:
    known = {pair.name: number for number, pair in enumerate(scope.pairs) if number >= scope.keys}
    for name in each.columns:
        if name not in known:
            raise ComparisonInvalid(f"the expected difference {each.name!r} names {name!r}, which is not compared")
    return [known[name] for name in each.columns] if each.columns else list(known.values())


def _row(scope: Scope, each: ExpectedDifference) -> str:
    side = "r" if each.status is Status.EXTRA else "l"
    return f"(status = '{each.status}' and {_where(scope, each, side)})"


def _cell(scope: Scope, each: ExpectedDifference, number: int) -> str:
    """True of a changed row whose value in a column is as it was agreed on."""
    condition = _where(scope, each, "l")
    if each.right is None:
        return condition
    pair = scope.pairs[number]
    wanted = over_rows(scope, each.right, "l")
    return f"({condition} and {_equal(pair, wanted, f'r{number}')})"


def _equal(pair: Pair, wanted: str, right: str) -> str:
    """True where a right value is the one agreed on: of exact numbers every digit is.

    What was reckoned in floating-point is held against exact numbers by the fifteen digits that a double carries, and
    doubles may differ by `ROUNDING` of their size.
    """
    if not pair.form.is_number:
        return f"({wanted}) is not distinct from {value(pair, pair.right, right, BENCH)}"
    one, other = (digits(_NUMBERED.format(x=x)) for x in (wanted, right))
    return f"({one} is not distinct from {other} or coalesce({_rounded(pair, wanted, right, other)}, false))"


def _rounded(pair: Pair, wanted: str, right: str, written: str) -> str:
    """True where numbers differ by no more than floating-point rounds by; `written` are the right's digits."""
    one, other = (f"try_cast({x} as double)" for x in (wanted, right))
    if pair.is_floating:
        return f"(isfinite({other}) and abs({one} - {other}) <= {ROUNDING} * abs({other}))"
    alike = f"format('{{:.14e}}', {one}) = format('{{:.14e}}', {other})"
    few = f"length(regexp_extract({written}, '^-?([0-9]+)', 1)) <= 15"
    return f"(typeof({wanted}) in ('FLOAT', 'DOUBLE') and {alike} and {few})"


def _where(scope: Scope, each: ExpectedDifference, side: str) -> str:
    return f"coalesce({over_rows(scope, each.where, side)}, false)" if each.where else "true"


def over_rows(scope: Scope, written: str, side: str) -> str:
    """SQL over one side's values of the rows that differ, of an expression over the columns' names.

    Raises:
        ComparisonInvalid: it is no expression, or names a column that is not compared.
    """
    known = {pair.name: number for number, pair in enumerate(scope.pairs)}
    sides = [pair.left if side == "l" else pair.right for pair in scope.pairs]
    placed = [(one, exp.column(f"{side}{number}")) for number, one in enumerate(sides)]
    return f"({over_values(condition_of(written, known), lambda name: placed[known[name]]).sql(BENCH)})"
