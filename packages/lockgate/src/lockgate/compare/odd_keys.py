"""Rows whose key is NULL or there more than once: they pair as multisets within the key.

Equal rows cancel each other; what is left over of a key pairs in the order of its values, and differs.
"""

from __future__ import annotations

from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import value
from lockgate.compare.joining import DIFFERENCES, any_differs, difference_query
from lockgate.compare.scope import Scope
from lockgate.core.ports import Bench

_KEYS = """
create or replace temp table odd_keys as
    select {left_keys} from ({left}) as one group by all having count(*) > 1
    union select {right_keys} from ({right}) as other group by all having count(*) > 1
"""
_IS_ODD = "({missing} or exists (select 1 from odd_keys as k where {same}))"
# Equal rows of one side, how many there are, and how many of them the other side has not got.
_GROUPS = "select {values}, {columns}, count(*) as n from ({rows}) as every where {odd} group by {numbers}"
_LEFT_OVER = """
create or replace temp table odd_{side} as
    select {columns}, row_number() over (partition by {keys} order by {values}) as place
    from (
        select mine.*, unnest(range(greatest(mine.n - coalesce(yours.n, 0), 0)))
        from ({mine}) as mine left join ({yours}) as yours on {same}
    ) as copies
"""
_PAIRED = """
insert into {differences}
select case when r.place is null then 'missing' when l.place is null then 'extra' else 'changed' end as status,
    {columns}
from odd_left as l full outer join odd_right as r on {keys} and l.place = r.place
where l.place is null or r.place is null or {differ}
"""


def join_with_odd_keys(bench: Bench, scope: Scope, left: str, right: str) -> None:
    """Keeps in the bench the rows that differ of two of its queries, whose keys may be NULL or repeated."""
    sides = {"left": left, "right": right}
    keys = {side: _values(scope, side, scope.keys) for side in sides}
    bench.run(_KEYS.format(left=left, right=right, **{f"{side}_keys": _named(keys[side]) for side in sides}))
    odd = {side: _odd(scope, keys[side]) for side in sides}
    regular = {side: f"select * from ({rows}) as every where not {odd[side]}" for side, rows in sides.items()}
    query = difference_query(scope, regular["left"], regular["right"], BENCH)
    bench.run(f"create or replace temp table {DIFFERENCES} as {query}")
    groups = {side: _groups(scope, side, rows, odd[side]) for side, rows in sides.items()}
    for side, other in (("left", "right"), ("right", "left")):
        bench.run(_left_over(scope, side, groups[side], groups[other]))
    bench.run(_paired(scope))


def _values(scope: Scope, side: str, many: int | None = None) -> list[str]:
    return [
        value(pair, pair.left if side == "left" else pair.right, f"c{number}", BENCH)
        for number, pair in enumerate(scope.pairs[:many])
    ]


def _named(values: list[str]) -> str:
    return ", ".join(f"{each} as v{number}" for number, each in enumerate(values))


def _odd(scope: Scope, keys: list[str]) -> str:
    missing = " or ".join(f"c{number} is null" for number in range(scope.keys))
    same = " and ".join(f"k.v{number} = {key}" for number, key in enumerate(keys))
    return _IS_ODD.format(missing=missing, same=same)


def _groups(scope: Scope, side: str, rows: str, odd: str) -> str:
    many = range(len(scope.pairs))
    return _GROUPS.format(
        values=_named(_values(scope, side)),
        columns=", ".join(f"any_value(c{number}) as c{number}" for number in many),
        rows=rows,
        odd=odd,
        numbers=", ".join(str(number + 1) for number in many),
    )


def _left_over(scope: Scope, side: str, mine: str, yours: str) -> str:
    many = range(len(scope.pairs))
    return _LEFT_OVER.format(
        side=side,
        columns=", ".join([*(f"c{number}" for number in many), *(f"v{number}" for number in range(scope.keys))]),
        keys=", ".join(f"v{number}" for number in range(scope.keys)),
        values=", ".join(f"v{number}" for number in many),
        mine=mine,
        yours=yours,
        same=" and ".join(f"mine.v{number} is not distinct from yours.v{number}" for number in many),
    )


def _paired(scope: Scope) -> str:
    columns = [f"l.c{number}, r.c{number}" for number in range(len(scope.pairs))]
    keys = [f"l.v{number} is not distinct from r.v{number}" for number in range(scope.keys)]
    return _PAIRED.format(
        differences=DIFFERENCES,
        columns=", ".join(columns),
        keys=" and ".join(keys),
        differ=any_differs(scope, BENCH),
    )
