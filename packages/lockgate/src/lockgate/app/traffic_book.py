"""What this process's requests say of candidates: counted, written to the control plane now and then, and judged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from secrets import token_hex
from threading import Condition, Lock, Thread
from time import monotonic

from lockgate.core.gate import Traffic

logger = logging.getLogger(__name__)

# What is counted is written after so long, or so many requests, whichever is first.
FLUSH_SECONDS = 1.0
FLUSH_REQUESTS = 100
# The least time between two attempts while the control plane does not answer.
RETRY_SECONDS = 1.0

Add = Callable[[str, int, str, Traffic], None]


class TrafficBook:
    """Counts in memory and writes in a thread of its own: no request waits for it."""

    def __init__(self, add: Add, judge: Callable[[str], object]) -> None:
        """Nothing is written before `start`.

        `add` writes an entity's traffic under a token and a worker; then `judge` looks at the entity.
        """
        self._add = add
        self._judge = judge
        self._worker = token_hex(8)
        self._counted: dict[tuple[str, int], Traffic] = {}
        self._changed = Condition()
        self._flushing = Lock()
        self._is_closed = False
        self._thread: Thread | None = None

    def count(self, entity: str, token: int, seen: Traffic) -> None:
        """Adds what was seen of an entity since its route got `token`."""
        with self._changed:
            self._keep(entity, token, seen)
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
                counted, self._counted = self._counted, {}
            written = [entity for (entity, token), seen in counted.items() if self._write(entity, token, seen)]
        for entity in dict.fromkeys(written):
            self._judge(entity)
        return len(written) == len(counted)

    def close(self) -> None:
        """Writes what is left."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if not self.flush():
            logger.error("traffic was not written", extra={"facts": {"entities": [name for name, _ in self._counted]}})

    def _run(self) -> None:
        while self._wait_until_due():
            if not self.flush():
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, timeout=RETRY_SECONDS)

    def _wait_until_due(self) -> bool:
        """True once something is to be written; False once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._counted or self._is_closed)
            due = monotonic() + FLUSH_SECONDS
            while not self._is_closed and (left := due - monotonic()) > 0 and self._requests() < FLUSH_REQUESTS:
                self._changed.wait(left)
            return not self._is_closed

    def _requests(self) -> int:
        return sum(seen.requests for seen in self._counted.values())

    def _write(self, entity: str, token: int, seen: Traffic) -> bool:
        try:
            self._add(entity, token, self._worker, seen)
        except Exception as error:  # noqa: BLE001  whatever it is, requests go on and counts are kept
            facts = {"entity": entity, "requests": seen.requests, "error": getattr(error, "code", type(error).__name__)}
            logger.warning("traffic is kept until the control plane answers", extra={"facts": facts})
            with self._changed:
                self._keep(entity, token, seen)
            return False
        return True

    def _keep(self, entity: str, token: int, seen: Traffic) -> None:
        self._counted[entity, token] = self._counted.get((entity, token), Traffic()) + seen
