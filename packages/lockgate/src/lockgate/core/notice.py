"""Notices: what people and programs are told about builds, who hears of them, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Fact = str | int | float | bool


class Severity(StrEnum):
    """How much a notice matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened. `notice_id` is the key by which receivers tell a repetition.

    `kind` is a word with full stops, such as `cutover.rolled_back`; `facts` hold counts and names, never values of
    rows. Notices on one matter share `about` (else the notice stands alone); the one that ends it `is_recovery` and
    carries the severity of what it ends, so that whoever heard of the one hears of the other.
    """

    notice_id: str
    kind: str
    severity: Severity
    subject: str
    text: str
    at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict)
    entity: str = ""
    about: str = ""
    is_recovery: bool = False

    @property
    def matter(self) -> str:
        """The key of what it is about."""
        return self.about or self.notice_id


@dataclass(frozen=True, slots=True)
class NotificationDeclaration:
    """A channel and what goes over it; addresses and keys among the options stay references until they are used."""

    name: str
    kind: str
    severity: Severity = Severity.INFO
    entities: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def wants(self, notice: Notice) -> bool:
        """Whether the notice goes over this channel; one about no entity goes over every channel grave enough."""
        is_theirs = not (self.entities and notice.entity) or notice.entity in self.entities
        return is_theirs and notice.severity.rank >= self.severity.rank


class DeliveryStatus(StrEnum):
    """How far a notice has come on one channel."""

    PENDING = "pending"
    SENT = "sent"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way over one channel.

    `attempts` counts how often sending was begun and is the fencing token of the one that goes on now; `said` is what
    the receiver answered last, or why it could not be reached.
    """

    number: int
    channel: str
    notice: Notice
    status: DeliveryStatus
    attempts: int
    next_at: datetime
    said: str
    added_at: datetime
    sent_at: datetime | None

    @property
    def key(self) -> str:
        """What the notice is known by."""
        return self.notice.notice_id
