"""Notices and lineage events leave a server by a thread of their own: a receiver that hangs holds up nothing.

Events wait behind notices: however many there are, notices are looked at again after some of them. A stop waits for
some seconds; what is not sent by then is kept, and sent by whoever looks next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.lineage_events import deliver_events
from lockgate.app.notifying import SOON_SECONDS, deliver
from lockgate.app.wiring import Wiring
from lockgate.core.notice import DeliveryStatus

logger = logging.getLogger(__name__)

# How long a stop waits for an attempt; one that takes longer is made again, by another sender.
STOP_SECONDS = SOON_SECONDS + 1.0
# Of lineage events, so many are sent at most before notices are looked at again, and none begins after so long.
EVENTS_A_LOOK = 20
EVENTS_SECONDS = 5.0


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
        wiring, ends = self._wiring, monotonic() + SOON_SECONDS

        def goes_on() -> bool:
            return not (self._is_abandoned if is_last else self._is_closing)

        def left() -> float | None:
            return ends - monotonic() if is_last else None

        try:
            if wiring.project.notifications:
                deliver(wiring.store.notices, wiring.notifier, seconds=left(), goes_on=goes_on)
            if wiring.project.lineage_events and is_last:
                deliver_events(wiring, seconds=left(), goes_on=goes_on)
            elif wiring.project.lineage_events:
                self._send_some_events(goes_on)
        except Exception as error:  # noqa: BLE001  whatever it is, the next look may find it mended
            self._tell(redacted(f"{type(error).__name__}: {error}"))
        else:
            self._told = ""

    def _send_some_events(self, goes_on: Callable[[], bool]) -> None:
        """Sends a few events, each for as long as it takes; where one went, another look comes at once."""
        ends = monotonic() + EVENTS_SECONDS
        done = deliver_events(self._wiring, most=EVENTS_A_LOOK, goes_on=lambda: goes_on() and monotonic() < ends)
        if done and done[-1].status is not DeliveryStatus.PENDING:
            self.wake()

    def _tell(self, said: str) -> None:
        """Logs an error once for as long as it stays the same."""
        if said != self._told and not self._is_abandoned:
            self._told = said
            logger.warning("notices not sent", extra={"facts": {"error": said}})
