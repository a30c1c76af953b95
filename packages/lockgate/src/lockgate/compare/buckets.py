"""Buckets of keys: ranges where a key is one whole number, so that an index can find them, else by the key's hash."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.compare.encoding import piece, record, value
from lockgate.compare.forms import Form
from lockgate.compare.profile import numbers
from lockgate.compare.scope import Scope
from lockgate.core.ports import Side

ROWS_A_BUCKET = 256
MOST_BUCKETS = 1 << 20
_WIDEST = 1 << 62
# A cast to varchar(15) cuts as substring does, and does not count the characters before.
_HASHES = {
    "duckdb": "cast('0x' || substring(md5({record}), 1, 15) as bigint)",
    "postgres": "cast(cast('x' || cast(md5({record}) as varchar(15)) as bit(60)) as bigint)",
}
_BUCKET_OF_RANGE = {
    "duckdb": "((cast({v} as bigint) - ({low})) // {width})",
    "postgres": "((cast({v} as bigint) - ({low})) / {width})",
}
_BUCKET_OF_HASH = {
    "duckdb": "(cast('0x' || substring(md5({record}), 1, 8) as bigint) % {buckets})",
    "postgres": "mod(cast(cast('x' || substring(md5({record}) from 1 for 8) as bit(32)) as bigint), {buckets})",
}


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
        return _BUCKET_OF_HASH[dialect].format(
            record=row_record(scope, dialect, left=left, keys=True), buckets=self.many
        )


def chosen_buckets(scope: Scope, sides: tuple[Side, Side], rows: int) -> Buckets:
    """Buckets of some 256 rows each: ranges where the key is one whole number, so that an index can find them."""
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


def row_hash(scope: Scope, dialect: str, *, left: bool) -> str:
    """SQL for the first 60 bits of the MD5 over the canonical record of a row with columns c0, c1 and so on."""
    return _HASHES[dialect].format(record=row_record(scope, dialect, left=left))


def row_record(scope: Scope, dialect: str, *, left: bool, keys: bool = False) -> str:
    """SQL for the canonical record of a row with columns c0, c1 and so on, or of its key alone."""
    sides = [(pair, pair.left if left else pair.right) for pair in (scope.key if keys else scope.pairs)]
    return record([piece(pair, one, f"c{n}", dialect) for n, (pair, one) in enumerate(sides)], dialect)
