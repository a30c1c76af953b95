"""What clients saw, counted and timed."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

QUANTILES = (0.5, 0.95, 0.99)


class Ending(StrEnum):
    """How a question ended in the end, however often it had to be asked."""

    RIGHT = "right"
    WRONG = "wrong"  # 200, and not what it should have been
    REFUSED = "refused"  # another status, without a moment at which to try again
    IMPATIENT = "out of patience"
    LOST = "lost"  # the connection ended without an answer


@dataclass(slots=True)
class Timed:
    """Answers of one kind: when each came, and after how many seconds."""

    at: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, at: float, seconds: float) -> None:
        """One more."""
        self.at.append(at)
        self.seconds.append(seconds)


@dataclass(slots=True)
class Seen:
    """What all clients saw, from `began` on (seconds of the clock that they use)."""

    began: float
    ended_at: float = 0.0
    asked: int = 0
    endings: Counter[tuple[str, Ending]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    engines: Counter[tuple[str, str]] = field(default_factory=Counter)
    tried_again: int = 0
    timed: dict[str, Timed] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def end(self, kind: str, ending: Ending, at: float, seconds: float) -> None:
        """A question has ended."""
        self.endings[kind, ending] += 1
        self.timed.setdefault(kind, Timed()).add(at - self.began, seconds)

    @property
    def seconds(self) -> float:
        """How long the clients asked."""
        return self.ended_at - self.began

    def count(self, *endings: Ending, kind: str | None = None) -> int:
        """How many questions ended like this."""
        return sum(n for (one, ending), n in self.endings.items() if ending in endings and kind in {None, one})

    @property
    def success(self) -> float:
        """The share of what was asked that was answered right in the end."""
        return self.count(Ending.RIGHT) / self.asked if self.asked else 0.0

    def a_second(self, of_records: bool) -> float:
        """Right answers a second, about records or about tables."""
        right = sum(
            n
            for (kind, ending), n in self.endings.items()
            if ending is Ending.RIGHT and ("record" in kind) is of_records
        )
        return right / self.seconds if self.seconds else 0.0

    def by_second(self) -> Iterator[tuple[int, list[float]]]:
        """The seconds that answers took, by the second in which they came."""
        whole: dict[int, list[float]] = {}
        for timed in self.timed.values():
            for at, seconds in zip(timed.at, timed.seconds, strict=True):
                whole.setdefault(int(at), []).append(seconds)
        for second in range(max(whole, default=-1) + 1):
            yield second, sorted(whole.get(second, []))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
