"""Fingerprints: a few sums a bucket of keys tell where two relations differ, and often which rows do.

A row's hash h is the first 60 bits of the MD5 over its canonical record, g its upper 31 bits. Each side sums n, Σh, Σg
and Σg² a bucket. Buckets with equal sums are taken as equal: a row that changed goes unnoticed with a chance of 2⁻⁶⁰.
Where one row differs, the sums say which: for one changed row Δ(Σg) = a - b and Δ(Σg²) = a² - b², so
a + b = Δ(Σg²) / Δ(Σg). Only the rows so found, and buckets that cannot be solved, are fetched; what was found is proven
by Σh of the rows that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lockgate.compare.buckets import Buckets, row_hash
from lockgate.compare.carry import BENCH
from lockgate.compare.joining import in_bench, join_here
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.compare.streaming import Sending, streamed
from lockgate.core.ports import Bench, Progress, Side

_SHIFT = 29
# What keeps PostgreSQL from computing a hash once for each sum; it does not keep it from working in parallel.
_FENCES = {"duckdb": "", "postgres": "offset 0"}
_SUMS = """
select b, count(*) as n, cast(sum(h) as text) as h, cast(sum(g) as text) as g, cast(sum(g * g) as text) as gg
from (select b, h, h >> {shift} as g from (select {bucket} as b, {hash} as h from ({rows}) as one {fence}) as hashed
    {fence}) as each_row
