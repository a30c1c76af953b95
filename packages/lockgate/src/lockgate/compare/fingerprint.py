"""Fingerprints: a few sums a bucket of keys tell where two relations differ, and often which rows do.

A row's hash h is the first 60 bits of the MD5 over its canonical record, g its upper 31 bits. Each side sums n, Σh, Σg
and Σg² a bucket. Buckets with equal sums are taken as equal: a row that changed goes unnoticed with a chance of 2⁻⁶⁰.
Where one row differs, the sums say which: for one changed row Δ(Σg) = a - b and Δ(Σg²) = a² - b², so
a + b = Δ(Σg²) / Δ(Σg). Only the rows so found, and buckets that cannot be solved, are fetched; what was found is proven
by Σh of the rows that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import piece, record, value
from lockgate.compare.forms import Form
from lockgate.compare.joining import in_bench, join_here
from lockgate.compare.profile import Profile, numbers
from lockgate.compare.scope import Scope
from lockgate.compare.streaming import Sending, streamed
from lockgate.core.ports import Bench, Progress, Side

ROWS_A_BUCKET = 128
MOST_BUCKETS = 1 << 20
# Above this share of rows in buckets that differ and are not solved, all rows are streamed instead.
WORTHWHILE = 0.3
PROBES, PROBED_KEYS, MANY_DIFFER = 8, 128, 0.05
_WIDEST = 1 << 62
_SHIFT = 29
_HASHES = {
    "duckdb": "cast('0x' || substring(md5({record}), 1, 15) as bigint)",
    "postgres": "cast(cast('x' || substring(md5({record}) from 1 for 15) as bit(60)) as bigint)",
}
_BUCKET_OF_RANGE = {
    "duckdb": "((cast({v} as bigint) - ({low})) // {width})",
    "postgres": "((cast({v} as bigint) - ({low})) / {width})",
}
_BUCKET_OF_HASH = {
    "duckdb": "(cast('0x' || substring(md5({record}), 1, 8) as bigint) % {buckets})",
    "postgres": "mod(cast(cast('x' || substring(md5({record}) from 1 for 8) as bit(32)) as bigint), {buckets})",
}
# OFFSET 0 keeps PostgreSQL from computing the hash once for each sum; it does not keep it from working in parallel.
_SUMS = """
select b, cast(count(*) as bigint) as n, cast(sum(h) as {text}) as h, cast(sum(g) as {text}) as g,
    cast(sum(g * g) as {text}) as gg
from (select b, h, h >> {shift} as g from (select {bucket} as b, {hash} as h from ({rows}) as one offset 0) as hashed
    offset 0) as each_row
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
        select *, {hash} as h from (select *, {bucket} as b from ({rows}) as one offset 0) as bucketed
        where b in ({buckets}) offset 0) as hashed
    offset 0) as placed
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


@dataclass(frozen=True, slots=True)
class Buckets:
    """How keys fall into buckets: ranges of `width` whole numbers from `low` on, or by the key's hash (`width` 0)."""

    many: int
    low: int = 0
    width: int = 0

    def sql(self, scope: Scope, dialect: str, *, left: bool) -> str:
        """The bucket of a row with columns c0, c1 and so on."""
        if self.width:
            pair = scope.key[0]
            v = value(pair, pair.left if left else pair.right, "c0", dialect)
            return _BUCKET_OF_RANGE[dialect].format(v=v, low=self.low, width=self.width)
        return _BUCKET_OF_HASH[dialect].format(record=_record(scope, dialect, left=left, keys=True), buckets=self.many)


def compare_by_fingerprints(
    bench: Bench, scope: Scope, sides: tuple[Side, Side], profiles: tuple[Profile, Profile], progress: Progress
) -> int | None:
    """Keeps in the bench the rows that differ; returns how many rows were moved into it, sums counted as rows.

    None where so much differs that all rows had better be streamed; nothing is kept then.
    """
    progress("comparing fingerprints", 0, None)
    buckets = chosen_buckets(scope, sides, max(profile.rows for profile in profiles))
    if buckets.width and _many_differ(bench, scope, sides, buckets):
        return None
    moved = _summed(bench, scope, sides, buckets)
    bench.run(_UNLIKE_BUCKETS)
    for attempt in range(2):
        (left_out,) = numbers(bench, "select sum(n) as n from unlike_buckets where solved is null")
        if left_out > WORTHWHILE * max(profile.rows for profile in profiles):
            return None
        rows = _fetched(bench, scope, sides, buckets, progress)
        moved += sum(_count(bench, each) for each, side in zip(rows, sides, strict=True) if side.engine is not bench)
        local = in_bench(scope, (sides[0].engine.dialect, sides[1].engine.dialect))
        if attempt or not _unproven(bench, local, rows, buckets):
            join_here(bench, local, *rows)
            break
    return moved


