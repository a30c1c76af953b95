"""How large a score may become by chance: the tail of a series's own scores, extrapolated.

Source: Siffer, Fouque, Termier and Largouet, "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017
(peaks over a threshold follow a generalised Pareto distribution). Its parameters are estimated by probability-weighted
moments (Hosking and Wallis, Technometrics 29, 1987), which hold for few peaks. Until a series has scores of its own,
twenty scores of a Student distribution with eight degrees of freedom stand in for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import log

# |t| with 8 degrees of freedom at the probabilities (i - 0.5) / 20, i = 1 … 20.
PRIOR = (
    *(0.0324, 0.0972, 0.1626, 0.2286, 0.2958, 0.3646, 0.4352, 0.5084, 0.5846, 0.6646),
    *(0.7496, 0.8406, 0.9396, 1.0488, 1.1718, 1.3150, 1.4884, 1.7134, 2.0458, 2.7516),
)
MOST_SCORES = 1000
_PEAKS = 0.10
_HEAVIEST = 0.3
_LARGEST = 6.0
_RENEWED = 7
_YOUNG = 10


class Tail:
    """The sizes of a series's ordinary scores, and the size that the next one exceeds with probability `risk`."""

    def __init__(self, risk: float, least: float) -> None:
        """Nothing was seen; the bound is never below `least`."""
        self._risk = risk
        self._least = least
        self._scores: deque[float] = deque(maxlen=MOST_SCORES)
        self._seen = 0
        self._bound = 0.0

    def add(self, score: float) -> None:
        """A score of either sign; one that is larger than any noise makes it is taken to be no larger."""
        self._scores.append(min(abs(score), _LARGEST))
        self._seen += 1
        if self._seen % _RENEWED == 0:
            self._bound = 0.0

    @property
    def bound(self) -> float:
        """The size above which a score is none of chance."""
        if not self._bound:
            young = 1 + _YOUNG / (len(self._scores) + _YOUNG)
            self._bound = max(self._least, exceeded([*self._scores, *PRIOR], self._risk)) * young
        return self._bound


def exceeded(scores: Sequence[float], risk: float) -> float:
    """The size that a score exceeds with probability `risk`, by the peaks over the ninetieth percentile."""
    ordered = sorted(scores)
    many = max(4, round(len(ordered) * _PEAKS))
    start = ordered[-many - 1]
    peaks = [score - start for score in ordered[-many:]]
    first = sum(peaks) / many
    second = sum(peak * (many - 1 - place) for place, peak in enumerate(peaks)) / (many * (many - 1))
    gap = first - 2 * second
    shape = min(max(2 - first / gap, 0.0), _HEAVIEST) if gap > 0 else _HEAVIEST
    spread = first * (1 - shape)
    rarity: float = risk * len(ordered) / many
    if not shape:
        return start - spread * log(rarity)
    return float(start + spread / shape * (rarity**-shape - 1))
