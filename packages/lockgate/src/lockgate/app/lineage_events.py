"""`LineageEvents`: what waits to be told of lineage, what was told, and sending it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.delivering import Sent, delivered
from lockgate.errors import UnknownName

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.lineage_event import EventDelivery
    from lockgate.core.notice import DeliveryStatus

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 10_000
# How long a command that put events down lets their receiver hold it up before it ends.
SOON_SECONDS = 3.0


class LineageEvents:
    """The events of one project on one target."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is opened yet."""
        self._wiring = wiring

    def events(self, status: DeliveryStatus | None = None, *, limit: int) -> tuple[EventDelivery, ...]:
        """The newest events first; those that arrived are kept for seven days at least."""
        return self._wiring.store.lineage_events.events(status, limit=limit)

    def deliver(self) -> tuple[Sent, ...]:
        """Sends the events that are due, in their order: what came of each attempt.

        Raises:
            UnknownName: the project declares nobody who is told.
            ControlPlaneUnavailable: nothing can be recorded.
        """
        if self._wiring.project.lineage_events is None:
            hint = "Declare where events go, as in `lineage: {events: {file: lineage.ndjson}}`."
            raise UnknownName("the project tells nobody of lineage", hint=hint)
        return deliver_events(self._wiring)

    def deliver_soon(self) -> None:
        """Sends what this process has put down, and what waits before it, for a moment and without failing it.

        What is not sent then is sent by a server of the project, if one runs, or by `lockgate lineage send`.
        """
        if not self._wiring.has_put_down_lineage:
            return
        try:
            deliver_events(self._wiring, seconds=SOON_SECONDS)
        except Exception as error:  # noqa: BLE001  (what was done stands, and the events are kept)
            said = redacted(f"{type(error).__name__}: {error}")
            logger.warning("lineage events not sent", extra={"facts": {"error": said}})

    def retry(self, number: int) -> EventDelivery:
        """Lets an event that was set aside be tried again, out of its order.

        Raises:
            UnknownName: there is no such event, or it was not set aside.
        """
        return self._wiring.store.lineage_events.retry(number)


def deliver_events(
    wiring: Wiring,
    *,
    most: int = MOST_AT_ONCE,
    seconds: float | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> tuple[Sent, ...]:
    """Sends what is due, `most` attempts at most; `lockgate.app.delivering.delivered` says how it is bounded.

    Any number of processes may do so at once: one event is under way at a time.
    """
    from lockgate.adapters.openlineage.sending import open_sender

    declared = wiring.project.lineage_events
    if declared is None:
        return ()
    log = wiring.store.lineage_events
    send = open_sender(declared, wiring.secrets)
    done = delivered(
        log, lambda claimed: send(claimed.event), what="lineage event", most=most, seconds=seconds,
        goes_on=goes_on,
    )  # fmt: skip
    if done and len(done) < most:
        log.forget()
    return done
