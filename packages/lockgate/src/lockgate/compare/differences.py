"""What the rows that differ say: counts, the values that changed by column, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import value
from lockgate.compare.forms import Form, Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.predicates import amount, differs
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.core.comparison import HIDDEN, ColumnDifference, RowCounts, Sample, Status
from lockgate.core.ports import Bench

# DuckDB plans a query of many sums in a time that grows with their square.
SUMS_AT_ONCE = 200
_SAMPLES = "select {columns} from {differences} where {condition} order by {keys} limit {many}"


def counted(bench: Bench, rows: tuple[int, int]) -> RowCounts:
    """The rows by what came of them; `rows` are those of either side."""
    counts = [f"count(case when status = '{status}' then 1 end) as {status}" for status in Status]
    missing, extra, changed = numbers(bench, f"select {', '.join(counts)} from {DIFFERENCES}")
    return RowCounts(*rows, matched=rows[0] - changed - missing, missing=missing, extra=extra, changed=changed)


def changed(pair: Pair, number: int) -> str:
    """True of a changed row whose values in column `number` differ."""
    return f"(status = 'changed' and {differs(pair, f'l{number}', f'r{number}', BENCH)})"


def columns_changed(
    bench: Bench, scope: Scope, named: Sequence[Pair], noisy: frozenset[str], rows: RowCounts
) -> tuple[ColumnDifference, ...]:
    """By column how many values changed, and by how much at most; `named` are the pairs with the sides' own types."""
    row = _changes(bench, scope) if rows.changed else {}
    return tuple(
        ColumnDifference(
            name=pair.left.name,
            changed=row.get(f"n{number}", 0),
            type_left=pair.left.native,
            type_right=pair.right.native,
            largest=row.get(f"a{number}"),
            is_noisy=pair.left.name in noisy,
        )
        for number, pair in enumerate(named)
    )


def _changes(bench: Bench, scope: Scope) -> dict[str, Any]:
    """n0, n1 and so on: how many values of a column changed; a0, a1 and so on: by how much at most."""
    rest = list(enumerate(scope.pairs))[scope.keys :]
    conditions = {number: changed(pair, number) for number, pair in rest}
    counts = {f"n{n}": ("count_if({x})", condition) for n, condition in conditions.items()}
    found = {name: int(many or 0) for name, many in _summed(bench, counts).items()}
    amounts = {n: amount(pair, f"l{n}", f"r{n}", BENCH) for n, pair in rest if found[f"n{n}"]}
    largest = {
        f"a{n}": ("max(case when isfinite({x}) then {x} end)", f"case when {conditions[n]} then {by} end")
        for n, by in amounts.items()
        if by
    }
    return found | _summed(bench, largest)


def _summed(bench: Bench, sums: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Aggregates of the rows that differ, by name: each with a value of a row, made once, for `x`."""
    found: dict[str, Any] = {}
    names = list(sums)
    for start in range(0, len(names), SUMS_AT_ONCE):
        some = names[start : start + SUMS_AT_ONCE]
        made = ", ".join(f"{sums[name][1]} as {name}" for name in some)
        aggregates = ", ".join(f"{sums[name][0].format(x=name)} as {name}" for name in some)
        (row,) = bench.query(f"select {aggregates} from (select {made} from {DIFFERENCES}) as made").to_pylist()
        found |= row
    return found


def samples(
    bench: Bench, scope: Scope, columns: Sequence[ColumnDifference], rows: RowCounts, *, many: int, show: bool
) -> tuple[Sample, ...]:
    """The first rows that are missing or extra, and the first changed values of each column, in the order of keys."""
    found: list[Sample] = []
    for status, count, side in ((Status.MISSING, rows.missing, "l"), (Status.EXTRA, rows.extra, "r")):
        if count:
            keys = _fetched(bench, scope, f"status = '{status}'", _keys(scope, side), many)
            found += [Sample(status, _key(scope, row)) for row in keys]
    for number, (pair, column) in enumerate(zip(scope.pairs, columns, strict=True)):
        if column.changed:
            values = [*_keys(scope, "l"), f"l{number} as one", f"r{number} as other"]
            for row in _fetched(bench, scope, changed(pair, number), values, many):
                shown = (row["one"], row["other"]) if show else (_hidden(row["one"]), _hidden(row["other"]))
                found.append(Sample(Status.CHANGED, _key(scope, row), pair.name, *shown))
    return tuple(found)


def _keys(scope: Scope, side: str) -> list[str]:
    """The key's values; whole numbers as such also where a file has them as text."""
    sides = [(pair, pair.left if side == "l" else pair.right) for pair in scope.key]
    return [
        f"{value(pair, one, f'{side}{n}', BENCH) if pair.form is Form.WHOLE else f'{side}{n}'} as k{n}"
        for n, (pair, one) in enumerate(sides)
    ]


def _fetched(
    bench: Bench, scope: Scope, condition: str, columns: Sequence[str], many: int
) -> list[Mapping[str, object]]:
    keys = ", ".join(f"k{number}" for number in range(scope.keys))
    query = _SAMPLES.format(
        columns=", ".join(columns), differences=DIFFERENCES, condition=condition, keys=keys, many=int(many)
    )
    return _plain(bench, query)


def _plain(bench: Bench, query: str) -> list[Mapping[str, object]]:
    """The rows of a query; as text where Python has no such time: an infinite one, or past the year 9999."""
    found: list[Mapping[str, object]]
    try:
        found = bench.query(query).to_pylist()
    except (OverflowError, ValueError):
        found = bench.query(f"select cast(columns(*) as varchar) from ({query}) as few").to_pylist()
    return found


def _key(scope: Scope, row: Mapping[str, object]) -> dict[str, object]:
    return {pair.name: row[f"k{number}"] for number, pair in enumerate(scope.key)}


def _hidden(value: object) -> object:
    return None if value is None else HIDDEN
