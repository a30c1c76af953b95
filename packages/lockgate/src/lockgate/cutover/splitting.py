"""Records that two implementations answer: which answer is given for each, and how the two compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from lockgate.core.bucket import BUCKETS, KeyPart, bucket_of
from lockgate.core.gate import Traffic

Outcome = Mapping[str, object]
OK = "ok"


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides made of the records of one request, in their order; None where a side failed altogether."""

    incumbent: Sequence[Outcome] | None
    candidate: Sequence[Outcome] | None


def buckets_of(outcomes: Sequence[Outcome], key: Sequence[str]) -> list[int | None]:
    """The bucket of each record, by the key that the incumbent gives it; None where it gives none."""
    return [_bucket(cast("Mapping[str, object] | None", outcome["output"]), key) for outcome in outcomes]


def _bucket(output: Mapping[str, object] | None, key: Sequence[str]) -> int | None:
    parts = [output[name] for name in key] if output is not None else [None]
    return None if None in parts else bucket_of(cast("list[KeyPart]", parts))


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


def traffic_of(sides: Sides, buckets: Sequence[int | None], seconds: tuple[float, float], at: datetime) -> Traffic:
    """What one request says of the candidate: `seconds` are the incumbent's and the candidate's."""
    incumbent, candidate = sides.incumbent, sides.candidate
    if incumbent is None or candidate is None:
        has_both_failed = incumbent is None and candidate is None
        is_candidates = candidate is None and incumbent is not None
        return Traffic(requests=1, errors=int(is_candidates), shared_errors=int(has_both_failed), last_at=at)
    wrong = sum(_said(one) != _said(other) for one, other in zip(incumbent, candidate, strict=True))
    times = math.log(max(seconds[1], 1e-9) / max(seconds[0], 1e-9))
    return Traffic(
        requests=1,
        records=len(incumbent),
        wrong=wrong,
        unbucketed=sum(bucket is None for bucket in buckets),
        slower_count=1,
        slower_sum=times,
        slower_squares=times * times,
        last_at=at,
    )


def _said(outcome: Outcome) -> tuple[object, object]:
    """What callers could tell apart, whoever answers: why a record is rejected is each side's own wording."""
    return outcome["status"], outcome["output"]
