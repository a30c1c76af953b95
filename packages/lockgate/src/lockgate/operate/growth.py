"""How a stream grows, by the ledger of its loads."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

from lockgate.core.cost import Growth
from lockgate.core.load import Load, LoadMode
from lockgate.core.stream import Stream
from lockgate.operate.baseline import LEAST_RUNS


def growth_of(stream: Stream, landed: Sequence[Load]) -> Growth:
    """How the loads of a stream that landed, the oldest first, have added to what the newest whole load left."""
    if not stream.cursor:
        return Growth(why_not="it has no cursor, so that every load is whole")
    whole = [at for at, one in enumerate(landed) if one.mode is LoadMode.REPLACE]
    first = whole[-1] if whole else 0
    added = [one.rows for one in landed[first:] if one.mode is LoadMode.APPEND]
    if len(added) < LEAST_RUNS:
        return Growth(why_not=f"{len(added)} loads have added to it since it was whole, fewer than {LEAST_RUNS}")
    rows = sum(one.rows for one in landed[first:])
    return Growth(len(added), median_low(added), rows, tuple(stream.key), stream.cursor)
