"""A queue in memory, for tests of what stands on queues: it forgets everything with its process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition, Thread
from time import monotonic

from lockgate.core.ports import Work
from lockgate.errors import ControlPlaneUnavailable

RETRY_SECONDS = 0.02


class ThreadQueue:
    """Works on one execution at a time, on a thread of its own."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: set[str] = set()
        self._queued: list[str] = []
        self._changed = Condition()
        self._generation = 0
        self._is_open = False
        self._is_busy = False

    def launch(self, work: Work) -> None:
        """Begins to take work, what was left included."""
        with self._changed:
            self._generation += 1
            self._is_open = True
            arguments = work, self._generation
        Thread(target=self._run, args=arguments, name="thread-queue", daemon=True).start()

    def enqueue(self, execution_ids: Sequence[str]) -> None:
        """Hands executions over; one that was handed over before is not queued again.

        Raises:
            ControlPlaneUnavailable: the queue is not open.
        """
        with self._changed:
            if not self._is_open:
                raise ControlPlaneUnavailable("the queue is not open")
            new = [each for each in dict.fromkeys(execution_ids) if each not in self._known]
            self._known.update(new)
            self._queued.extend(new)
            self._changed.notify_all()

    def close(self, *, patience_seconds: float) -> None:
        """Takes no more work, waits for what is under way, and leaves the rest to the next launch."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._is_busy, timeout=patience_seconds)
            self._is_busy = False
            self._generation += 1

    def _run(self, work: Work, generation: int) -> None:
        while (execution_id := self._next(generation)) is not None:
            is_done = _is_done(work, execution_id)
            with self._changed:
                if generation == self._generation:
                    self._is_busy = False
                if not is_done:
                    self._queued.append(execution_id)
                self._changed.notify_all()
            if not is_done:
                self._pause(generation)

    def _next(self, generation: int) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queued or not self._is_mine(generation))
            if not self._is_mine(generation):
                return None
            self._is_busy = True
            return self._queued.pop(0)

    def _pause(self, generation: int) -> None:
        deadline = monotonic() + RETRY_SECONDS
        with self._changed:
            self._changed.wait_for(lambda: not self._is_mine(generation), timeout=deadline - monotonic())

    def _is_mine(self, generation: int) -> bool:
        return self._is_open and generation == self._generation


def _is_done(work: Work, execution_id: str) -> bool:
    try:
        work(execution_id)
    except Exception:  # noqa: BLE001  it is tried again
        return False
    return True
