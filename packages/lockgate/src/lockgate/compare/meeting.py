"""Rows of another database met by digests of the rows in the bench: neither side is held.

A digest is 64 bits of the bench's own hash over all values but the key's, each as what the sides have in common. The
bench holds one side's keys and digests; of the rows that come it keeps those whose key it has not, or whose digest is
another one. Then it looks at the rows of these keys alone, value by value. Rows with equal digests are taken as equal:
one that changed goes unnoticed with a chance of 2⁻⁶⁴.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.compare.carry import BENCH
from lockgate.compare.encoding import value
from lockgate.compare.forms import Form, Pair
from lockgate.compare.scope import Scope
from lockgate.compare.streaming import Sending, arriving
from lockgate.core.ports import Bench, Progress
from lockgate.core.types import Kind

# What values of unlike types are both made before they are hashed; no digit is lost.
_COMMON = {Form.WHOLE: "bigint", Form.DECIMAL: "decimal(38, {scale})"}
_DIGESTS = """
create or replace temp table digests as select {keys}, {digest} as digest from ({rows}) as one
"""
_MET = """
select {columns}, {found}
from (select *, {digest} as digest from (select {received} from arriving) as one) as a
    full outer join digests as h on {keys}
where a.digest is null or h.digest is null or a.digest <> h.digest
"""
_CAME = "select {columns} from met where c0 is not null"
_OF_THESE_KEYS = """
select every.* from ({rows}) as every semi join (select {found} from met where k0 is not null) as wanted on {keys}
"""


def can_meet(scope: Scope) -> bool:
    """Whether equal rows have equal digests: where a tolerance bends what is equal, most have not."""
    return all(pair.rule.tolerance is None for pair in scope.pairs)


def met(bench: Bench, scopes: tuple[Scope, Scope], sending: Sending, here: str, progress: Progress) -> tuple[str, str]:
    """The bench's queries for the rows of both sides that may differ: of what is sent, and of the query `here`.

    `scopes` are that of the sides and that of the bench. No key may be NULL.
    """
    scope, local = scopes
    is_left = sending.is_left
    keys = _keys(local, left=not is_left)
    named = ", ".join(f"{key} as k{number}" for number, key in enumerate(keys))
    bench.run(_DIGESTS.format(keys=named, digest=_digest(local, left=not is_left), rows=here))
    found = [f"k{number}" for number in range(local.keys)]
    columns = [f"c{number}" for number in range(len(local.pairs))]
    with arriving(scope, sending, progress) as (rows, received):
        query = _MET.format(
            columns=", ".join(f"a.{each}" for each in columns),
            found=", ".join(f"h.{each}" for each in found),
            digest=_digest(local, left=is_left),
            received=received,
            keys=_equal(_keys(local, left=is_left, table="a."), [f"h.{each}" for each in found]),
        )
        bench.meet("met", rows, query)
    bench.run("drop table digests")
    same = _equal(_keys(local, left=not is_left, table="every."), [f"wanted.{each}" for each in found])
    of_these_keys = _OF_THESE_KEYS.format(rows=here, found=", ".join(found), keys=same)
    return _CAME.format(columns=", ".join(columns)), of_these_keys


def _equal(one: Sequence[str], other: Sequence[str]) -> str:
    return " and ".join(f"{mine} = {yours}" for mine, yours in zip(one, other, strict=True))


def _keys(local: Scope, *, left: bool, table: str = "") -> list[str]:
    sides = [(pair, pair.left if left else pair.right) for pair in local.key]
    return [value(pair, side, f"{table}c{number}", BENCH) for number, (pair, side) in enumerate(sides)]


def _digest(local: Scope, *, left: bool) -> str:
    """SQL for the digest of a row with columns c0, c1 and so on."""
    values = [_alike(pair, f"c{number}", left=left) for number, pair in enumerate(local.pairs) if number >= local.keys]
    return f"hash({', '.join(values)})" if values else "hash(0)"


def _alike(pair: Pair, x: str, *, left: bool) -> str:
    """A value in the one type that those of both sides can be cast to."""
    compared = value(pair, pair.left if left else pair.right, x, BENCH)
    sides = (pair.left, pair.right)
    if len({(one.native.lower().replace(" ", ""), one.is_written) for one in sides}) == 1:
        return compared
    if pair.form is Form.INSTANT:
        is_plain = all(one.type.kind is Kind.TIMESTAMP for one in sides)
        return f"cast({compared} as {'timestamp' if is_plain else 'timestamptz'})"
    common = _COMMON.get(pair.form)
    return f"cast({compared} as {common.format(scale=pair.scale)})" if common else compared
