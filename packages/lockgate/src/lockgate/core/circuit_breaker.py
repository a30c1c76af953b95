"""A circuit breaker: what has failed again and again is left alone for a while, then tried by one caller.

As M. Nygard describes it in "Release It!", chapter "Stability Patterns".
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic


class CircuitBreaker:
    """Closed at first. It opens after so many failures in a row, and whoever asks meanwhile is told for how long.

    Once that is over one caller may try. A success closes it, a failure opens it anew; one of whom nothing is heard
    for as long again is followed by another. Callers of several threads may share it.
    """

    def __init__(self, *, failures: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        """`seconds` is how long it stays open."""
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failed = 0
        self._opens_at = 0.0
        self._turn = Lock()

    def open_seconds(self) -> float | None:
        """How long nobody is to try any more; None: the caller may, and tells what came of it."""
        with self._turn:
            now = self._clock()
            if self._failed < self._most:
                return None
            if now < self._opens_at:
                return self._opens_at - now
            self._opens_at = now + self._seconds
            return None

    def failed(self) -> bool:
        """Counts a failure: whether this one opened the circuit, which was closed."""
        with self._turn:
            self._failed += 1
            if self._failed >= self._most:
                self._opens_at = self._clock() + self._seconds
            return self._failed == self._most

    def succeeded(self) -> bool:
        """Closes the circuit: whether it was open."""
        with self._turn:
            was_open, self._failed = self._failed >= self._most, 0
            return was_open
