"""Tests that may be asked after every request: they answer as soon as they can, and stay right however often asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

# The least that a share taken for good is below the one taken for bad.
APART = 0.1
# How many observations a confidence sequence is narrowest at, and the fewest from which a variance is estimated.
NARROWEST_AT = 500
FEWEST = 30


class Lean(StrEnum):
    """What a sequential test says so far."""

    GOOD = "good"
    OPEN = "open"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class RatioTest:
    """Wald's sequential probability ratio test of a share: at most a tenth of `bad`, or `bad` and more.

    A share that is good is taken for bad with probability `false_alarms` at most, a bad one for good with `misses`.
    A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16 (1945), 117-186.
    """

    bad: float
    false_alarms: float = 0.01
    misses: float = 0.01

    def lean(self, hits: int, of: int) -> Lean:
        """What `hits` of `of` observations say."""
        good = self.bad * APART
        ratio = hits * math.log(self.bad / good) + (of - hits) * math.log((1 - self.bad) / (1 - good))
        if ratio >= math.log((1 - self.misses) / self.false_alarms):
            return Lean.BAD
        return Lean.GOOD if ratio <= math.log(self.misses / (1 - self.false_alarms)) else Lean.OPEN


def mean_bounds(count: int, total: float, squares: float, false_alarms: float) -> tuple[float, float]:
    """Between which bounds a mean lies, at every moment at once, with probability 1 - `false_alarms`.

    `count`, `total` and `squares` are the number, the sum and the sum of squares of what was observed. The bounds are
    those of an asymptotic confidence sequence: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas,
    Time-uniform central limit theory and asymptotic confidence sequences, Annals of Statistics 52 (2024), theorem 2.2.
    """
    if count < FEWEST:
        return -math.inf, math.inf
    mean = total / count
    variance = max(squares / count - mean * mean, 0.0)
    tuned = (-2 * math.log(false_alarms) + math.log(-2 * math.log(false_alarms) + 1)) / NARROWEST_AT
    grown = count * tuned + 1
    width = math.sqrt(variance * 2 * grown / (count * count * tuned) * math.log(math.sqrt(grown) / false_alarms))
    return mean - width, mean + width