def chosen_buckets(scope: Scope, sides: tuple[Side, Side], rows: int) -> Buckets:
    """Buckets of some 128 rows each: ranges where the key is one whole number, so that an index can find them."""
    many = max(1, min(MOST_BUCKETS, rows // ROWS_A_BUCKET))
    if scope.keys > 1 or scope.key[0].form is not Form.WHOLE:
        return Buckets(many)
    ends = [_ends(scope, side, left=left) for side, left in zip(sides, (True, False), strict=True)]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if high - low >= _WIDEST:
        return Buckets(many)
    return Buckets(many, low, (high - low) // many + 1)


def _ends(scope: Scope, side: Side, *, left: bool) -> tuple[int, int]:
    pair = scope.key[0]
    v = value(pair, pair.left if left else pair.right, "c0", side.engine.dialect)
    low, high = numbers(
        side.engine, f"select min({v}) as low, max({v}) as high from ({scope.rows(side, left=left)}) as one"
    )
    return low, high


def _record(scope: Scope, dialect: str, *, left: bool, keys: bool = False) -> str:
    pairs = scope.key if keys else scope.pairs
    return record([piece(pair, pair.left if left else pair.right, f"c{n}", dialect) for n, pair in enumerate(pairs)])


def _hash(scope: Scope, dialect: str, *, left: bool) -> str:
    return _HASHES[dialect].format(record=_record(scope, dialect, left=left))


def _many_differ(bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets) -> bool:
    """Whether more than a few of some thousand rows differ; they are hashed one by one, in a few ranges of keys."""
    span = buckets.many * buckets.width
    starts = [buckets.low + probe * span // PROBES for probe in range(PROBES)]
    for side, left in zip(sides, (True, False), strict=True):
        pair = scope.key[0]
        dialect = side.engine.dialect
        v = value(pair, pair.left if left else pair.right, "c0", dialect)
        ranges = " or ".join(f"({v} >= {start} and {v} < {start + PROBED_KEYS})" for start in starts)
        rows = scope.rows(side, left=left)
        query = (
            f"select {_hash(scope, dialect, left=left)} as h from (select * from ({rows}) as one where {ranges}) as few"
        )
        with side.engine.stream(query) as reader:
            bench.keep("probe_left" if left else "probe_right", reader, "h")
    both, every = numbers(
        bench,
        "select (select count(*) from probe_left where h in (select h from probe_right)) as both, "
        "(select greatest((select count(*) from probe_left), (select count(*) from probe_right))) as n",
    )
    return every - both > MANY_DIFFER * every


def _summed(bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets) -> int:
    moved = 0
    for side, left in zip(sides, (True, False), strict=True):
        dialect = side.engine.dialect
        query = _SUMS.format(
            text="varchar" if dialect == BENCH else "text",
            shift=_SHIFT,
            bucket=buckets.sql(scope, dialect, left=left),
            hash=_hash(scope, dialect, left=left),
            rows=scope.rows(side, left=left),
        )
        name = "sums_left" if left else "sums_right"
        with side.engine.stream(query) as reader:
            bench.keep(name, reader, _SUMMED)
        moved += 0 if side.engine is bench else _count(bench, f"select * from {name}")
    return moved


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
            hash=_hash(scope, dialect, left=left),
            bucket=buckets.sql(scope, dialect, left=left),
            rows=scope.rows(side, left=left),
            buckets=unlike,
            unsolved=unsolved,
            culprits=_listed(bench, culprits),
        )
        found.append(streamed(bench, scope, Sending(side, left, query), progress))
    return found[0], found[1]


def _unproven(bench: Bench, local: Scope, rows: tuple[str, str], buckets: Buckets) -> bool:
    """Whether the rows that came do not account for the sums of a solved bucket; it counts as unsolved then."""
    words = {}
    for name, left, query in (("left", True, rows[0]), ("right", False, rows[1])):
        words[name] = query
        words[f"{name}_bucket"] = buckets.sql(local, BENCH, left=left)
        words[f"{name}_hash"] = _hash(local, BENCH, left=left)
    before = _count(bench, "select * from unlike_buckets where solved is null")
    bench.run(_NOT_PROVEN.format(**words))
    return _count(bench, "select * from unlike_buckets where solved is null") > before


def _listed(bench: Bench, query: str) -> str:
    """Whole numbers as an SQL list; -1, which no bucket and no place is, where there are none."""
    found: Sequence[int] = bench.query(query).column(0).to_pylist()
    return ", ".join(map(str, found)) or "-1"


def _count(bench: Bench, query: str) -> int:
    return numbers(bench, f"select count(*) as n from ({query}) as counted")[0]
