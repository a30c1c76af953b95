"""A few thousand rows looked at first: how many of them differ, and what hashing or bringing a row takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

from lockgate.compare.buckets import Buckets, row_hash
from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import value
from lockgate.compare.joining import DIFFERENCES, in_bench, join_here
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.compare.streaming import Sending, streamed
from lockgate.core.ports import Bench, Progress, Side

RANGES, KEYS = 16, 200
# Where nothing differs, fingerprints move next to nothing; for that they may take so much longer than streaming.
PATIENCE = 2.0
# Where more rows differ than this share, nearly every bucket has one.
MANY_DIFFER = 0.01
_KEYS_OF = """
{key} in (select unnest(range(start, start + {keys})) from (select unnest(cast({starts} as bigint[])) as start) as few)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """Rows looked at, how many of them differ, and seconds a row: to hash it, and to bring it into the bench."""

    rows: int
    differing: int
    hashing: float
    bringing: float

    @property
    def prefers_fingerprints(self) -> bool:
        """Whether hashing every row, and fetching those that differ, costs less than bringing every row.

        Where rows that differ are scattered, most buckets have one, and the rows in them are hashed once more.
        """
        if not self.differing:
            return self.hashing <= PATIENCE * self.bringing
        return not self.sees_many and 2 * self.hashing < self.bringing

    @property
    def sees_many(self) -> bool:
        """Whether so many rows differ that nearly every bucket has one."""
        return self.differing >= max(1.0, MANY_DIFFER * self.rows)


def probed(bench: Bench, scope: Scope, sides: tuple[Side, Side], buckets: Buckets, progress: Progress) -> Probe:
    """Compares the rows of a few ranges of keys, spread evenly, and times what is done about them."""
    span = buckets.many * buckets.width
    starts = [buckets.low + place * span // RANGES for place in range(RANGES)]
    looks = [_look(bench, scope, side, starts, progress, left) for side, left in zip(sides, (True, False), strict=True)]
    join_here(bench, in_bench(scope, (sides[0].engine.dialect, sides[1].engine.dialect)), *(one.query for one in looks))
    (differing,) = numbers(bench, f"select count(*) as n from {DIFFERENCES}")
    moved = sum(one.rows for one in looks)
    seconds = [
        sum(times) / max(1, moved) for times in zip(*((one.hashing, one.bringing) for one in looks), strict=True)
    ]
    return Probe(moved, differing, *seconds)


@dataclass(frozen=True, slots=True)
class _Look:
    """The bench's query for one side's few rows; of those brought: how many, and the seconds spent on all of them."""

    query: str
    rows: int = 0
    hashing: float = 0.0
    bringing: float = 0.0


def _look(bench: Bench, scope: Scope, side: Side, starts: list[int], progress: Progress, left: bool) -> _Look:
    # What a query takes whatever it reads is learnt from one range, and left out.
    one, every = (_few(scope, side, some, left=left) for some in (starts[:1], starts))
    if side.engine is bench:
        return _Look(every)
    clock = [time.perf_counter()]
    streamed(bench, scope, Sending(side, left, one), progress)
    clock.append(time.perf_counter())
    query = streamed(bench, scope, Sending(side, left, every), progress)
    clock.append(time.perf_counter())
    for rows in (one, every):
        hashes = row_hash(scope, side.engine.dialect, left=left)
        side.engine.query(f"select count({hashes}) as n from ({rows}) as few")
        clock.append(time.perf_counter())
    spent = [after - before for before, after in pairwise(clock)]
    (many,) = numbers(bench, f"select count(*) as n from ({query}) as few")
    return _Look(query, many, max(0.0, spent[3] - spent[2]), max(0.0, spent[1] - spent[0]))


def _few(scope: Scope, side: Side, starts: list[int], *, left: bool) -> str:
    """A side's rows of a few ranges: an index finds them by their borders, the bench by each of their keys."""
    pair = scope.key[0]
    key = value(pair, pair.left if left else pair.right, "c0", side.engine.dialect)
    if side.engine.dialect == BENCH:
        wanted = _KEYS_OF.format(key=key, keys=KEYS, starts=starts)
    else:
        wanted = " or ".join(f"({key} >= {start} and {key} < {start + KEYS})" for start in starts)
    return f"select * from ({scope.rows(side, left=left)}) as every_row where {wanted}"
