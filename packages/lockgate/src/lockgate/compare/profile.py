"""What is known of a side before its rows are held against the other's: how many there are, and whether keys are keys.

Proving that one side's keys are unique costs a pass over them. The other side's follow: where as many rows of either
side are matched, and keys on one side are there once, they are on the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import value
from lockgate.compare.forms import Form
from lockgate.compare.joining import DIFFERENCES
from lockgate.compare.scope import Scope
from lockgate.core.ports import Bench, QueryEngine, Side

MOST_BITS_A_ROW = 32
_COUNTS = "select count(*) as n, count(case when {complete} then 1 end) as whole from ({rows}) as one"
_ROWS = "select count(*) as n from ({rows}) as one"
_KEYS = "select count(*) as n from (select {keys} from ({rows}) as one where {complete} group by {keys}) as each_once"
_ENDS = "select min({key}) as low, max({key}) as high from ({rows}) as one"
_BITS = "select bit_count(bitstring_agg(cast({key} as bigint), {low}, {high})) as n from ({rows}) as one"
_EXTRA = """
select count(*) - count(distinct ({keys})) as n from {differences} where status = '{status}'
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """A side's rows, those with a NULL in the key, and those whose key an earlier row has; None where that is open."""

    rows: int
    null_keys: int
    repeated: int | None

    @property
    def has_odd_keys(self) -> bool:
        """Whether keys are known not to make a row one row."""
        return bool(self.null_keys or self.repeated)


Profiles = tuple[Profile, Profile]


def profiled(scope: Scope, sides: tuple[Side, Side], bench: Bench) -> Profiles:
    """Counts both sides' rows and NULL keys, and proves the keys of one side, where that costs least."""
    known = [_is_unique(scope, side, left=left) for side, left in zip(sides, (True, False), strict=True)]
    counted = [1 if sides[1].engine is bench and sides[0].engine is not bench else 0] if not any(known) else []
    left, right = (
        _profile(scope, side, left=place == 0, is_unique=known[place], counts_keys=place in counted)
        for place, side in enumerate(sides)
    )
    return left, right


def with_keys_counted(scope: Scope, sides: tuple[Side, Side], profiles: Profiles) -> Profiles:
    """The profiles, with the keys of every side counted."""
    left, right = (
        profile
        if profile.repeated is not None
        else _profile(scope, side, left=place == 0, is_unique=False, counts_keys=True)
        for place, (side, profile) in enumerate(zip(sides, profiles, strict=True))
    )
    return left, right


def keys_follow(scope: Scope, bench: Bench, profiles: Profiles) -> bool:
    """Whether the differences in the bench prove that the keys of both sides are unique, given that one side's are."""
    counts = [f"count(case when status = '{status}' then 1 end) as {status}" for status in ("missing", "extra")]
    missing, extra = numbers(bench, f"select {', '.join(counts)} from {DIFFERENCES}")
    if profiles[0].rows - missing != profiles[1].rows - extra:
        return False
    open_side = next((place for place, each in enumerate(profiles) if each.repeated is None), None)
    if open_side is None or not (missing, extra)[open_side]:
        return True
    side, status = (("l", "missing"), ("r", "extra"))[open_side]
    pairs = [(pair, pair.left if open_side == 0 else pair.right) for pair in scope.key]
    keys = ", ".join(value(pair, one, f"{side}{number}", BENCH) for number, (pair, one) in enumerate(pairs))
    return numbers(bench, _EXTRA.format(keys=keys, differences=DIFFERENCES, status=status)) == (0,)


def _is_unique(scope: Scope, side: Side, *, left: bool) -> bool:
    """Whether the database itself holds the key unique."""
    names = frozenset((pair.left if left else pair.right).name for pair in scope.key)
    return any(each <= names for each in side.unique)


def _profile(scope: Scope, side: Side, *, left: bool, is_unique: bool, counts_keys: bool) -> Profile:
    rows = scope.rows(side, left=left)
    if is_unique:
        (n,) = numbers(side.engine, _ROWS.format(rows=rows))
        return Profile(n, 0, 0)
    complete = " and ".join(f"c{number} is not null" for number in range(scope.keys))
    n, filled = numbers(side.engine, _COUNTS.format(complete=complete, rows=rows))
    if not counts_keys:
        return Profile(n, n - filled, None)
    keys = [
        value(pair, pair.left if left else pair.right, f"c{number}", side.engine.dialect)
        for number, pair in enumerate(scope.key)
    ]
    distinct = _close_whole_numbers(side.engine, scope, keys[0], rows, filled)
    if distinct is None:
        (distinct,) = numbers(side.engine, _KEYS.format(keys=", ".join(keys), rows=rows, complete=complete))
    return Profile(n, n - filled, filled - distinct)


def _close_whole_numbers(engine: QueryEngine, scope: Scope, key: str, rows: str, filled: int) -> int | None:
    """How many values a key of one whole number has, where a bit for each that it could have takes little memory."""
    if engine.dialect != BENCH or scope.keys > 1 or scope.key[0].form is not Form.WHOLE or not filled:
        return None
    low, high = numbers(engine, _ENDS.format(key=key, rows=rows))
    if high - low > MOST_BITS_A_ROW * filled:
        return None
    return numbers(engine, _BITS.format(key=key, rows=rows, low=low, high=high))[0]


def numbers(engine: QueryEngine, sql: str) -> tuple[int, ...]:
    """The whole numbers in a query's only row; NULL counts as zero."""
    (row,) = engine.query(sql).to_pylist()
    return tuple(int(number or 0) for number in row.values())
