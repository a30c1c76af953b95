"""What differences have in common: one of a fixed list of transforms, in the rows that one predicate is true of.

For each column the transform that turns most of the changed left values into the right ones is taken, then the column
whose one value is theirs (nearly) alone; what that leaves is looked at again, three times at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lockgate.compare.carry import BENCH
from lockgate.compare.differences import changed
from lockgate.compare.encoding import value
from lockgate.compare.forms import Form, Pair
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope, quoted
from lockgate.core.comparison import HIDDEN, Cause, ColumnDifference, RowCounts, Status
from lockgate.core.ports import Bench, Side
from lockgate.core.types import INTEGERS, Kind

FEWEST_ROWS = 5
FEWEST_SHARE = 0.1
MOST_TURNS = 3
MOST_VALUES = 50
# A predicate tells something where (nearly) all of the rows are in it, and it is not (nearly) every row of the table.
ITS_OWN, MOST_OF_ALL = 0.95, 0.9
_FACTORS = (
    ("* 100", 100),
    ("/ 100", 0.01),
    ("* 1000", 1000),
    ("/ 1000", 0.001),
    ("* 10", 10),
    ("/ 10", 0.1),
    ("* -1", -1),
)
_NUMBERS = (
    *((f"left {word}", f"{{l}} * {factor}") for word, factor in _FACTORS),
    ("round(left)", "round({l})"),
    ("round(left, 1)", "round({l}, 1)"),
    ("round(left, 2)", "round({l}, 2)"),
    ("trunc(left)", "trunc({l})"),
    ("abs(left)", "abs({l})"),
)
_TEXT_STEPS = (
    ("trim(left)", "trim({l})"),
    ("lower(left)", "lower({l})"),
    ("upper(left)", "upper({l})"),
    ("normalize(left, NFC)", "nfc_normalize({l})"),
    ("left without accents", "strip_accents({l})"),
    ("left with single blanks", "regexp_replace(trim({l}), '\\s+', ' ', 'g')"),
    ("left without leading zeros", "ltrim({l}, '0')"),
    ("the beginning of left", "case when length({r}) > 0 then left({l}, length({r})) end"),
    ("left with a beginning before it", "case when length({l}) > 0 and ends_with({r}, {l}) then {r} end"),
    ("left with an ending after it", "case when length({l}) > 0 and starts_with({r}, {l}) then {r} end"),
)
_HOURS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8, 9, -9, 10, -10, 11, -11, 12, -12, 24, -24)
_ANY = (
    ("NULL", "{r} is null"),
    ("a value where left is NULL", "{l} is null"),
)
# What `_makes_number` says, with each value made once: so many sums of it take longer to plan than to reckon.
_MADE = """
select made.place as place, count(*) as n from (
    select mine, yours, unnest([{values}]) as made
    from (select try_cast(l{number} as double) as mine, try_cast(r{number} as double) as yours
        from {differences} where {left}) as numbers
) as each_value
where mine <> 0 and abs(made.value - yours) <= 1e-12 * greatest(abs(made.value), abs(yours)) group by made.place
"""
_COMMON = """
select place, v, n, every from (
    select one.place as place, one.v as v, count(*) as n, sum(count(*)) over (partition by one.place) as every
    from (select unnest([{values}]) as one from {differences} where {its}) as each_value
    group by one.place, one.v
) as counted
qualify row_number() over (partition by place order by n desc, v) = 1 order by place
"""
_CANDIDATES = INTEGERS | {Kind.TEXT, Kind.BOOLEAN, Kind.DATE}


@dataclass(frozen=True, slots=True)
class _Step:
    """A transform in words, and a condition that is true of the rows whose right value it makes.

    Of a number, `made` is the value that it makes of the left one, which stands there as `mine`.
    """

    words: str
    condition: str
    made: str = ""


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
    predicates = _Predicates(bench, scope, sides, show=show)
    found: list[Cause] = []
    for number, column in enumerate(columns):
        if column.changed >= FEWEST_ROWS:
            found += _column_causes(bench, scope, number, column.changed, predicates)
    for status, many in ((Status.MISSING, rows.missing), (Status.EXTRA, rows.extra)):
        found += _row_causes(status, many, rows, predicates)
    return tuple(found)


def _column_causes(bench: Bench, scope: Scope, number: int, every: int, predicates: _Predicates) -> Iterator[Cause]:
    pair = scope.pairs[number]
    differing = changed(pair, number)
    steps, left = _steps(scope, pair, number), differing
    for _ in range(MOST_TURNS):
        step, count = _most(bench, steps, left, number)
        if count < max(FEWEST_ROWS, FEWEST_SHARE * every):
            where = predicates.found(left, Status.CHANGED) if left == differing else None
            if where is not None:
                yield _cause(Status.CHANGED, pair.name, None, where, every)
            return
        its = f"{left} and {step.condition}"
        where = predicates.found(its, Status.CHANGED)
        yield _cause(Status.CHANGED, pair.name, step.words, where or _Where(None, count, count / every), every)
        left = f"{left} and not {step.condition}"


def _row_causes(status: Status, many: int, rows: RowCounts, predicates: _Predicates) -> Iterator[Cause]:
    if FEWEST_ROWS <= many < (rows.left if status is Status.MISSING else rows.right):
        where = predicates.found(f"status = '{status}'", status)
        if where is not None:
            yield _cause(status, None, None, where, many)


def _steps(scope: Scope, pair: Pair, number: int) -> list[_Step]:
    one, other = f"l{number}", f"r{number}"
    found = [_Step(words, f"coalesce({condition.format(l=one, r=other)}, false)") for words, condition in _ANY]
    if pair.form.is_number:
        found += [_Step(words, _makes_number(sql, number), sql.format(l="mine")) for words, sql in _NUMBERS]
    elif pair.form.is_time:
        found += [_Step(f"left {hours:+d} hours", _makes_time(hours, number)) for hours in _HOURS]
        found.append(_Step("date of left", f"coalesce(cast({one} as date) = cast({other} as timestamp), false)"))
    elif pair.form in {Form.TEXT, Form.UNLIKE}:
        found += [_Step(words, _makes(sql, pair, number)) for words, sql in _TEXT_STEPS]
        found.append(
            _Step(
                "'' where left is NULL",
                f"coalesce({one} is null and {value(pair, pair.right, other, BENCH)} = '', false)",
            )
        )
    for place, swapped in enumerate(scope.pairs):
        if place >= scope.keys and place != number and swapped.form is pair.form:
            mine, yours = value(swapped, swapped.left, f"l{place}", BENCH), value(pair, pair.right, other, BENCH)
            found.append(_Step(f"left.{swapped.name}", f"coalesce({mine} = {yours}, false)"))
    return found


def _makes(sql: str, pair: Pair, number: int) -> str:
    one, other = (
        value(pair, side, f"{letter}{number}", BENCH) for side, letter in ((pair.left, "l"), (pair.right, "r"))
    )
    return f"coalesce(({sql.format(l=one, r=other)}) = {other}, false)"


def _makes_number(sql: str, number: int) -> str:
    """Equal to twelve digits: factors are applied in floating-point."""
    one, other = f"try_cast(l{number} as double)", f"try_cast(r{number} as double)"
    made = sql.format(l=one)
    return f"coalesce({one} <> 0 and abs({made} - {other}) <= 1e-12 * greatest(abs({made}), abs({other})), false)"


def _makes_time(hours: int, number: int) -> str:
    moments = f"epoch_us(cast(r{number} as timestamptz)) - epoch_us(cast(l{number} as timestamptz))"
    return f"coalesce({moments} = {hours * 3_600_000_000}, false)"


def _most(bench: Bench, steps: Sequence[_Step], left: str, number: int) -> tuple[_Step, int]:
    """The transform that makes most of the right values, the first among equals, and how many it makes."""
    tested = [n for n, step in enumerate(steps) if not step.made]
    counts = ", ".join(f"count(case when {steps[n].condition} then 1 end) as s{n}" for n in tested)
    found = dict(zip(tested, numbers(bench, f"select {counts} from {DIFFERENCES} where {left}"), strict=True))
    made = {n: step.made for n, step in enumerate(steps) if step.made}
    if made:
        values = ", ".join(f"{{'place': {n}, 'value': {sql}}}" for n, sql in made.items())
        query = _MADE.format(values=values, number=number, differences=DIFFERENCES, left=left)
        found |= {row["place"]: row["n"] for row in bench.query(query).to_pylist()}
    best = max(range(len(steps)), key=lambda n: (found.get(n, 0), -n))
    return steps[best], found.get(best, 0)


@dataclass(frozen=True, slots=True)
class _Where:
    """A predicate in SQL, how many of the rows are in it, and what share of all its rows they are."""

    sql: str | None
    rows: int
    share: float


class _Predicates:
    """Finds the one value of one column that rows have in common, and have nearly alone."""

    def __init__(self, bench: Bench, scope: Scope, sides: tuple[Scope, Side, Side], *, show: bool) -> None:
        self._show = show
        self._bench = bench
        self._scope = scope
        self._whole, self._left, self._right = sides
        self._columns = [n for n, pair in enumerate(scope.pairs) if n >= scope.keys and self._is_candidate(pair)]
        self._totals: dict[tuple[int, bool], Mapping[object, int]] = {}

    @staticmethod
    def _is_candidate(pair: Pair) -> bool:
        return pair.left.type.kind in _CANDIDATES and pair.right.type.kind in _CANDIDATES

    def found(self, its: str, status: Status) -> _Where | None:
        """The predicate that tells most about the rows that a condition is true of; None where none does."""
        best: _Where | None = None
        for number, text, count, every in self._common(its, status):
            if count < max(FEWEST_ROWS, ITS_OWN * every):
                continue
            totals = self._totals_of(number, left=status is not Status.EXTRA)
            total = totals.get(text, 0)
            if not total or total > MOST_OF_ALL * sum(totals.values()):
                continue
            name = quoted(self._whole.pairs[number].name, self._left)
            shown = exp.Literal.string(str(text)).sql(BENCH) if self._show else HIDDEN
            where = _Where(
                f"{name} = {shown}" if text is not None else f"{name} is null", count, min(1.0, count / total)
            )
            if best is None or where.share > best.share:
                best = where
        return best

    def _common(self, its: str, status: Status) -> Iterator[tuple[int, str | None, int, int]]:
        """By column: its most frequent value among the rows, how many rows have it, and how many rows there are.

        Columns in which no value is that of nearly all rows may be left out.
        """
        letter = "r" if status is Status.EXTRA else "l"
        leaning = self._leaning(its, letter)
        values = ", ".join(f"{{'place': {n}, 'v': cast({letter}{n} as varchar)}}" for n in leaning)
        if values:
            query = _COMMON.format(values=values, differences=DIFFERENCES, its=its)
            for row in self._bench.query(query).to_pylist():
                yield row["place"], row["v"], int(row["n"]), int(row["every"])

    def _leaning(self, its: str, letter: str) -> list[int]:
        """The columns in which (nearly) all rows may have one value: their hashes are (nearly) all odd, or all even."""
        odd = "".join(f", count(case when hash({letter}{n}) % 2 = 1 then 1 end) as s{n}" for n in self._columns)
        every, *counts = numbers(self._bench, f"select count(*) as every{odd} from {DIFFERENCES} where {its}")
        fewest = max(FEWEST_ROWS, ITS_OWN * every)
        return [n for n, many in zip(self._columns, counts, strict=True) if max(many, every - many) >= fewest]

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


def _cause(status: Status, column: str | None, words: str | None, where: _Where, every: int) -> Cause:
    return Cause(
        status, column, words, where.sql, where.rows, every, where.share, _sentence(status, column, words, where, every)
    )


def _sentence(status: Status, column: str | None, words: str | None, where: _Where, every: int) -> str:
    share = f"{_percent(where.rows / every)} of the {every:,}"
    what = f"{share} changed values of {column}" if column else f"{share} {status} rows"
    made = f" are {words} = right" if words else " are"
    place = f" where {where.sql}" if where.sql else ""
    alone = f" ({_percent(where.share)} of the rows there)" if where.sql else ""
    return f"{what}{made}{place}{alone}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 1 else "100 %"
