"""Notices and lineage events leave a server by a thread of their own: a receiver that hangs holds up nothing.

A stop waits for some seconds; what is not sent by then is kept, and sent by whoever looks next.
"""

from __future__ import annotations

import logging
from threading import Condition, Thread

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.lineage_events import deliver_events
from lockgate.app.notifying import SOON_SECONDS, deliver
from lockgate.app.wiring import Wiring

logger = logging.getLogger(__name__)

# How long a stop waits for an attempt; one that takes longer is made again, by another sender.
STOP_SECONDS = SOON_SECONDS + 1.0


class Sending:
    """Sends what is due now and then, and whenever it is woken; any number of processes may do so at once."""

    def __init__(self, wiring: Wiring, every_seconds: float) -> None:
        """Nothing is sent before `start`."""
        self._wiring = wiring
        self._every_seconds = every_seconds
        self._changed = Condition()
        self._is_woken = self._is_closing = self._is_abandoned = False
        self._thread: Thread | None = None
        self._told = ""

    def start(self) -> None:
        """Sends what waits, and what comes; nothing where the project declares nobody who is told."""
        project = self._wiring.project
        if self._thread is None and (project.notifications or project.lineage_events):
            self._is_woken = True
            self._thread = Thread(target=self._run, name="lockgate-notices", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Has what is due sent at once, by the thread; returns without waiting for it."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def close(self) -> None:
        """Sends what is due for some seconds more, then nothing."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread is None:
            return
        self._thread.join(STOP_SECONDS)
        self._is_abandoned = True
        if self._thread.is_alive():
            logger.warning("notices are left to the next sender, for a receiver does not answer")

    def _run(self) -> None:
        is_last = False
        while not is_last and not self._is_abandoned:
            is_last = self._wait()
            self._send(is_last=is_last)

    def _wait(self) -> bool:
        """Returns once something may be due: whether it is the last time."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_woken or self._is_closing, timeout=self._every_seconds)
            self._is_woken = False
            return self._is_closing

    def _send(self, *, is_last: bool) -> None:
        wiring, seconds = self._wiring, SOON_SECONDS if is_last else None

        def goes_on() -> bool:
            return not (self._is_abandoned if is_last else self._is_closing)

        try:
            if wiring.project.notifications:
                deliver(wiring.store.notices, wiring.notifier, seconds=seconds, goes_on=goes_on)
            if wiring.project.lineage_events:
                deliver_events(wiring, seconds=seconds, goes_on=goes_on)
        except Exception as error:  # noqa: BLE001  whatever it is, the next look may find it mended
            self._tell(redacted(f"{type(error).__name__}: {error}"))
        else:
            self._told = ""

    def _tell(self, said: str) -> None:
        """Logs an error once for as long as it stays the same."""
        if said != self._told and not self._is_abandoned:
            self._told = said
            logger.warning("notices not sent", extra={"facts": {"error": said}})
