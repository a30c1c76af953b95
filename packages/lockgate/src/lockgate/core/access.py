"""Who may: people and machines, the roles they have, and what is remembered of what they changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody is trusted with; nobody's role implies another's, but an admin's implies all."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class CallerKind(StrEnum):
    """How somebody was recognised.

    `LOCAL` is whoever calls from this machine before there is any account; `SHARED` whoever sends the secret
    `api-token`; `NOBODY` whoever asks for what is open to all; `SHELL` who types a command; `SYSTEM` Lockgate itself.
    """

    PERSON = "person"
    MACHINE = "machine"
    SHARED = "shared"
    LOCAL = "local"
    NOBODY = "nobody"
    SHELL = "shell"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks for something. `session_id` is that of a person who has signed in."""

    name: str
    kind: CallerKind
    roles: frozenset[Role] = frozenset()
    session_id: str | None = None

    def may(self, allowed: frozenset[Role] | None) -> bool:
        """Whether they have one of these roles; None lets everybody."""
        return allowed is None or Role.ADMIN in self.roles or not self.roles.isdisjoint(allowed)

    def __str__(self) -> str:
        """The name that is written down: a machine's says that it is one."""
        return f"machine:{self.name}" if self.kind is CallerKind.MACHINE else self.name


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `failures` are wrong passwords since a right one; nobody signs in at all before `locked_until`.

    A failure counts for a day; where it came from, the account may be locked for longer.
    """

    name: str
    roles: frozenset[Role]
    is_enabled: bool
    created_at: datetime
    password_changed_at: datetime
    signed_in_at: datetime | None = None
    failures: int = 0
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldUp:
    """Wrong passwords of an account by where they came from: how many still count, and `places` that are locked now."""

    failures: int = 0
    places: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's stay after signing in: over at `expires_at`, and a while after `seen_at` without a request."""

    session_id: str
    person: str
    address: str
    began_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MachineToken:
    """The right of a machine to call the API as `name` until it expires or is revoked; the token itself is not kept."""

    token_id: str
    name: str
    roles: frozenset[Role]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token that was verified says: which one it is, and whose. What they may is not in it."""

    token_id: str
    subject: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has begun. Who has `secret` is its person to pages, who has `token` is so to the API."""

    session: Session
    secret: str = field(repr=False)
    token: str = field(repr=False)


ANSWERED = "records.transform"
"""What the audit calls an answer about records: it changes nothing."""


class AuditOutcome(StrEnum):
    """How a change went; `BEGUN` stays where the process did not live to tell."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, or answer about records: who asked for it, from where, what about, and how it went.

    It holds no secret, no row's value.

    `action` is `<noun>.<verb>` (`job.submit`, `cutover.roll-back`, `session.begin`); `subject` names what was changed,
    `target` the target that the process worked on.
    """

    audit_id: int
    at: datetime
    actor: str
    kind: CallerKind
    address: str
    action: str
    subject: str
    outcome: AuditOutcome
    facts: Mapping[str, object] = field(default_factory=dict)
    correlation_id: str | None = None
    ended_at: datetime | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class AuditEnd:
    """How a change went that was begun as entry `audit_id`, and what is added to its facts."""

    audit_id: int
    outcome: AuditOutcome
    at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)
