"""What is known of a side before its rows are held against the other's: how many there are, how many keys."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.compare.encoding import value
from lockgate.compare.scope import Scope
from lockgate.core.ports import QueryEngine, Side

_COUNTS = "select count(*) as n, {whole} as whole from ({rows}) as one"
_KEYS = "select count(*) as n from (select {keys} from ({rows}) as one group by {keys}) as each_once"


@dataclass(frozen=True, slots=True)
class Profile:
    """A side's rows, those with a NULL in the key, and how many keys there are more than once or NULL."""

    rows: int
    null_keys: int
    repeated: int

    @property
    def has_odd_keys(self) -> bool:
        """Whether keys do not make a row one row."""
        return bool(self.null_keys or self.repeated)


def profiled(scope: Scope, side: Side, *, left: bool) -> Profile:
    """Counts a side's rows and keys; a key that the database itself holds unique is not counted."""
    rows = scope.rows(side, left=left)
    names = frozenset((pair.left if left else pair.right).name for pair in scope.key)
    whole = any(each <= names for each in side.unique)
    return profile_of(side.engine, scope, rows, left=left, is_unique=whole)


def profile_of(engine: QueryEngine, scope: Scope, rows: str, *, left: bool, is_unique: bool = False) -> Profile:
    """Counts the rows and keys of a query with columns c0, c1 and so on."""
    keys = [
        value(pair, pair.left if left else pair.right, f"c{number}", engine.dialect)
        for number, pair in enumerate(scope.key)
    ]
    complete = " and ".join(f"c{number} is not null" for number in range(scope.keys))
    whole = "count(*)" if is_unique else f"count(case when {complete} then 1 end)"
    n, filled = numbers(engine, _COUNTS.format(whole=whole, rows=rows))
    if is_unique:
        return Profile(n, 0, 0)
    complete_rows = f"select * from ({rows}) as every where {complete}" if filled < n else rows
    (distinct,) = numbers(engine, _KEYS.format(keys=", ".join(keys), rows=complete_rows))
    return Profile(n, n - filled, filled - distinct)


def numbers(engine: QueryEngine, sql: str) -> tuple[int, ...]:
    """The whole numbers in a query's only row; NULL counts as zero."""
    (row,) = engine.query(sql).to_pylist()
    return tuple(int(number or 0) for number in row.values())
