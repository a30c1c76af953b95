"""How a stream grows, by the ledger of its loads."""

from __future__ import annotations

from statistics import median_low

from lockgate.core.cost import Growth, Landed
from lockgate.core.stream import Stream
from lockgate.operate.baseline import LEAST_RUNS


def growth_of(stream: Stream, landed: Landed) -> Growth:
    """How the loads of a stream that landed have added to what the newest whole load left."""
    if not stream.cursor:
        return Growth(why_not="it has no cursor, so that every load is whole")
    loads = len(landed.added)
    if loads < LEAST_RUNS:
        return Growth(why_not=f"{loads} loads have added to it since it was whole, fewer than {LEAST_RUNS}")
    return Growth(loads, median_low(landed.added), landed.rows, tuple(stream.key), stream.cursor)
