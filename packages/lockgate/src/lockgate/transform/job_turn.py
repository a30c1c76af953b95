"""A worker's turns at an execution: begun, performed and ended, or begun again, until something came of it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Protocol, TypeVar

from lockgate.core.correlation import correlated
from lockgate.core.job import MAX_ATTEMPTS, Claim, Failure, Inputs, JobResult, JobStatus
from lockgate.core.ports.jobs import JobStore
from lockgate.core.ports.surroundings import Clock
from lockgate.errors import ControlPlaneUnavailable, LockgateError, RetryableError, StaleToken, TargetBusy

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")
Ended = Callable[[Claim, JobResult | Failure], None]
_Came = JobResult | LockgateError | Failure


class Perform(Protocol):
    """Executes what is claimed; `begun` is told of what is read, before it is."""

    def __call__(self, claim: Claim, begun: Callable[[Inputs], None], /) -> JobResult:
        """What came of it.

        Raises:
            LockgateError: what refused or failed the execution; a retryable one is tried again.
        """


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that an attempt may take, that another one waits after a failure, and between looks at a running one."""

    attempt: float = 4 * 3600.0
    backoff: float = 1.0
    look: float = 0.5


def unheard(_claim: Claim, _outcome: JobResult | Failure) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of successors that were queued, and of executions that ended here, both once that is durable."""

    queued: Callable[[], None]
    ended: Ended = unheard


class Overtaken(Exception):
    """Another worker has taken the execution over, or nobody waits for it."""


class Abandoned(Exception):
    """The service stops before the execution has ended; others go on with it."""


class JobTurn:
    """Works on executions, each on the thread that asks for it. Safe to use by several threads."""

    def __init__(
        self,
        store: JobStore,
        perform: Perform,
        stop: Callable[[], None],
        clock: Clock,
        *,
        patience: Patience,
        listener: Listener,
    ) -> None:
        """Perform what is claimed from `store`; `stop` ends what is being performed."""
        self._store = store
        self._perform = perform
        self._stop = stop
        self._clock = clock
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._patience = patience
        self._listener = listener
        self._leaving = Event()

    def leave(self) -> None:
        """Makes an end of every turn that is under way, without an outcome."""
        self._leaving.set()

    def __call__(self, execution_id: str) -> None:
        """Works on an execution until something came of it.

        Raises:
            Abandoned: the service stops.
        """
        while True:
            claim = self._answered(lambda: self._store.claim(execution_id, self._worker, self._clock()))
            if claim is None:
                return
            with correlated(claim.correlation_id):
                if self._is_over(claim):
                    return

    def _is_over(self, claim: Claim) -> bool:
        """Whether an attempt was the last one: something came of it, or others have taken over."""
        _log("attempt began", claim)
        try:
            came = self._performed(claim)
        except Overtaken:
            logger.info("attempt %s at execution %s was overtaken", claim.attempt, claim.execution_id)
            return True
        if came is not None and not (isinstance(came, RetryableError) and claim.attempt < MAX_ATTEMPTS):
            self._finish(claim, came)
            return True
        _log("attempt failed", claim, error=came.code if isinstance(came, LockgateError) else "took too long")
        self._pause(self._patience.backoff * 2 ** (claim.attempt - 1))
        return False

    def _performed(self, claim: Claim) -> _Came | None:
        """What came of an attempt; None where it took longer than it may.

        It has a thread of its own, so that one that hangs keeps nothing else from being worked on.
        """
        came: Future[_Came] = Future()
        run, name = partial(copy_context().run, self._run, claim, came), f"lockgate-attempt-{claim.attempt}"
        Thread(target=run, name=name, daemon=True).start()
        deadline = monotonic() + self._patience.attempt
        while monotonic() < deadline:
            with suppress(NotYet):
                return came.result(timeout=self._patience.look)
            if self._leaving.is_set():
                self._stop()
                raise Abandoned
            if not self._is_wanted(claim):
                self._stop()
                raise Overtaken
        logger.error("attempt %s at execution %s took too long", claim.attempt, claim.execution_id)
        self._stop()
        return None

    def _run(self, claim: Claim, came: Future[_Came]) -> None:
        try:
            came.set_result(self._perform(claim, lambda inputs: self._begun(claim, inputs)))
        except LockgateError as error:
            came.set_result(error)
        except (Overtaken, Abandoned) as error:
            came.set_exception(error)
        except BaseException as error:  # noqa: BLE001  whoever asked is told
            try:
                logger.exception("execution %s failed unexpectedly", claim.execution_id)
            finally:  # a log that cannot be written keeps nobody waiting
                came.set_result(Failure("", type(error).__name__, "an unexpected error, which the log tells of"))

    def _begun(self, claim: Claim, inputs: Inputs) -> None:
        """Stores what an attempt reads."""
        try:
            queued = self._answered(lambda: self._store.begun(claim, inputs, self._clock()))
        except StaleToken as stale:
            raise Overtaken from stale
        if queued:
            self._listener.queued()

    def _finish(self, claim: Claim, came: _Came) -> None:
        """Stores what came of an attempt; a stale one is discarded."""
        outcome = Failure.of(came) if isinstance(came, LockgateError) else came
        try:
            self._answered(lambda: self._store.finish(claim, outcome, self._clock()))
        except StaleToken:
            logger.info("what came of attempt %s at %s is discarded", claim.attempt, claim.execution_id)
        else:
            _log("attempt ended", claim, **_ended(outcome))
            self._listener.ended(claim, outcome)

    def _is_wanted(self, claim: Claim) -> bool:
        try:
            return self._store.wanted(claim.execution_id)
        except LockgateError:
            return True

    def _answered(self, ask: Callable[[], _Answer]) -> _Answer:
        """What the control plane answers, asked again until it does."""
        while True:
            try:
                return ask()
            except (ControlPlaneUnavailable, TargetBusy) as error:
                logger.warning("%s", error.message)
            self._pause(self._patience.look)

    def _pause(self, seconds: float) -> None:
        if self._leaving.wait(seconds):
            raise Abandoned


def _ended(outcome: JobResult | Failure) -> dict[str, object]:
    """How an execution ended, for the log."""
    if isinstance(outcome, Failure):
        return {"status": JobStatus.FAILED.value, "error": outcome.code}
    return {"status": JobStatus.SUCCESS.value, "implementation": outcome.execution.implementation}


def _log(event: str, claim: Claim, **facts: object) -> None:
    who = {"execution_id": claim.execution_id, "attempt": claim.attempt, "entity": claim.request.entity}
    logger.info(event, extra={"facts": who | facts})
