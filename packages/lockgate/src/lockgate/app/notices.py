"""The verbs of notices: see them, send them, try them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.app import notifying

if TYPE_CHECKING:
    from lockgate.app.delivering import Sent
    from lockgate.app.notifying import Told, Tried
    from lockgate.app.wiring import Wiring
    from lockgate.core.notice import Delivery, DeliveryStatus, Severity


class Notices:
    """What a project's channels were told, and are told by hand."""

    def __init__(self, wiring: Wiring) -> None:
        """The notices of a wired project."""
        self._wiring = wiring

    def newest(self, status: DeliveryStatus | None = None, *, limit: int) -> tuple[Delivery, ...]:
        """The newest notices first, one for each channel."""
        return self._wiring.store.notices.notices(status, limit=limit)

    def deliver(self) -> tuple[Sent, ...]:
        """Sends the notices that are due: what came of each attempt."""
        return notifying.deliver_pending(self._wiring)

    def tell(self, text: str, *, severity: Severity, subject: str, by: str) -> Told:
        """Puts a notice down for the project's channels, and sends what is due."""
        return notifying.tell(self._wiring, text, severity=severity, subject=subject, by=by)

    def retry(self, number: int) -> Delivery:
        """Lets a notice that was set aside be tried again.

        Raises:
            UnknownName: there is no such notice, or it was not set aside.
        """
        return self._wiring.store.notices.retry(number)

    def try_channel(self, channel: str) -> Tried:
        """Sends a test notice over a channel: what came back.

        Raises:
            UnknownName: the project declares no such channel.
        """
        return notifying.try_channel(self._wiring, channel)
