"""The ledger of expected differences: which of the rows that differ were agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlglot import exp

from lockgate.compare.carry import BENCH
from lockgate.compare.differences import changed
from lockgate.compare.encoding import value
from lockgate.compare.forms import Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope, condition_of
from lockgate.core.comparison import ComparedColumn, ComparisonRequest, ExpectedDifference, Explained, RowCounts, Status
from lockgate.core.ports import Bench
from lockgate.core.sql import sql_type
from lockgate.core.types import Kind
from lockgate.errors import ComparisonInvalid


def explained(
    bench: Bench, scope: Scope, request: ComparisonRequest, rows: RowCounts, today: date
) -> tuple[tuple[Explained, ...], int]:
    """What each expected difference explains, and how many rows that differ none explains.

    A row is explained when each of its changed values is, or is in a column that differs by itself. What has expired
    or explains more rows than it may explains none.

    Raises:
        ComparisonInvalid: an expected difference names a column that is not compared, or is no condition.
    """
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
    if pair.form.is_number:
        one, other = f"cast({wanted} as double)", f"cast({right} as double)"
        return f"coalesce(abs({one} - {other}) <= 1e-9 * greatest(1, abs({other})), false)"
    return f"({wanted}) is not distinct from {value(pair, pair.right, right, BENCH)}"


def _where(scope: Scope, each: ExpectedDifference, side: str) -> str:
    return f"coalesce({over_rows(scope, each.where, side)}, false)" if each.where else "true"


def over_rows(scope: Scope, written: str, side: str) -> str:
    """SQL over one side's values of the rows that differ, of an expression over the columns' names.

    Raises:
        ComparisonInvalid: it is no expression, or names a column that is not compared.
    """
    known = {pair.name: number for number, pair in enumerate(scope.pairs)}
    sides = [pair.left if side == "l" else pair.right for pair in scope.pairs]
    placed = condition_of(written, known).transform(
        lambda node: (
            _typed(sides[known[node.name]], f"{side}{known[node.name]}") if isinstance(node, exp.Column) else node
        )
    )
    return f"({placed.sql(BENCH)})"


def _typed(column: ComparedColumn, name: str) -> exp.Expr:
    """A value as what it is, also where it is there as text; a number of any size as a floating-point one."""
    if not column.is_written:
        return exp.column(name)
    is_open = column.type.kind is Kind.NUMERIC and column.type.precision is None
    return exp.cast(exp.column(name), "double" if is_open else sql_type(column.type))
