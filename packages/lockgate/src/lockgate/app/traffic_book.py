"""What this process's requests say of candidates: counted, written to the control plane now and then, and judged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from threading import Condition, Lock, Thread
from time import monotonic

from lockgate.core.gate import Pair, Traffic

logger = logging.getLogger(__name__)

# What is counted is written after so long, or so many requests, whichever is first.
FLUSH_SECONDS = 1.0
FLUSH_REQUESTS = 100
# The least time between two attempts while the control plane does not answer.
RETRY_SECONDS = 1.0

Write = Callable[[Pair, int, str, Traffic], None]


@dataclass(slots=True)
class _Total:
    """All that was seen of a pair under a token, the row that it is written to, and what that row lacks for sure.

    One that was forgotten and is counted anew is written to another row: rows are summed up.
    """

    worker: str = field(default_factory=lambda: token_hex(8))
    seen: Traffic = field(default_factory=Traffic)
    unwritten: int = 0


class TrafficBook:
    """Counts in memory and writes in a thread of its own: no request waits for it."""

    def __init__(self, write: Write, judge: Callable[[str], object]) -> None:
        """Nothing is written before `start`.

        `write` puts a pair's total under a token and a worker in place of the former one, so that it may be repeated
        where nobody knows what came of it; then `judge` looks at the entity.
        """
        self._write_total = write
        self._judge = judge
        self._totals: dict[tuple[Pair, int], _Total] = {}
        self._changed = Condition()
        self._flushing = Lock()
        self._is_closed = False
        self._thread: Thread | None = None

    def count(self, pair: Pair, token: int, seen: Traffic) -> None:
        """Adds what was seen of a pair since its route got `token`."""
        with self._changed:
            total = self._totals.setdefault((pair, token), _Total())
            total.seen += seen
            total.unwritten += seen.requests
            self._changed.notify()

    def start(self) -> None:
        """Writes from now on what is counted."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lockgate-traffic", daemon=True)
            self._thread.start()

    def flush(self) -> bool:
        """Writes what was counted, and has it judged; what cannot be written is kept. Whether all was written."""
        with self._flushing:
            with self._changed:
                due = {key: (one.worker, one.seen, one.unwritten) for key, one in self._totals.items() if one.unwritten}
            written = [key for key, (worker, seen, _) in due.items() if self._write(*key, worker, seen)]
            with self._changed:
                for key in written:
                    self._totals[key].unwritten -= due[key][2]
                self._forget_former()
        for entity in dict.fromkeys(pair.entity for pair, _ in written):
            self._judge(entity)
        return len(written) == len(due)

    def close(self) -> None:
        """Writes what is left."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if not self.flush():
            logger.error("traffic was not written", extra={"facts": {"entities": self._unwritten()}})

    def _run(self) -> None:
        while self._wait_until_due():
            if not self.flush():
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, timeout=RETRY_SECONDS)

    def _wait_until_due(self) -> bool:
        """True once something is to be written; False once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._requests() or self._is_closed)
            due = monotonic() + FLUSH_SECONDS
            while not self._is_closed and (left := due - monotonic()) > 0 and self._requests() < FLUSH_REQUESTS:
                self._changed.wait(left)
            return not self._is_closed

    def _requests(self) -> int:
        return sum(total.unwritten for total in self._totals.values())

    def _unwritten(self) -> list[str]:
        return sorted({pair.entity for (pair, _), total in self._totals.items() if total.unwritten})

    def _forget_former(self) -> None:
        """Lets go of what was written under tokens that are no longer in force."""
        newest: dict[str, int] = {}
        for pair, token in self._totals:
            newest[pair.entity] = max(token, newest.get(pair.entity, token))
        kept = {key: one for key, one in self._totals.items() if one.unwritten or key[1] == newest[key[0].entity]}
        self._totals = kept

    def _write(self, pair: Pair, token: int, worker: str, seen: Traffic) -> bool:
        try:
            self._write_total(pair, token, worker, seen)
        except Exception as error:  # noqa: BLE001  whatever it is, requests go on and counts are kept
            facts = {
                "entity": pair.entity,
                "requests": seen.requests,
                "error": getattr(error, "code", type(error).__name__),
            }
            logger.warning("traffic is kept until the control plane answers", extra={"facts": facts})
            return False
        return True
