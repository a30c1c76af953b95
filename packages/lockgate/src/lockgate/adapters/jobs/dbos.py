"""`DbosWorker`: queues of durable workflows on the control plane's database, worked on under one leased slot."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, Lock, Thread
from time import monotonic

from lockgate.adapters.jobs.dbos_engine import DbosEngine
from lockgate.adapters.jobs.names import lease_of, name_of
from lockgate.core.job import Lease
from lockgate.core.ports.jobs import Work, WorkerSlots
from lockgate.errors import ControlPlaneUnavailable, LockgateError

logger = logging.getLogger(__name__)

# DBOS forgets work as long after it was queued, where it has ended.
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks for work when idle, renewals of the lease, clean-ups, and tries of a work that failed."""

    poll: float = 0.05
    heartbeat: float = 2.0
    forget: float = 600.0
    retry: float = 1.0


class DbosWorker:
    """Hands the work of one project on one target to every process that is launched, by a queue a kind of work."""

    def __init__(
        self,
        address: str,
        slots: WorkerSlots,
        *,
        name: str,
        workers: Mapping[str, int],
        pace: Pace = Pace(),
    ) -> None:
        """Use the control plane at `address`; `name` tells our project and target from others on it.

        `workers` names the queues, and says how much of each is worked on at a time in this process.
        """
        self._slots = slots
        self._pace = pace
        queues = {f"{name}.{kind}": most for kind, most in workers.items()}
        self._engine = DbosEngine(address, queues, poll_seconds=pace.poll)
        self._lanes = {queue: DbosQueue(self, queue) for queue in queues}
        self._kinds = dict(zip(workers, self._lanes.values(), strict=True))
        self._closed = Event()
        self._tending = Lock()
        self._heart: Thread | None = None
        self._lease: Lease | None = None
        self._name = ""
        self._patient_until = monotonic()

    def queue(self, kind: str) -> DbosQueue:
        """The queue of a kind of work."""
        return self._kinds[kind]

    def launched(self) -> None:
        """Begins to take work, once every queue is launched.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        if self._heart is not None or not all(lane.is_launched for lane in self._lanes.values()):
            return
        self._closed.clear()
        self._open()
        self._heart = Thread(target=self._beat, name="lockgate-lease", daemon=True)
        self._heart.start()

    def closed(self, *, patience_seconds: float) -> None:
        """Ends once no queue is open any more, and waits as long for what is under way."""
        if self._heart is None or any(lane.is_launched for lane in self._lanes.values()):
            return
        with self._tending:
            patience = patience_seconds if any(lane.running for lane in self._lanes.values()) else 0.0
        self._engine.stop(patience_seconds=patience)  # the lease is renewed meanwhile
        self._closed.set()
        self._heart.join()
        self._heart = None
        lease, self._lease = self._lease, None
        if lease is not None:
            _try(lambda: self._slots.release(lease))

    def enqueue(self, queue: str, ids: Sequence[str]) -> None:
        """Hands work over.

        Raises:
            ControlPlaneUnavailable: the database does not answer; some may have been handed over.
        """
        self._engine.enqueue(queue, ids)

    def _open(self) -> None:
        """Takes a slot and begins to work under it."""
        lease = self._slots.take(socket.gethostname())
        try:
            self._engine.start(name_of(lease), lambda queue, id_: self._lanes[queue].turn(lease, id_))
        except BaseException:
            _try(lambda: self._slots.release(lease))
            raise
        self._lease, self._name = lease, name_of(lease)

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
            if any(lane.is_launched for lane in self._lanes.values()):
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
        gone = [name for name in self._engine.executors() if self._slots.fence(lease_of(name))]
        if gone:
            logger.warning("taking over the work of %s", ", ".join(sorted(gone)))
            self._engine.hand_back(gone)

    @property
    def name(self) -> str:
        """The name of the lease under which it works, or did so last."""
        return self._name

    def gone(self, names: Collection[str]) -> frozenset[str]:
        """Those of some names whose lease is over; after an outage none for a while.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        if monotonic() < self._patient_until:
            return frozenset()
        return frozenset(name for name in names if self._slots.fence(lease_of(name)))

    def is_held(self, lease: Lease, closing: Event) -> bool:
        """Whether we may work, as the database says; waits for it while it does not answer."""
        while True:
            try:
                return self._slots.renew(lease)
            except ControlPlaneUnavailable:
                if closing.wait(self._pace.retry):
                    return False

    @property
    def retry_seconds(self) -> float:
        """How long work that failed waits before it is tried again."""
        return self._pace.retry


class DbosQueue:
    """One queue of a worker: `lockgate.core.ports.jobs.JobQueue`."""

    def __init__(self, worker: DbosWorker, name: str) -> None:
        """Nothing is taken from it before `launch`."""
        self._worker = worker
        self._name = name
        self._work: Work | None = None
        self._closing = Event()
        self._idle = Condition()
        self.running = 0

    @property
    def is_launched(self) -> bool:
        """Whether work of it is taken, or will be once the worker's other queues are launched too."""
        return self._work is not None and not self._closing.is_set()

    @property
    def worker(self) -> str:
        """The name under which this process works."""
        return self._worker.name

    def gone(self, workers: Collection[str]) -> frozenset[str]:
        """See `lockgate.core.ports.flows.StepQueue`."""
        return self._worker.gone(workers)

    def launch(self, work: Work) -> None:
        """Begins to take work, that of workers which died included, once every queue of the worker is launched.

        Raises:
            ControlPlaneUnavailable: the database does not answer.
        """
        self._closing.clear()
        self._work = work
        self._worker.launched()

    def enqueue(self, execution_ids: Sequence[str]) -> None:
        """Hands work over; what was handed over before is not queued again.

        Raises:
            ControlPlaneUnavailable: the database does not answer; some may have been handed over.
        """
        if execution_ids:
            self._worker.enqueue(self._name, execution_ids)

    def close(self, *, patience_seconds: float) -> None:
        """Takes no more work, waits for what is under way, and leaves the rest to others."""
        self._closing.set()
        with self._idle:
            self._idle.wait_for(lambda: not self.running, patience_seconds)
        self._worker.closed(patience_seconds=patience_seconds)

    def turn(self, lease: Lease, id_: str) -> None:
        """Works on something until it is done; whoever is fenced or closed leaves it to others."""
        work = self._work
        with self._counted():
            while work is not None and not self._closing.is_set():
                if not self._worker.is_held(lease, self._closing):
                    break
                try:
                    work(id_)
                except Exception:
                    if not self._closing.is_set():
                        logger.exception("%s of %s was not done", id_, self._name)
                    self._closing.wait(self._worker.retry_seconds)
                else:
                    if self._worker.is_held(lease, self._closing):
                        return
            raise _LeftError(id_)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self.running += 1
        try:
            yield
        finally:
            with self._idle:
                self.running -= 1
                self._idle.notify_all()


class _LeftError(BaseException):
    """Work that was begun here is left to others; DBOS records every `Exception` as an end, and this not."""


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
