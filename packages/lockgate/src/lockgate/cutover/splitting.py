"""Records that two implementations answer: which answer is given for each, and how the two compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from lockgate.core.bucket import BUCKETED_KINDS, BUCKETS, KeyPart, bucket_of
from lockgate.core.gate import Traffic
from lockgate.core.relation import Column
from lockgate.core.types import INTEGERS, Kind

Outcome = Mapping[str, object]
OK = "ok"
# Half of what people notice (0.1 s: Nielsen 1993, Usability Engineering, 5.5).
UNNOTICED_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides made of the records of one request, in their order; None where a side failed altogether."""

    incumbent: Sequence[Outcome] | None
    candidate: Sequence[Outcome] | None


def buckets_of(outcomes: Sequence[Outcome], key: Sequence[Column]) -> list[int | None]:
    """The bucket of each record, by the key that the incumbent gives it; None where it gives none.

    It is the bucket that the key has in an edition, whose columns are cast to the contract: that of `key`.
    """
    return [_bucket(cast("Mapping[str, object] | None", outcome["output"]), key) for outcome in outcomes]


def _bucket(output: Mapping[str, object] | None, key: Sequence[Column]) -> int | None:
    parts = [_part(output[column.name], column.type.kind) for column in key] if output is not None else [None]
    return None if None in parts else bucket_of(parts)


def _part(value: object, kind: Kind) -> KeyPart | None:
    """A part of a key as its contract has it; None where it cannot have it so."""
    if value is None or kind not in BUCKETED_KINDS:
        return None
    try:
        return _cast(value, kind)
    except (ValueError, ArithmeticError):
        return None


def _cast(value: object, kind: Kind) -> KeyPart:
    if kind in INTEGERS:
        number = Decimal(str(value))
        if number != number.to_integral_value():
            raise ValueError(kind)
        return int(number)
    if kind is Kind.UUID:
        return value if isinstance(value, UUID) else UUID(str(value))
    if kind is Kind.DATE:
        found = date.fromisoformat(value) if isinstance(value, str) else value
        return found.date() if isinstance(found, datetime) else cast("date", found)
    return value if isinstance(value, str) else str(value)


def one_way(buckets: Sequence[int | None]) -> list[int | None]:
    """The buckets where a request goes one way as a whole: all are that of its first record that has one."""
    first = next((bucket for bucket in buckets if bucket is not None), None)
    return [first] * len(buckets)


def is_asked(buckets: Sequence[int | None], share: int) -> bool:
    """Whether the candidate answers for any of the records."""
    return share >= BUCKETS or any(bucket is not None and bucket < share for bucket in buckets)


def chosen(sides: Sides, buckets: Sequence[int | None], share: int) -> list[Outcome]:
    """Each record's answer: the candidate's where its bucket is below the share, else the incumbent's.

    A record without a key is the incumbent's, unless the candidate answers for everything. Where one side failed, the
    other one answers for all.
    """
    if sides.incumbent is None or sides.candidate is None:
        return list(sides.incumbent or sides.candidate or ())
    pairs = zip(sides.incumbent, sides.candidate, buckets, strict=True)
    return [
        candidate if share >= BUCKETS or (bucket is not None and bucket < share) else incumbent
        for incumbent, candidate, bucket in pairs
    ]


def traffic_of(
    sides: Sides, buckets: Sequence[int | None], seconds: tuple[float, float] | None, at: datetime
) -> Traffic:
    """What one request says of the candidate: `seconds` are the incumbent's and its own; None: not to be compared.

    Less than `UNNOTICED_SECONDS` counts as so many: a few milliseconds in place of fewer are no reason to roll back.
    """
    incumbent, candidate = sides.incumbent, sides.candidate
    if incumbent is None or candidate is None:
        has_both_failed = incumbent is None and candidate is None
        is_candidates = candidate is None and incumbent is not None
        return Traffic(requests=1, errors=int(is_candidates), shared_errors=int(has_both_failed), last_at=at)
    wrong = sum(not _is_level(one, other) for one, other in zip(incumbent, candidate, strict=True))
    own, other = (max(one, UNNOTICED_SECONDS) for one in reversed(seconds or (0.0, 0.0)))
    times = math.log(own / other)
    return Traffic(
        requests=1,
        records=len(incumbent),
        wrong=wrong,
        unbucketed=sum(bucket is None for bucket in buckets),
        slower_count=int(seconds is not None),
        slower_sum=times,
        slower_squares=times * times,
        last_at=at,
    )


def _is_level(one: Outcome, other: Outcome) -> bool:
    """Whether callers could not tell the answers apart: why a record is rejected is each side's own wording."""
    return bool(one["status"] == other["status"]) and _is_same(one["output"], other["output"])


def _is_same(one: object, other: object) -> bool:
    """Whether values mean the same; what is no number equals itself, and no truth value is a number."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124  NaN alone differs from itself
