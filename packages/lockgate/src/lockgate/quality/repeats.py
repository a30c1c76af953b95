"""What may come by chance in a row: equal values, zeros, and gaps between measurements."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from datetime import datetime

from lockgate.quality.calendars import Cadence

_LEAST_RUN = 3
_LATE = 0.5
_USUAL = 0.8
_FEW = 3
_SHARE_OF_GAPS = 0.01
_SHARE_OF_ZEROS = 0.03
_MOST = 1000


class Ties:
    """How often a value equals the one before: whether a run of equal ones is longer than chance makes it.

    Runs are taken to be geometric, by the share of ties so far (Laplace's rule), of zeros and of other values apart.
    """

    def __init__(self, risk: float) -> None:
        """Nothing was seen."""
        self._risk = risk
        self._before: float | None = None
        self._seen, self._tied = [0, 0], [0, 0]
        self.run = 0

    def add(self, value: float, *, ready: bool) -> bool:
        """The next value: whether it is one too many of the same; what is so is not counted."""
        before, self._before = self._before, value
        if before is None:
            return False
        is_tie, kind = value == before, int(before == 0)
        self.run = self.run + 1 if is_tie else 0
        share = (self._tied[kind] + 1) / (self._seen[kind] + 2)
        if ready and self.run >= _LEAST_RUN and share**self.run < self._risk:
            return True
        self._seen[kind] += 1
        self._tied[kind] += is_tie
        return False

    @property
    def is_constant(self) -> bool:
        """Whether no value has differed from the one before it."""
        return self._tied == self._seen


class Zeros:
    """Where a zero is nothing unusual: on weekdays that have hardly anything else, or anywhere at times."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._seen: deque[tuple[int, bool]] = deque(maxlen=_MOST)
        self._days: Counter[int] = Counter()
        self._zeros: Counter[int] = Counter()

    def add(self, day: int, *, is_zero: bool) -> None:
        """The next value."""
        if len(self._seen) == _MOST:
            old, was = self._seen[0]
            self._days[old] -= 1
            self._zeros[old] -= was
        self._seen.append((day, is_zero))
        self._days[day] += 1
        self._zeros[day] += is_zero

    def _is_empty(self, day: int) -> bool:
        return self._days[day] >= _LEAST_RUN and self._zeros[day] >= _USUAL * self._days[day]

    def are_usual(self, day: int) -> bool:
        """Whether a zero on this weekday is nothing to wonder about."""
        if self._is_empty(day):
            return True
        others = [one for one in self._days if not self._is_empty(one)]
        zeros, seen = sum(self._zeros[one] for one in others), sum(self._days[one] for one in others)
        return zeros > 1 and zeros >= _SHARE_OF_ZEROS * seen


class Gaps:
    """The time between measurements: whether one is missing where it always came."""

    def __init__(self, cadence: Cadence) -> None:
        """Nothing was seen."""
        self._cadence = cadence
        self._before: datetime | None = None
        self._gaps: deque[tuple[tuple[int, int], float]] = deque(maxlen=_MOST)

    def add(self, at: datetime, *, ready: bool) -> bool:
        """The next measurement: whether others should have come before it."""
        before, is_missing = self._before, ready and self.is_late(at)
        self._before = at
        if before is not None:
            self._gaps.append((self._cadence.seasons(before), (at - before).total_seconds()))
        return is_missing

    def is_late(self, at: datetime) -> bool:
        """Whether a measurement should have come between the last one and `at`."""
        if self._before is None:
            return False
        gap = (at - self._before).total_seconds()
        return gap > (1 + _LATE) * self._cadence.seconds and self._is_odd(self._cadence.seasons(self._before), gap)

    def _is_odd(self, season: tuple[int, int], gap: float) -> bool:
        """Whether a gap is longer than those after that weekday and hour, and hardly any was so before."""
        groups: dict[tuple[int, int], list[float]] = {}
        for one, seconds in self._gaps:
            groups.setdefault(one, []).append(seconds)
        late = {
            one: max(statistics.median(several), self._cadence.seconds) + _LATE * self._cadence.seconds
            for one, several in groups.items()
        }
        if len(groups.get(season, ())) < _FEW or gap <= late[season]:
            return False
        odd = sum(seconds > late[one] for one, seconds in self._gaps)
        return odd < max(1.0, _SHARE_OF_GAPS * len(self._gaps))
