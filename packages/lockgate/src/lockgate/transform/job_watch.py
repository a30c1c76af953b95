"""Waits for jobs to end: one query at a time for all that somebody waits for."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from threading import Condition, Thread

from lockgate.core.job import Job
from lockgate.core.ports.jobs import JobStore
from lockgate.errors import LockgateError, UnknownName

logger = logging.getLogger(__name__)


class JobWatch:
    """One thread that looks at every interval, and at once when it is woken."""

    def __init__(self, store: JobStore, *, interval_seconds: float) -> None:
        """Look at `store`; nothing is asked while nobody waits."""
        self._store = store
        self._interval = interval_seconds
        self._awaited: dict[str, list[Future[Job]]] = {}
        self._changed = Condition()
        self._is_woken = False
        self._is_closed = False
        self._thread: Thread | None = None

    def ended(self, job_id: str) -> Future[Job]:
        """The job once it is final; cancelled where this is closed before."""
        future: Future[Job] = Future()
        with self._changed:
            if self._is_closed:
                future.cancel()
                return future
            if self._thread is None:
                self._thread = Thread(target=self._run, name="lockgate-job-watch", daemon=True)
                self._thread.start()
            self._awaited.setdefault(job_id, []).append(future)
        self.wake()
        return future

    def wake(self) -> None:
        """Looks at once: something has ended."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def close(self) -> None:
        """Cancels what is still waited for."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        for futures in self._awaited.values():
            for future in futures:
                future.cancel()

    def _run(self) -> None:
        while self._waited():
            try:
                self._look()
            except LockgateError as error:
                logger.warning("jobs cannot be looked at: %s", error.message)
            except Exception:
                logger.exception("jobs cannot be looked at")

    def _waited(self) -> bool:
        """Waits for an interval, or to be woken; False once this is closed."""
        with self._changed:
            self._changed.wait_for(self._is_called, timeout=self._interval if self._awaited else None)
            self._is_woken = False
            return not self._is_closed

    def _is_called(self) -> bool:
        return self._is_woken or self._is_closed

    def _look(self) -> None:
        """Answers for the jobs that are final, or that are not there."""
        with self._changed:
            for job_id in [each for each, futures in self._awaited.items() if all(one.cancelled() for one in futures)]:
                del self._awaited[job_id]
            awaited = list(self._awaited)
        if not awaited:
            return
        statuses = self._store.statuses(awaited)
        done = [each for each in awaited if each not in statuses or statuses[each].is_final]
        found = self._store.read(done) if done else {}
        for job_id in done:
            job = found.get(job_id)
            if job is None or job.status.is_final:
                self._answer(job_id, job)

    def _answer(self, job_id: str, job: Job | None) -> None:
        with self._changed:
            futures = self._awaited.pop(job_id, [])
        for future in futures:
            if not future.set_running_or_notify_cancel():
                continue
            if job is None:
                future.set_exception(UnknownName(f"there is no job {job_id}", job_id=job_id))
            else:
                future.set_result(job)
