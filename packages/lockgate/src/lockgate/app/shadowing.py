"""The side that does not answer: run after the answers, compared with them, and told; what is too much drops."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from time import monotonic

from lockgate.app.record_programs import Programs
from lockgate.app.record_sides import Answered, Both, Requests, Timer, Way, answered
from lockgate.core.gate import Pair, Traffic
from lockgate.errors import ControlPlaneUnavailable, LockgateError, NotReady
from lockgate.transform.gathering import Gathering

logger = logging.getLogger(__name__)

# Records that wait to be compared; what comes while there are more is not.
MOST_WAITING = 20_000
# How long what waits may still take once the service is being stopped.
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of records that both sides were to answer: `dropped` ones were not compared."""

    entity: str
    equal: int = 0
    wrong: int = 0
    errors: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Later:
    """Requests that one side has answered."""

    way: Way
    requests: Requests
    first: Sequence[Answered]

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(len(request) for request in self.requests)


Seen = Callable[[Pair, int, Traffic], None]
Listener = Callable[[Compared], None]


class Shadow:
    """Runs the following side, at once or later, and tells what both sides say together."""

    def __init__(self, programs: Programs, timer: Timer, clock: Callable[[], datetime], seen: Seen) -> None:
        """`seen` gets the sides of a route, its token, and the traffic of a turn."""
        self._programs = programs
        self._timer = timer
        self._clock = clock
        self._seen = seen
        self._listeners: list[Listener] = []
        self._work: Gathering[Later, None] = Gathering("lockgate-shadow", self._done, most=1)
        self._waiting = 0
        self._counting = Lock()
        self._ends_at: float | None = None

    def listen(self, listener: Listener) -> None:
        """Has `listener` called with what was compared, from whichever thread."""
        self._listeners.append(listener)

    def compare_later(self, later: Later) -> None:
        """Takes requests that were answered, if there is room, and returns at once."""
        with self._counting:
            has_room = self._waiting + later.records <= MOST_WAITING
            if has_room:
                self._waiting += later.records
        if not has_room:
            self._tell(Compared(later.way.entity.name, dropped=later.records))
            return
        try:
            self._work.ask(later)
        except ControlPlaneUnavailable:  # the service is being stopped
            self._dropped(later)

    def compare_now(self, later: Later) -> list[Both]:
        """What both sides made of requests that one has answered; it is told, too."""
        way = later.way
        assert way.following is not None  # noqa: S101  else there is nothing to compare with
        second = answered(self._programs, self._timer, way.entity, way.following, later.requests)
        found = [_both(way, one, other) for one, other in zip(later.first, second, strict=True)]
        self._tell_traffic(later, found)
        return found

    def close(self) -> None:
        """Compares what waits, as long as there is time, and takes nothing more."""
        self._ends_at = monotonic() + STOP_SECONDS
        self._work.close()

    def _done(self, group: Sequence[Later]) -> list[None]:
        for later in group:
            if self._ends_at is not None and monotonic() > self._ends_at:
                self._dropped(later)
                continue
            try:
                self.compare_now(later)
            finally:
                self._forget(later)
        return [None] * len(group)

    def _tell_traffic(self, later: Later, found: Sequence[Both]) -> None:
        """Tells what a turn's requests say; of a request that says nothing the records are dropped."""
        at, dropped = self._clock(), 0
        summed: dict[Pair, Traffic] = {}
        for both, request in zip(found, later.requests, strict=True):
            traffic = both.traffic(at)
            if traffic is None:
                dropped += len(request)
            else:
                summed[both.pair] = summed.get(both.pair, Traffic()) + traffic
            self._log_failure(both)
        for pair, traffic in summed.items():
            self._seen(pair, later.way.route.token, traffic)
        total = sum(summed.values(), Traffic())
        equal = total.records - total.wrong
        self._tell(Compared(later.way.entity.name, equal, total.wrong, total.errors, dropped))

    def _log_failure(self, both: Both) -> None:
        error = both.candidate.error
        if error is not None and both.incumbent.error is None and not isinstance(error, NotReady):
            code = error.code if isinstance(error, LockgateError) else type(error).__name__
            facts = {"entity": both.way.entity.name, "candidate": both.way.route.candidate, "error": code}
            logger.info("the candidate failed", extra={"facts": facts})

    def _dropped(self, later: Later) -> None:
        self._forget(later)
        self._tell(Compared(later.way.entity.name, dropped=later.records))

    def _forget(self, later: Later) -> None:
        with self._counting:
            self._waiting -= later.records

    def _tell(self, compared: Compared) -> None:
        for listener in self._listeners:
            listener(compared)


def _both(way: Way, first: Answered, second: Answered) -> Both:
    return Both(way, second, first) if way.is_promoted else Both(way, first, second)
