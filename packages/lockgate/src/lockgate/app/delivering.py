"""Sending what waits in an outbox: one attempt a row, none raised for a receiver, what came of each recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, TypeVar

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.deadline import within
from lockgate.core.legible import cut
from lockgate.core.notice import DeliveryStatus
from lockgate.errors import LockgateError, NoticeRefused

logger = logging.getLogger(__name__)

LEAST_SECONDS = 0.5


class Claimed(Protocol):
    """A row that is being sent."""

    @property
    def channel(self) -> str:
        """Over what it goes."""

    @property
    def key(self) -> str:
        """What it is known by."""

    @property
    def attempts(self) -> int:
        """How often sending was begun."""


Row = TypeVar("Row", bound=Claimed)


class Waiting(Protocol[Row]):
    """An outbox."""

    def claim(self, *, apart_from: Collection[str] = ()) -> Row | None:
        """The next row."""

    def sent(self, delivery: Row, said: str) -> bool:
        """Records that it has arrived."""

    def failed(
        self, delivery: Row, said: str, *, is_final: bool = False, retry_after: float | None = None
    ) -> DeliveryStatus | None:
        """Records a failed attempt."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt: `said` is the receiver's answer, or why there is none."""

    channel: str
    notice_id: str
    status: DeliveryStatus
    said: str


def delivered(
    waiting: Waiting[Row],
    send: Callable[[Row], str],
    *,
    what: str,
    most: int,
    seconds: float | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> tuple[Sent, ...]:
    """Sends what is due in an outbox; logs call a row `what`.

    A channel over which a row could not be sent is left alone until the next call, so that one that hangs does not
    hold up the others for long. With `seconds`, no attempt goes on for longer than that, and none begins later. None
    begins once `goes_on` says no.
    """
    done: list[Sent] = []
    down: set[str] = set()
    ends = monotonic() + seconds if seconds is not None else None
    while len(done) < most and goes_on() and (ends is None or monotonic() < ends):
        claimed = waiting.claim(apart_from=down)
        if claimed is None:
            break
        done.append(_attempted(waiting, send, claimed, ends, what))
        if done[-1].status is DeliveryStatus.PENDING:
            down.add(claimed.channel)
    return tuple(done)


def _attempted(waiting: Waiting[Row], send: Callable[[Row], str], claimed: Row, ends: float | None, what: str) -> Sent:
    """One attempt, recorded."""
    facts = {"channel": claimed.channel, what.replace(" ", "_"): cut(claimed.key), "attempt": claimed.attempts}
    try:
        with nullcontext() if ends is None else within(max(LEAST_SECONDS, ends - monotonic())):
            said = redacted(send(claimed))
    except LockgateError as error:
        said = redacted(f"{error.code} {error.message}")
        is_final = isinstance(error, NoticeRefused)
        asked = error.fields.get("retry_after")
        wait = float(asked) if isinstance(asked, int | float) else None
        status = waiting.failed(claimed, said, is_final=is_final, retry_after=wait)
        logger.warning("%s not sent", what, extra={"facts": {**facts, "said": said}})
        return Sent(claimed.channel, claimed.key, status or DeliveryStatus.PENDING, said)
    waiting.sent(claimed, said)
    logger.info("%s sent", what, extra={"facts": facts})
    return Sent(claimed.channel, claimed.key, DeliveryStatus.SENT, said)
