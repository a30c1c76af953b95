"""The positions of records in the source's answer, around those that could not be read at all."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


class Positions:
    """Counts on from a first position, and leaves out those that are taken."""

    def __init__(self, first: int, taken: Sequence[int]) -> None:
        """`taken` are in rising order, and relative: 1 is the first position."""
        self._next = first
        self._taken = [first + position - 1 for position in reversed(taken)]

    def take(self, count: int) -> pa.Array:
        """The next `count` free positions, as 64-bit integers."""
        runs = []
        while count:
            if self._taken and self._taken[-1] <= self._next:
                self._next += self._taken.pop() == self._next
                continue
            free = self._taken[-1] - self._next if self._taken else count
            runs.append(pa.arange(self._next, self._next + min(count, free), 1))
            self._next += min(count, free)
            count -= min(count, free)
        return pa.concat_arrays(runs) if runs else pa.array([], pa.int64())