group by b
"""
_SUMMED = "b, n, cast(h as hugeint) as h, cast(g as hugeint) as g, cast(gg as hugeint) as gg"
_UNLIKE_BUCKETS = """
create or replace temp table unlike_buckets as
select b, n, dn, dh, dg, dgg, case
    when dn = 0 and dg <> 0 and dgg % dg = 0 and (dgg // dg + dg) % 2 = 0 and abs(dg) <= dgg // dg then 'changed'
    when dn = 1 and dgg = dg * dg then 'missing'
    when dn = -1 and dgg = -(dg * dg) then 'extra' end as solved
from (
    select coalesce(l.b, r.b) as b, greatest(coalesce(l.n, 0), coalesce(r.n, 0)) as n,
        coalesce(l.n, 0) - coalesce(r.n, 0) as dn, coalesce(l.h, 0) - coalesce(r.h, 0) as dh,
        coalesce(l.g, 0) - coalesce(r.g, 0) as dg, coalesce(l.gg, 0) - coalesce(r.gg, 0) as dgg
    from sums_left as l full outer join sums_right as r on l.b = r.b
) as compared
where dn <> 0 or dh <> 0 or dg <> 0 or dgg <> 0
"""
_CULPRITS = """
select cast(b as bigint) * 2147483648 + cast(case
    when solved = 'changed' then (dgg // dg {sign} dg) // 2 when solved = '{alone}' then abs(dg) end as bigint) as place
from unlike_buckets where solved in ('changed', '{alone}')
"""
_FETCHED = """
select {columns} from (
    select *, h >> {shift} as g from (
        select *, {hash} as h from (select *, {bucket} as b from ({rows}) as one {fence}) as bucketed
        where b in ({buckets}) {fence}) as hashed
    {fence}) as placed
where b in ({unsolved}) or b * 2147483648 + g in ({culprits})
"""
_NOT_PROVEN = """
update unlike_buckets set solved = null where solved is not null and b in (
    select u.b from unlike_buckets as u
        left join (select {left_bucket} as b, sum({left_hash}) as h from ({left}) as one group by 1) as l on l.b = u.b
        left join (select {right_bucket} as b, sum({right_hash}) as h from ({right}) as other group by 1) as r
            on r.b = u.b
    where coalesce(l.h, 0) - coalesce(r.h, 0) <> u.dh)
"""
_ALONE = {"left": "missing", "right": "extra"}


def compare_by_fingerprints(
    bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets, most: int, progress: Progress
) -> int | None:
    """Keeps in the bench the rows that differ; returns how many rows were moved into it, sums counted as rows.

    None where more than `most` rows would have to be fetched; nothing is kept then.
    """
    progress("comparing fingerprints", 0, None)
    moved = _summed(bench, scope, sides, buckets)
    bench.run(_UNLIKE_BUCKETS)
    for attempt in range(2):
        (left_out,) = numbers(bench, "select sum(n) as n from unlike_buckets where solved is null")
        if left_out > most:
            return None
        found = _fetched(bench, scope, sides, buckets, progress)
        moved += sum(_count(bench, each) for each, side in zip(found, sides, strict=True) if side.engine is not bench)
        local = in_bench(scope, (sides[0].engine.dialect, sides[1].engine.dialect))
        if attempt or not _unproven(bench, local, found, buckets):
            join_here(bench, local, *found)
            break
    return moved


def _summed(bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets) -> int:
    """Keeps the sums of both sides in the bench, computed at the same time; returns how many were moved."""
    queries = [_sums(scope, side, buckets, left=left) for side, left in zip(sides, (True, False), strict=True)]
    if sides[0].engine is sides[1].engine:
        found = [side.engine.query(query) for side, query in zip(sides, queries, strict=True)]
    else:
        with ThreadPoolExecutor(len(sides)) as pool:
            found = list(pool.map(lambda side, query: side.engine.query(query), sides, queries))
    for name, table in zip(("sums_left", "sums_right"), found, strict=True):
        bench.keep(name, table.to_reader(), _SUMMED)
    return sum(table.num_rows for side, table in zip(sides, found, strict=True) if side.engine is not bench)


def _sums(scope: Scope, side: Side, buckets: Buckets, *, left: bool) -> str:
    dialect = side.engine.dialect
    return _SUMS.format(
        shift=_SHIFT,
        fence=_FENCES[dialect],
        bucket=buckets.sql(scope, dialect, left=left),
        hash=row_hash(scope, dialect, left=left),
        rows=scope.rows(side, left=left),
    )


def _fetched(
    bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets, progress: Progress
) -> tuple[str, str]:
    """The bench's queries for the rows of both sides that may differ."""
    unlike = _listed(bench, "select b from unlike_buckets")
    unsolved = _listed(bench, "select b from unlike_buckets where solved is null")
    found = []
    for side, left in zip(sides, (True, False), strict=True):
        dialect = side.engine.dialect
        culprits = _CULPRITS.format(sign="+" if left else "-", alone=_ALONE["left" if left else "right"])
        query = _FETCHED.format(
            columns=", ".join(f"c{number}" for number in range(len(scope.pairs))),
            shift=_SHIFT,
            fence=_FENCES[dialect],
            hash=row_hash(scope, dialect, left=left),
            bucket=buckets.sql(scope, dialect, left=left),
            rows=scope.rows(side, left=left),
            buckets=unlike,
            unsolved=unsolved,
            culprits=_listed(bench, culprits),
        )
        if side.engine is bench:
            name = "here_left" if left else "here_right"
            bench.run(f"create or replace temp table {name} as {query}")
            query = f"select * from {name}"
        found.append(streamed(bench, scope, Sending(side, left, query), progress))
    return found[0], found[1]


def _unproven(bench: Bench, local: Scope, rows: tuple[str, str], buckets: Buckets) -> bool:
    """Whether the rows that came do not account for the sums of a solved bucket; it counts as unsolved then."""
    words = {}
    for name, left, query in (("left", True, rows[0]), ("right", False, rows[1])):
        words[name] = query
        words[f"{name}_bucket"] = buckets.sql(local, BENCH, left=left)
        words[f"{name}_hash"] = row_hash(local, BENCH, left=left)
    before = _count(bench, "select * from unlike_buckets where solved is null")
    bench.run(_NOT_PROVEN.format(**words))
    return _count(bench, "select * from unlike_buckets where solved is null") > before


def _listed(bench: Bench, query: str) -> str:
    """Whole numbers as an SQL list; -1, which no bucket and no place is, where there are none."""
    found: Sequence[int] = bench.query(query).column(0).to_pylist()
    return ", ".join(map(str, found)) or "-1"


def _count(bench: Bench, query: str) -> int:
    return numbers(bench, f"select count(*) as n from ({query}) as counted")[0]
