"""How far numbers lie apart where up to half of them may be wild."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

# A median absolute deviation times this is the standard deviation of what is normally distributed.
TO_DEVIATION = 1.4826


def spread_of(values: Sequence[float]) -> float:
    """The standard deviation that a normal sample of this median absolute deviation would have.

    Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, 1993.

    Raises:
        StatisticsError: there are no values.
    """
    middle = median(values)
    return TO_DEVIATION * median(abs(value - middle) for value in values)
