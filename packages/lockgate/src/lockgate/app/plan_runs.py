"""Plans that are applied beside whoever asked for it: one at a time each, in one process of all, watched by many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.cutovers import Cutovers
from lockgate.app.plan_leases import PlanLease, hold_plan, is_held
from lockgate.core.correlation import correlated, correlation_id
from lockgate.core.cutover import PlanResult, PlanStep
from lockgate.core.job import Failure
from lockgate.errors import LockgateError, TargetBusy
from lockgate.flow import Unwatched

if TYPE_CHECKING:
    from lockgate.store.worker_leases import WorkerLeases

logger = logging.getLogger(__name__)

# A cycle of a plan waits as long for another run on the target.
TURN_SECONDS = 600.0

Ended = Callable[[PlanResult | Failure], None]
# What people are told of a defect of ours.
UNEXPECTED = Failure("LG811", "Unexpected", "the server failed", "Its log tells why.")


@dataclass(slots=True)
class Applying:
    """How far a plan has come in this process: the step under way, and why it broke off where it did."""

    plan_id: str
    by: str
    reason: str = ""
    position: int | None = None
    failure: Failure | None = None
    is_over: Event = field(default_factory=Event)


class PlanRuns:
    """The plans that this process applies, a thread each. A lease keeps other processes from applying the same one."""

    def __init__(self, cutovers: Callable[[], Cutovers], slots: Callable[[], WorkerLeases]) -> None:
        """Nothing is applied before `begin`."""
        self._cutovers = cutovers
        self._slots = slots
        self._turn = Lock()
        self._known: dict[str, Applying] = {}
        self._stopping = Event()

    def begin(self, plan_id: str, *, by: str, reason: str, ended: Ended) -> bool:
        """Begins to apply a plan, or to go on with it; False where it is being applied already, here or elsewhere.

        `ended` is called once it is over, in the thread that did it.
        """
        with self._turn:
            if self._stopping.is_set():
                raise TargetBusy("the server is stopping")
            lease = hold_plan(self._slots(), plan_id)
            if lease is None:
                return False
            applying = self._known[plan_id] = Applying(plan_id, by, reason)
        asked = (applying, lease, ended, correlation_id())
        Thread(target=self._run, args=asked, name=f"lockgate-{plan_id}", daemon=True).start()
        return True

    def known(self, plan_id: str) -> Applying | None:
        """How far a plan has come that this process applies, or applied last."""
        return self._known.get(plan_id)

    def is_applied(self, plan_id: str) -> bool:
        """Whether somebody applies a plan now, in whatever process."""
        known = self._known.get(plan_id)
        return (known is not None and not known.is_over.is_set()) or is_held(self._slots(), plan_id)

    def close(self, *, patience_seconds: float) -> None:
        """Lets each plan end its step under way; a plan that broke off there can be gone on with."""
        self._stopping.set()
        for applying in tuple(self._known.values()):
            applying.is_over.wait(patience_seconds)

    def _run(self, applying: Applying, lease: PlanLease, ended: Ended, asked_by: str | None) -> None:
        try:
            with correlated(asked_by):
                ended(self._applied(applying))
        except LockgateError as error:
            logger.warning(
                "a plan's end was not told", extra={"facts": {"plan": applying.plan_id, "error": error.code}}
            )
        finally:
            with suppress(LockgateError):  # it ends by itself
                lease.release()
            applying.is_over.set()

    def _applied(self, applying: Applying) -> PlanResult | Failure:
        facts: dict[str, object] = {"plan": applying.plan_id, "by": applying.by}
        logger.info("plan begun", extra={"facts": facts})
        try:
            result = self._cutovers().apply_held(
                applying.plan_id, lambda at, step: self._reached(applying, at, step), Unwatched(), by=applying.by,
                reason=applying.reason, wait_seconds=TURN_SECONDS,
            )  # fmt: skip
        except LockgateError as error:
            failure = Failure.of(error)
            applying.failure = replace(failure, message=redacted(failure.message))
        except Exception:
            logger.exception("a plan met a defect", extra={"facts": facts})
            applying.failure = UNEXPECTED
        else:
            logger.info("plan ended", extra={"facts": {**facts, "answer": result.answer.value}})
            return result
        logger.info("plan broke off", extra={"facts": {**facts, "error": applying.failure.code}})
        return applying.failure

    def _reached(self, applying: Applying, position: int, _: PlanStep) -> None:
        if self._stopping.is_set():
            raise TargetBusy("the server is stopping", hint="Go on with the plan once it runs again.")
        applying.position = position
