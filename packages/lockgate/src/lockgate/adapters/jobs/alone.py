"""`OwnQueue`: work that one process does itself, on threads, under a lease by which others see that it is there."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from time import monotonic

from lockgate.adapters.jobs.names import lease_of, name_of
from lockgate.core.job import Lease
from lockgate.core.ports.jobs import Work, WorkerSlots
from lockgate.errors import LockgateError

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0


class OwnQueue:
    """`lockgate.core.ports.flows.StepQueue` for a process that works on what it queued itself, and on nothing else."""

    def __init__(self, slots: WorkerSlots, *, workers: int) -> None:
        """So many `workers` at a time; nothing is done before `launch`."""
        self._slots = slots
        self._workers = workers
        self._lease: Lease | None = None
        self._work: Work | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._heart: Thread | None = None
        self._known: set[str] = set()
        self._closing = Event()
        self._closed = Event()
        self._patient_until = monotonic()

    @property
    def worker(self) -> str:
        """The name under which this process works."""
        return name_of(self._lease) if self._lease is not None else ""

    def gone(self, workers: Collection[str]) -> frozenset[str]:
        """See `StepQueue`; after an outage nobody is gone for a while, since the living renew their leases first."""
        if monotonic() < self._patient_until:
            return frozenset()
        return frozenset(name for name in workers if self._slots.fence(lease_of(name)))

    def launch(self, work: Work) -> None:
        """Takes a lease, under which work that is enqueued begins.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        self._lease = self._slots.take(socket.gethostname())
        self._work = work
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="lockgate-step")
        self._heart = Thread(target=self._beat, name="lockgate-lease", daemon=True)
        self._heart.start()

    def enqueue(self, execution_ids: Sequence[str]) -> None:
        """Begins what was not enqueued before, as soon as a worker is free."""
        for each in execution_ids:
            if each not in self._known and self._threads is not None and not self._closing.is_set():
                self._known.add(each)
                self._threads.submit(self._turn, each)

    def close(self, *, patience_seconds: float) -> None:
        """Begins no more, waits for what is under way, which has to end by itself, and gives up the lease."""
        self._closing.set()
        if self._threads is None or self._heart is None:
            return
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._closed.set()
        self._heart.join(patience_seconds)
        if self._lease is not None:
            try:
                self._slots.release(self._lease)
            except LockgateError as error:
                logger.warning("%s", error.message)

    def _turn(self, id_: str) -> None:
        """Does one piece of work; what was not done may be enqueued again."""
        try:
            if self._work is not None and not self._closing.is_set():
                self._work(id_)
        except Exception as error:
            if isinstance(error, LockgateError):
                logger.warning("%s was not done: %s", id_, error.message)
            elif not self._closing.is_set():
                logger.exception("%s was not done", id_)
            self._known.discard(id_)

    def _beat(self) -> None:
        """Renews the lease; whoever lost it goes on under a new one."""
        while not self._closed.wait(HEARTBEAT_SECONDS):
            try:
                if self._lease is not None and not self._slots.renew(self._lease):
                    logger.warning("another process has taken this one's place, which stopped for too long")
                    self._lease = self._slots.take(socket.gethostname())
            except LockgateError as error:
                logger.warning("%s", error.message)
                self._patient_until = monotonic() + 2 * HEARTBEAT_SECONDS
