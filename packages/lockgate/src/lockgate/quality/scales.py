"""The scale on which a metric's noise is about as large everywhere, so that one band fits small and large values.

Sources: Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35 (1948), for
counts (its inverse hyperbolic sine grows like a root below 100 and like a logarithm above) and for shares (the arcsine
of the root); Burbidge, Magee and Robb, "Alternative transformations to handle extreme values of the dependent
variable", JASA 83 (1988), for what may be negative.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import asin, asinh, exp, log, pi, sin, sinh, sqrt

from lockgate.core.measurement import Metric

_DISPERSION = 0.01
_SECONDS = 0.25
_BYTES = 1024.0


@dataclass(frozen=True, slots=True)
class Scale:
    """`onto` the scale and `back`; noise below `least` on the scale is taken to be `least`.

    Values come in multiples of `step`, where it is not 0.
    """

    onto: Callable[[float], float]
    back: Callable[[float], float]
    least: float
    has_zeros: bool = False
    step: float = 0.0

    def grain(self, scaled: float) -> float:
        """Half a step there: a value that is rounded scatters by about as much."""
        if not self.step:
            return 0.0
        value = self.back(scaled)
        return (self.onto(value + self.step) - self.onto(value)) / 2


def _count(value: float) -> float:
    return 2 * asinh(sqrt((max(value, 0.0) + 0.375) * _DISPERSION))


def _count_back(scaled: float) -> float:
    return max(sinh(min(max(scaled, 0.0), 700.0) / 2) ** 2 / _DISPERSION - 0.375, 0.0)


def _share(value: float) -> float:
    return asin(sqrt(min(max(value, 0.0), 1.0)))


def _share_back(scaled: float) -> float:
    return sin(min(max(scaled, 0.0), pi / 2)) ** 2


def _logarithm(offset: float, least: float) -> Scale:
    return Scale(
        lambda value: log(max(value, 0.0) + offset),
        lambda scaled: max(exp(min(scaled, 700.0)) - offset, 0.0),
        least,
        has_zeros=True,
    )


def _signed(values: Sequence[float]) -> Scale:
    """By the size of the first values: linear below their median, logarithmic above."""
    unit = statistics.median([abs(value) for value in values if value] or [1.0])
    return Scale(
        lambda value: asinh(value / unit), lambda scaled: sinh(min(max(scaled, -700.0), 700.0)) * unit, least=0.003
    )


COUNTS = Scale(_count, _count_back, least=0.003, has_zeros=True, step=1.0)
SHARES = Scale(_share, _share_back, least=0.002)
SECONDS = _logarithm(_SECONDS, least=0.02)
BYTES = _logarithm(_BYTES, least=0.003)


def scale_of(metric: str, first: Sequence[float]) -> Scale:
    """The scale of a metric; that of a declared one is told by its `first` values alone, so that it never moves."""
    known = {
        Metric.ROWS: COUNTS,
        Metric.DISTINCT: COUNTS,
        Metric.NULL_RATE: SHARES,
        Metric.SECONDS: SECONDS,
        Metric.BYTES: BYTES,
        Metric.READ_BYTES: BYTES,
    }
    return known.get(Metric(metric)) or COUNTS if metric in set(Metric) else _signed(first)
