"""What every stage asks of its surroundings: the time, secrets by reference, and somebody who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from lockgate.core.notice import Notice


class Clock(Protocol):
    """Tells the time, so that tests can set it."""

    def __call__(self) -> datetime:
        """Now, in UTC, with the zone attached."""


class Secrets(Protocol):
    """Turns `secret://name` references into values, as late as possible."""

    def resolve(self, reference: str) -> str:
        """The value behind a reference; a text that is no reference comes back as it is.

        Raises:
            SecretMissing: the reference's name is not set anywhere.
        """

    def hide(self, value: str) -> None:
        """Keeps a value, and the password in it where it is an address, out of what is written from now on."""


class Notifier(Protocol):
    """Tells people or programs what happened, over one channel; may be used by several threads."""

    def send(self, notice: Notice) -> str:
        """Hands the notice over once: what the receiver said when it took it, on one line and without secrets.

        Raises:
            NoticeRefused: the receiver refused it; sending it again does not help.
            NoticeUnavailable: the receiver is busy or away; its field `retry_after` holds the seconds it asked for.
        """
