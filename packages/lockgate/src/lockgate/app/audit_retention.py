"""Takes answers about records out of the audit once they are old: whole days of them, and the audit says so."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

from lockgate.core.access import ANSWERED, AuditOutcome, Caller, CallerKind
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.app.access import Access
    from lockgate.app.wiring import Wiring

logger = logging.getLogger(__name__)

TAKE_OUT = "audit.take-out"
_ITSELF = Caller("retention", CallerKind.SYSTEM)
FIRST_SECONDS, EVERY_SECONDS = 60.0, 3600.0
# Entries of one transaction, and how long others may write before the next one.
MOST, PAUSE_SECONDS = 1_000, 0.05


class AuditRetention:
    """A thread that looks once an hour. Several processes may: what one has taken out, another one does not find."""

    def __init__(
        self, wiring: Wiring, access: Access, *, most: int = MOST, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """Nothing is taken out before `start`, but by `take_out`; `most` entries in one transaction."""
        self._wiring = wiring
        self._access = access
        self._most = most
        self._pause_seconds = pause_seconds
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begins to look."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lockgate-retention", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends with the transaction under way; the rest is taken out another time."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def take_out(self) -> int:
        """Takes out the answers of all days that ended `audit_answer_days` ago: how many.

        Raises:
            LockgateError: the control plane cannot be read or written; what was taken out before is in the audit.
        """
        until = _day_of(self._wiring.clock()) - timedelta(days=self._wiring.audit_answer_days)
        oldest = self._wiring.store.audit.oldest(ANSWERED)
        if oldest is None or oldest.at >= until:
            return 0
        number = self._access.begin_change(_ITSELF, TAKE_OUT, ANSWERED, facts={"before": until.isoformat()})
        taken = _Taken()
        try:
            self._take_out(until, taken)
        except LockgateError as error:
            self._access.end_change(number, AuditOutcome.FAILED, {**taken.facts(), "code": error.code})
            raise
        self._access.end_change(number, AuditOutcome.DONE, taken.facts())
        return taken.count

    def _take_out(self, until: datetime, taken: _Taken) -> None:
        while numbers := self._wiring.store.audit.take_out(ANSWERED, before=until, most=self._most):
            taken.add(numbers)
            if len(numbers) < self._most or self._stopping.wait(self._pause_seconds):
                return

    def _run(self) -> None:
        wait = FIRST_SECONDS
        while not self._stopping.wait(wait):
            wait = EVERY_SECONDS
            try:
                self.take_out()
            except LockgateError as error:
                logger.warning("old answers were not taken out of the audit", extra={"facts": {"error": error.code}})


class _Taken:
    """How many entries were taken out, and the numbers of the first and the last."""

    def __init__(self) -> None:
        self.count = 0
        self._first = self._last = 0

    def add(self, numbers: tuple[int, ...]) -> None:
        self._first = self._first or numbers[0]
        self._last = numbers[-1]
        self.count += len(numbers)

    def facts(self) -> dict[str, object]:
        """As the audit keeps them."""
        return {"entries": self.count, "first": self._first, "last": self._last}


def _day_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
