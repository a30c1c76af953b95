"""A run somewhere else while it is followed: until when, and whether somebody asked it to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.adapters.dbt.remote.place import RemoteRun
from lockgate.errors import DbtCancelled, DbtError, DbtTimedOut, LockgateError

logger = logging.getLogger(__name__)


class Watch:
    """Of one invocation. `cancel` may be called from any thread."""

    def __init__(self, workshop: str, timeout_seconds: float) -> None:
        """The time begins to run."""
        self._workshop = workshop
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._lock = threading.Lock()
        self._stopped: DbtError | None = None
        self._stopped_at = 0.0
        self._run: RemoteRun | None = None
        self._woken = threading.Event()

    @property
    def left_seconds(self) -> float:
        """How long it may still take."""
        return max(0.0, self._deadline - time.monotonic())

    def cancel(self) -> None:
        """Has the run ended, and a later one not begun; does not wait for that."""
        self._stop(DbtCancelled())

    def refuse_if_stopped(self) -> None:
        """Raises what stopped this invocation.

        Raises:
            DbtTimedOut: its time was over.
            DbtCancelled: somebody cancelled it.
        """
        if self._stopped is not None:
            raise self._stopped
        if self.left_seconds == 0:
            raise self._timed_out()

    def refuse_if_stopped_long(self, seconds: float) -> None:
        """Raises what stopped this invocation, where that is longer ago and its run has not ended yet."""
        if self._stopped is not None and time.monotonic() - self._stopped_at > seconds:
            raise self._stopped

    def wait(self, seconds: float) -> None:
        """Waits so long, or until it is stopped."""
        self._woken.wait(seconds)

    @contextmanager
    def over(self, run: RemoteRun) -> Iterator[None]:
        """While the block runs, what stops this invocation ends the run."""
        timer = threading.Timer(self.left_seconds, lambda: self._stop(self._timed_out()))
        timer.daemon = True
        with self._lock:
            self._run = run
            is_stopped = self._stopped is not None
        timer.start()
        if is_stopped:
            _end(run)
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._run = None

    def _timed_out(self) -> DbtTimedOut:
        return DbtTimedOut(f"dbt was stopped after {self._timeout_seconds:g} s", workshop=self._workshop)

    def _stop(self, reason: DbtError) -> None:
        with self._lock:
            if self._stopped is None:
                self._stopped, self._stopped_at = reason, time.monotonic()
            run = self._run
        self._woken.set()
        if run is not None:
            threading.Thread(target=_end, args=(run,), daemon=True).start()


def _end(run: RemoteRun) -> None:
    """Asks for a run's end; where nobody answers, whoever follows it removes it."""
    try:
        run.stop()
    except LockgateError as error:
        logger.warning("a run of dbt could not be stopped: %s", error.message)
