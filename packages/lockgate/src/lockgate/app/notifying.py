"""Notices: put down with what caused them, sent when they are due, and what came of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from lockgate.adapters.secrets.redaction import redacted
from lockgate.app.delivering import Sent, delivered
from lockgate.core.legible import cut
from lockgate.core.notice import Notice, NotificationDeclaration, Severity
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.core.ports import Notifier
    from lockgate.core.project import Project
    from lockgate.store.notice_log import NoticeLog

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
# What a command that decides sends before it ends, and how long it lets receivers hold it up.
MOST_SOON = 20
SOON_SECONDS = 3.0
LONGEST_SUBJECT = 80


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that somebody put down, the channels that it goes over, and what came of each attempt to send any."""

    notice: Notice
    channels: tuple[str, ...]
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test notice: the receiver's answer, or the error in its place."""

    channel: str
    said: str
    error: LockgateError | None = None


def channels_of(project: Project, notice: Notice) -> tuple[str, ...]:
    """The channels that a notice goes over, by their severity and entities."""
    return tuple(name for name, channel in project.notifications.items() if channel.wants(notice))


def deliver_pending(wiring: Wiring, *, most: int = MOST_AT_ONCE) -> tuple[Sent, ...]:
    """Sends what is due, at most `most` attempts, and records what came of each; nothing is raised for a receiver.

    Any number of processes may do so at once. What one of them sent and did not live to record is sent again under the
    same key once its claim has expired.

    Raises:
        ControlPlaneUnavailable: nothing can be recorded.
    """
    return deliver(wiring.store.notices, wiring.notifier, most=most)


def deliver_soon(wiring: Wiring, *, seconds: float = SOON_SECONDS) -> tuple[Sent, ...]:
    """Sends what a command has decided, before it ends: for so many seconds, and without failing it.

    What is not sent then is sent by a server of the project, if one runs, or by `lockgate notices send`.
    """
    if not wiring.project.notifications:
        return ()
    try:
        return deliver(wiring.store.notices, wiring.notifier, most=MOST_SOON, seconds=seconds)
    except Exception as error:  # noqa: BLE001  (what was decided stands, and the notice is kept)
        logger.warning("notices not sent", extra={"facts": {"error": redacted(f"{type(error).__name__}: {error}")}})
        return ()


@contextmanager
def afterwards(wiring: Wiring) -> Iterator[None]:
    """Sends what was decided in the block once it has ended well, as `deliver_soon` does."""
    yield
    deliver_soon(wiring)


def deliver(
    log: NoticeLog,
    notifier: Callable[[str], Notifier],
    *,
    most: int = MOST_AT_ONCE,
    seconds: float | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> tuple[Sent, ...]:
    """Sends what is due in `log` over what `notifier` gives for a channel's name.

    See `lockgate.app.delivering.delivered` for what bounds it.
    """
    return delivered(
        log,
        lambda claimed: notifier(claimed.channel).send(claimed.notice),
        what="notice",
        most=most,
        seconds=seconds,
        goes_on=goes_on,
    )


def tell(wiring: Wiring, text: str, *, severity: Severity, subject: str, by: str) -> Told:
    """Puts down what somebody has to say, for the channels that want it, and sends what is due."""
    notice = Notice(
        notice_id=f"told/{uuid4()}",
        kind="notices.told",
        severity=severity,
        subject=redacted(subject or cut(text.strip().splitlines()[0], LONGEST_SUBJECT)),
        text=redacted(text),
        at=wiring.clock(),
        facts={"by": by},
    )
    channels = channels_of(wiring.project, notice)
    wiring.store.notices.add(notice, channels)
    return Told(notice, channels, deliver_pending(wiring))


def try_channel(wiring: Wiring, channel: str) -> Tried:
    """Sends a notice over a channel at once, past the outbox, to see whether it arrives.

    Raises:
        UnknownName: the project declares no such channel.
    """
    notifier = wiring.notifier(channel)
    try:
        return Tried(channel, redacted(notifier.send(_trial(wiring, wiring.project.notifications[channel]))))
    except LockgateError as error:
        return Tried(channel, "", error)


def _trial(wiring: Wiring, channel: NotificationDeclaration) -> Notice:
    """A notice that says that it is none."""
    entities = ", ".join(channel.entities)
    return Notice(
        notice_id=f"test/{uuid4()}",
        kind="notices.test",
        severity=Severity.INFO,
        subject=f"A test of the channel {channel.name}",
        text="Nothing happened: somebody tried whether notices arrive here.",
        at=wiring.clock(),
        facts={"least severity": channel.severity.value, **({"entities": cut(entities)} if entities else {})},
    )
