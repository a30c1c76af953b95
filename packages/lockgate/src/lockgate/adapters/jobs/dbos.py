"""`DbosQueue`: executions as durable workflows on the control plane's database, worked on under a leased slot."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic

from lockgate.adapters.jobs.dbos_engine import DbosEngine
from lockgate.core.job import Lease
from lockgate.core.ports.jobs import Work, WorkerSlots
from lockgate.errors import ControlPlaneUnavailable, LockgateError

logger = logging.getLogger(__name__)

# DBOS forgets an execution as long after it was queued, where it has ended.
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks for work when idle, renewals of the lease, clean-ups, and tries of a work that failed."""

    poll: float = 0.05
    heartbeat: float = 2.0
    forget: float = 600.0
    retry: float = 1.0


class DbosQueue:
    """Hands the executions of one project on one target to the workers of every process that is launched."""

    def __init__(
        self,
        address: str,
        slots: WorkerSlots,
        *,
        name: str,
        workers: int = 1,
        pace: Pace = Pace(),
    ) -> None:
        """Use the control plane at `address`; `name` tells our project and target from others on it.

        `workers` executions are worked on at a time in this process.
        """
        self._slots = slots
        self._pace = pace
        self._engine = DbosEngine(address, f"{name}.executions", workers=workers, poll_seconds=pace.poll)
        self._closing = Event()
        self._closed = Event()
        self._tending = Lock()
        self._heart: Thread | None = None
        self._lease: Lease | None = None
        self._running = 0
        self._running_changed = Lock()
        self._patient_until = monotonic()

    def launch(self, work: Work) -> None:
        """Begins to take work, that of workers which died included.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        self._closing.clear()
        self._closed.clear()
        self._work = work
        self._open()
        self._heart = Thread(target=self._beat, name="lockgate-lease", daemon=True)
        self._heart.start()

    def enqueue(self, execution_ids: Sequence[str]) -> None:
        """Hands executions over; one that was handed over before is not queued again.

        Raises:
            ControlPlaneUnavailable: the database does not answer; some may have been handed over.
        """
        self._engine.enqueue(execution_ids)

    def close(self, *, patience_seconds: float) -> None:
        """Takes no more work, waits for what is under way, and leaves the rest to others."""
        if self._heart is None:
            return
        self._closing.set()
        with self._tending, self._running_changed:
            patience = patience_seconds if self._running else 0.0
        self._engine.stop(patience_seconds=patience)  # the lease is renewed meanwhile
        self._closed.set()
        self._heart.join()
        self._heart = None
        lease, self._lease = self._lease, None
        if lease is not None:
            _try(lambda: self._slots.release(lease))

    def _open(self) -> None:
        """Takes a slot and begins to work under it."""
        lease = self._slots.take(socket.gethostname())
        try:
            self._engine.start(_executor(lease), lambda execution_id: self._turn(lease, execution_id))
        except BaseException:
            _try(lambda: self._slots.release(lease))
            raise
        self._lease = lease

    def _beat(self) -> None:
        """Renews the lease, takes over what processes that are gone left, and starts anew where it was fenced."""
        forgotten = monotonic()
        while True:
            if not _try(self._tend):
                self._patient_until = monotonic() + 2 * self._pace.heartbeat
            if monotonic() - forgotten > self._pace.forget:
                forgotten = monotonic()
                _try(lambda: self._engine.forget(datetime.now(UTC) - KEPT))
            if self._closed.wait(self._pace.heartbeat):
                return

    def _tend(self) -> None:
        lease = self._lease
        is_fenced = lease is not None and not self._slots.renew(lease)
        with self._tending:
            if not self._closing.is_set():
                self._go_on(is_fenced=is_fenced)

    def _go_on(self, *, is_fenced: bool) -> None:
        if is_fenced:
            logger.warning("another process has taken this one's place, which stopped for too long: starting anew")
            self._lease = None
            self._engine.stop(patience_seconds=0)
        if self._lease is None:
            self._open()
        if monotonic() >= self._patient_until:  # after an outage, the living renew their leases first
            self._take_over()

    def _take_over(self) -> None:
        gone = [name for name in self._engine.executors() if self._slots.fence(_lease(name))]
        if gone:
            logger.warning("taking over the work of %s", ", ".join(sorted(gone)))
            self._engine.hand_back(gone)

    def _turn(self, lease: Lease, execution_id: str) -> None:
        """Works on an execution until it is done; whoever is fenced or closed leaves it to others."""
        with self._counted():
            while not self._closing.is_set():
                if not self._is_held(lease):
                    break
                try:
                    self._work(execution_id)
                except Exception:
                    if not self._closing.is_set():
                        logger.exception("execution %s was not done", execution_id)
                    self._closing.wait(self._pace.retry)
                else:
                    if self._is_held(lease):
                        return
            raise _LeftError(execution_id)

    def _is_held(self, lease: Lease) -> bool:
        """Whether we may work, as the database says; waits for it while it does not answer."""
        while True:
            try:
                return self._slots.renew(lease)
            except ControlPlaneUnavailable:
                if self._closing.wait(self._pace.retry):
                    return False

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._running_changed:
            self._running += 1
        try:
            yield
        finally:
            with self._running_changed:
                self._running -= 1


class _LeftError(BaseException):
    """An execution that was begun here is left to others; DBOS records every `Exception` as an end, and this not."""


def _executor(lease: Lease) -> str:
    """The name under which DBOS knows a process for the time of one lease; no other process ever has it."""
    return f"{lease.slot}.{lease.token}"


def _lease(executor: str) -> Lease:
    """The lease of which an executor has its name."""
    slot, _, token = executor.rpartition(".")
    return Lease(slot, int(token) if token.isdigit() else 0)


def _try(action: Callable[[], None]) -> bool:
    """Does what is done again at the next beat where it fails: whether it did not."""
    try:
        action()
        return True
    except LockgateError as error:
        logger.warning("%s", error.message)
    except Exception:
        logger.exception("the queue could not be tended")
    return False
