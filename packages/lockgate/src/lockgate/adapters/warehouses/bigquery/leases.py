"""Named locks, which BigQuery has none of: rows that name a holder and until when, renewed while they are held."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from uuid import uuid4

from lockgate.adapters.warehouses.bigquery.failures import is_lease_lost, lease_lost
from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.errors import LockgateError, TargetBusy

logger = logging.getLogger(__name__)

_RENEWALS = 3
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held: by whom, in BigQuery's words, and for how long at a time."""

    name: str
    owner: str
    milliseconds: int

    @property
    def words(self) -> dict[str, str | int]:
        """The parameters of the statements that take and renew it."""
        return {"name": self.name, "owner": self.owner, "lease_ms": self.milliseconds}


class Leases:
    """The locks of one target. A holder that dies, or cannot reach BigQuery, loses its lock when the lease ends."""

    def __init__(self, jobs: Jobs, lease_seconds: float) -> None:
        """Take what asks BigQuery, and how long a lock outlives its holder."""
        self._jobs = jobs
        self._seconds = lease_seconds

    @contextmanager
    def held(self, name: str, *, wait_seconds: float) -> Iterator[Lease]:
        """Holds a lock, waiting for it as long as that.

        Raises:
            TargetBusy: another holder kept it.
        """
        lease = Lease(name, uuid4().hex, int(self._seconds * 1000))
        self._take(lease, wait_seconds)
        done = Event()
        renewing = Thread(target=self._renew_on, args=(lease, done), name=f"lease {name}", daemon=True)
        renewing.start()
        try:
            yield lease
        finally:
            done.set()
            renewing.join()
            self._give_back(lease)

    def renew(self, lease: Lease) -> None:
        """Holds a lock for another while, from now on.

        Raises:
            TargetBusy: somebody took it over.
        """
        if self._jobs.change(self._jobs.composed("renew_lease"), lease.words) == 0:
            raise lease_lost(lease.name)

    def _take(self, lease: Lease, wait_seconds: float) -> None:
        ends, pause = time.monotonic() + wait_seconds, _FIRST_PAUSE_SECONDS
        taking = self._jobs.composed("take_lease")
        if self._jobs.change(taking, lease.words):
            return
        self._jobs.change(self._jobs.composed("add_lease"), {"name": lease.name})
        while not self._jobs.change(taking, lease.words):
            if time.monotonic() >= ends:
                raise TargetBusy(f"another process holds the lock {lease.name!r}", lock=lease.name)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _renew_on(self, lease: Lease, done: Event) -> None:
        while not done.wait(self._seconds / _RENEWALS):
            try:
                self.renew(lease)
            except LockgateError as error:  # the lease may last until the next time
                if is_lease_lost(error):
                    return
                logger.warning("a lock was not renewed", extra={"facts": {"lock": lease.name, "error": str(error)}})

    def _give_back(self, lease: Lease) -> None:
        words = {name: value for name, value in lease.words.items() if name != "lease_ms"}
        try:
            self._jobs.change(self._jobs.composed("give_lease_back"), words)
        except LockgateError as error:  # it ends by itself
            logger.warning("a lock was not given back", extra={"facts": {"lock": lease.name, "error": str(error)}})
