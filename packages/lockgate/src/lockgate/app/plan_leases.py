"""Who applies a plan, told to all processes by a lease that is renewed for as long as it goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.core.job import Lease
    from lockgate.store.worker_leases import WorkerLeases

logger = logging.getLogger(__name__)

RENEW_SECONDS = 3.0
_HOST = "plan"


class PlanLease:
    """A plan that this process applies."""

    def __init__(self, slots: WorkerLeases, plan_id: str, lease: Lease) -> None:
        """Hold it until `release`; without it, another process that goes on with the plan changes nothing twice."""
        self._slots = slots
        self._plan_id = plan_id
        self._lease = lease
        self._is_over = Event()
        self._heart = Thread(target=self._beat, name="lockgate-plan-lease", daemon=True)
        self._heart.start()

    def release(self) -> None:
        """Ends it at once.

        Raises:
            ControlPlaneUnavailable: it ends by itself.
        """
        self._is_over.set()
        self._heart.join()
        self._slots.release(self._lease)

    def _beat(self) -> None:
        while not self._is_over.wait(RENEW_SECONDS):
            try:
                self._slots.renew(self._lease)
            except LockgateError as error:
                logger.info("lease not renewed", extra={"facts": {"plan": self._plan_id, "error": error.code}})


def hold_plan(slots: WorkerLeases, plan_id: str) -> PlanLease | None:
    """Begins to apply a plan; None where somebody does already, in whatever process."""
    lease = slots.hold(_slot(plan_id), _HOST)
    return None if lease is None else PlanLease(slots, plan_id, lease)


def is_held(slots: WorkerLeases, plan_id: str) -> bool:
    """Whether somebody applies a plan now."""
    return slots.is_held(_slot(plan_id))


@contextmanager
def shown_as_applied(slots: WorkerLeases, plan_id: str) -> Iterator[None]:
    """While this lasts, others see that the plan is being applied; whoever was killed at it is not waited for."""
    lease = hold_plan(slots, plan_id)
    try:
        yield
    finally:
        if lease is not None:
            with suppress(LockgateError):
                lease.release()


def _slot(plan_id: str) -> str:
    return f"plan/{plan_id}"
