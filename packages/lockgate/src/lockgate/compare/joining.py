"""One full outer join inside one engine: the rows that differ, and nothing else, come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lockgate.compare.carry import BENCH, carried, received, sent
from lockgate.compare.forms import Pair, paired
from lockgate.compare.predicates import differs, keys_equal
from lockgate.compare.scope import Scope
from lockgate.core.ports import Bench, Side

DIFFERENCES = "differences"
# How many columns the answer to a query may have.
_MOST_COLUMNS = {"postgres": 1664}
# In braces: rows of either side with columns c0, c1 …, what is brought along of both, the conditions.
_JOIN = """
select case when r.c0 is null then 'missing' when l.c0 is null then 'extra' else 'changed' end as status, {columns}
from ({left}) as l full outer join ({right}) as r on {keys}
where l.c0 is null or r.c0 is null or {differ}
"""


def in_bench(scope: Scope, dialects: tuple[str, str]) -> Scope:
    """The same scope over columns as the bench has them; nothing is left to be filtered there."""
    pairs = tuple(
        paired(carried(pair.left, dialects[0]), carried(pair.right, dialects[1]), pair.rule) for pair in scope.pairs
    )
    return replace(scope, pairs=pairs, where=None, hash_limit=None)


def difference_query(scope: Scope, left: str, right: str, dialect: str) -> str:
    """SQL for the rows that differ, of two queries with columns c0, c1 and so on, of whose keys none is NULL."""
    columns = [
        f"{sent(pair.left, f'l.c{n}', dialect)} as l{n}, {sent(pair.right, f'r.c{n}', dialect)} as r{n}"
        for n, pair in enumerate(scope.pairs)
    ]
    return _JOIN.format(
        columns=", ".join(columns),
        left=left,
        right=right,
        keys=keys_equal(scope.key, dialect),
        differ=any_differs(scope, dialect),
    )


def can_join(scope: Scope, dialect: str) -> bool:
    """Whether a row of both sides' columns, and what is the matter with it, is not too wide for an engine."""
    return 2 * len(scope.pairs) + 1 <= _MOST_COLUMNS.get(dialect, 2 * len(scope.pairs) + 1)


def any_differs(scope: Scope, dialect: str) -> str:
    """True where a value of a joined row's `l` differs from that of its `r`."""
    conditions = [
        differs(pair, f"l.c{number}", f"r.c{number}", dialect)
        for number, pair in enumerate(scope.pairs)
        if number >= scope.keys
    ]
    return " or ".join(conditions) or "false"


def join_here(bench: Bench, scope: Scope, left: str, right: str) -> None:
    """Keeps in the bench the rows that differ of two queries that the bench can run itself."""
    bench.run(f"create or replace temp table {DIFFERENCES} as {difference_query(scope, left, right, BENCH)}")


def join_there(bench: Bench, scope: Scope, left: Side, right: Side) -> None:
    """Keeps in the bench the rows that differ of two relations that their own engine joins."""
    dialect = left.engine.dialect
    query = difference_query(scope, scope.rows(left, left=True), scope.rows(right, left=False), dialect)
    with left.engine.stream(query) as rows:
        bench.keep(DIFFERENCES, rows, _received(scope.pairs, dialect))


def _received(pairs: Sequence[Pair], dialect: str) -> str:
    columns = [
        f"{received(pair.left, f'l{n}', dialect)} as l{n}, {received(pair.right, f'r{n}', dialect)} as r{n}"
        for n, pair in enumerate(pairs)
    ]
    return ", ".join(["status", *columns])
