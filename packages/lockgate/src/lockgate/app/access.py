"""`Access`: who may call, as the command line and the server ask it; every change is in force within a second."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from unicodedata import normalize

from lockgate.adapters.credentials.argon2 import Argon2Passwords
from lockgate.adapters.secrets.redaction import redacted
from lockgate.app import signing_in
from lockgate.app.signing_in import Attempt, counted
from lockgate.core.access import (
    AuditEnd,
    AuditEntry,
    AuditOutcome,
    Caller,
    HeldUp,
    MachineToken,
    Person,
    Session,
    SignedIn,
    TokenFacts,
)
from lockgate.core.correlation import correlation_id
from lockgate.core.ports import Passwords, Tokens
from lockgate.errors import AccountRefused
from lockgate.govern.accounts import checked_name, checked_roles
from lockgate.govern.auditing import kept_facts, kept_name
from lockgate.govern.known import Known
from lockgate.govern.passwords import checked_password
from lockgate.govern.sessions import IDLE, TOUCHED_EVERY, is_over
from lockgate.govern.tokens import (
    DEFAULT_LIFETIME,
    LONGEST_LIFETIME,
    facts_of,
    machine_claims,
    new_token_id,
    token_id_of,
)

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring


class Access:
    """The front door to who may. Every thread may use it; where the control plane is away it raises that."""

    def __init__(self, wiring: Wiring, passwords: Passwords | None = None) -> None:
        """Nothing is opened yet; `passwords` keeps passwords instead of argon2."""
        self._wiring = wiring
        self._passwords = passwords or Argon2Passwords()

    # --- who calls ---------------------------------------------------------------------------------------------------

    def epoch(self) -> int:
        """A number that grows with every change of who may, but for sessions that begin; one cheap read."""
        return self._wiring.store.access.epoch()

    def known(self) -> Known:
        """Everything that admits callers, read now; whoever keeps it asks `epoch` whether it is still so.

        A session or token that it does not know may have begun, or been used elsewhere, since: read it once more.
        """
        read = self._wiring.store.access.admitting(self._wiring.clock())
        return Known(
            read.epoch,
            {one.name: one for one in read.people},
            {session.session_id: session for session, _ in read.sessions},
            {digest: session.session_id for session, digest in read.sessions},
            {token.token_id: token for token in read.tokens},
            self._wiring.clock,
        )

    def read_token(self, text: str) -> TokenFacts:
        """Which token this is; `Known.caller_of_token` says who has it. No database is asked.

        Raises:
            TokenRefused: it is none that was signed here for this project, or not good now.
            SecretMissing: there is no key to verify with.
        """
        return facts_of(self._tokens.verified(text), self._wiring.project.name, self._wiring.clock())

    # --- sessions ----------------------------------------------------------------------------------------------------

    def begin_attempt(self, address: str) -> Attempt:
        """Puts an attempt to sign in down for where it comes from, before anything is asked of it."""
        return signing_in.begin_attempt(self._wiring, address)

    def take_back(self, attempt: Attempt) -> None:
        """Forgets an attempt that came to nothing, and was not refused."""
        signing_in.take_back(self._wiring, attempt)

    def locked_until(self, name: str, address: str) -> datetime | None:
        """Until when somebody is not let in from there, whatever the password; None where they are."""
        return signing_in.locked_until(self._wiring, name, address)

    def sign_in(self, name: str, password: str, *, address: str = "", attempt: Attempt | None = None) -> SignedIn:
        """Begins a session of somebody who knows their password.

        `address` is where they call from; with none, failures are counted for the account alone. `attempt` is the one
        that was put down already.

        Raises:
            SignInRefused: they are not let in; whether because of the name, the password or a lock is not told.
            SignInBusy: too many sign in at the same moment.
            SecretMissing: nobody is let in, for there is no key to sign tokens with.
        """
        with counted(self._wiring, address, attempt):
            return signing_in.sign_in(self._wiring, self._passwords, self._tokens, (name, password), address)

    def prove(self, name: str, password: str, *, address: str = "") -> Person:
        """Who somebody is, where they know their password; failures count as those of signing in do.

        Raises:
            SignInRefused: they do not, or the account is locked or disabled.
            SignInBusy: too many sign in at the same moment.
        """
        with counted(self._wiring, address, None):
            return signing_in.prove(self._wiring, self._passwords, (name, password), address)[0]

    def sign_out(self, session_id: str) -> bool:
        """Ends a session: whether there was one."""
        return self._wiring.store.sessions.end(session_id)

    def touch(self, session_ids: Collection[str]) -> None:
        """Notes that sessions are used; one that is over does not come back, and one noted just now stays as it is."""
        if session_ids:
            now = self._wiring.clock()
            since = now - IDLE
            self._wiring.store.sessions.touch(session_ids, now, seen_until=now - TOUCHED_EVERY, idle_since=since)

    def sessions(self, name: str | None = None) -> tuple[Session, ...]:
        """The sessions of somebody, or of all, that are not over; the newest first."""
        now = self._wiring.clock()
        return tuple(one for one in self._wiring.store.sessions.sessions(name) if not is_over(one, now))

    # --- people ------------------------------------------------------------------------------------------------------

    def people(self) -> tuple[Person, ...]:
        """Everybody with an account, by name."""
        return self._wiring.store.people.people()

    def list_people(self, *, text: str = "", before: str | None = None, limit: int = 100) -> tuple[Person, ...]:
        """Accounts by name, those whose name has `text` in it; `before` is the name to go on behind."""
        return self._wiring.store.people.listed(text=normalize("NFC", text), before=before, limit=limit)

    def held_up(self, names: Sequence[str]) -> Mapping[str, HeldUp]:
        """How these accounts are held up where wrong passwords came from; whoever is not is left out."""
        return self._wiring.store.people.held_up(names, self._wiring.clock())

    def add_person(self, name: str, password: str, roles: Iterable[str]) -> Person:
        """Makes an account.

        Raises:
            AccountRefused: there is one of that name, or nobody may be called so, or there is no role.
            PasswordRefused: the password is guessed too easily.
            UnknownName: there is no such role.
        """
        taken, given = checked_name(name), checked_roles(roles)
        kept = self._passwords.hashed(checked_password(password, name))
        return self._wiring.store.people.add(taken, kept, given, self._wiring.clock())

    def set_password(self, name: str, password: str) -> None:
        """Sets somebody's password; ends their sessions, and a lock-out.

        Raises:
            PasswordRefused: the password is guessed too easily.
            UnknownName: there is no such account.
        """
        kept = self._passwords.hashed(checked_password(password, name))
        self._wiring.store.people.set_password(name, kept, self._wiring.clock())

    def change_password(self, name: str, old: str, new: str, *, address: str = "") -> SignedIn:
        """Sets another password for somebody who knows the present one; ends their sessions, and begins another.

        Raises:
            SignInRefused: the present one is another, or the account is locked or disabled.
            PasswordRefused: the new one is guessed too easily, or is the present one.
            SignInBusy: too many sign in at the same moment.
            SecretMissing: there is no key to sign tokens with.
        """
        with counted(self._wiring, address, None):
            given, tokens = (name, old), self._tokens
            return signing_in.change_password(self._wiring, self._passwords, tokens, given, new, address)

    def set_roles(self, name: str, roles: Iterable[str]) -> Person:
        """Gives somebody these roles and no others, in force at once.

        Raises:
            UnknownName: there is no such account or role.
            AccountRefused: they are the only admin, or there is no role.
        """
        return self._wiring.store.people.set_roles(name, checked_roles(roles))

    def set_enabled(self, name: str, *, is_enabled: bool) -> Person:
        """Lets an account be used again, or not any more: then its sessions end.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: they are the only admin.
        """
        return self._wiring.store.people.set_enabled(name, is_enabled=is_enabled)

    def unlock(self, name: str) -> Person:
        """Ends a lock-out.

        Raises:
            UnknownName: there is no such account.
        """
        return self._wiring.store.people.unlock(name)

    def remove_person(self, name: str) -> None:
        """Takes an account away; its sessions end, and what it did stays in the audit.

        Raises:
            UnknownName: there is no such account.
            AccountRefused: they are the only admin.
        """
        self._wiring.store.people.remove(name)

    # --- machines ----------------------------------------------------------------------------------------------------

    def tokens(self) -> tuple[MachineToken, ...]:
        """Every token that was ever made for a machine, the newest first."""
        return self._wiring.store.tokens.tokens()

    def list_tokens(self, *, before: str | None = None, limit: int = 100) -> tuple[MachineToken, ...]:
        """Tokens, the newest first; `before` is the id of one to go on behind.

        Raises:
            UnknownName: there is no token `before`.
        """
        return self._wiring.store.tokens.listed(before=before, limit=limit)

    def add_token(
        self, name: str, roles: Iterable[str], *, lifetime: timedelta = DEFAULT_LIFETIME, by: str, wish: str = ""
    ) -> tuple[MachineToken, str]:
        """Makes a token for a machine: what is kept of it, and the token itself, which is shown this once.

        `wish` names what is asked for, where it may be sent again: of one wish comes one token, whichever process is
        asked.

        Raises:
            AccountRefused: nothing may be called so, there is no role, it would be good for more than a year, or the
                wish was fulfilled already.
            UnknownName: there is no such role.
            SecretMissing: there is no key to sign with.
        """
        if not timedelta() < lifetime <= LONGEST_LIFETIME:
            raise AccountRefused("a token is good for at least a moment, and at most 365 days")
        now = self._wiring.clock().replace(microsecond=0)
        token_id = token_id_of(wish) if wish else new_token_id()
        made = MachineToken(token_id, checked_name(name), checked_roles(roles), now, by, now + lifetime)
        text = self._tokens.written(machine_claims(made, self._wiring.project.name))
        self._wiring.store.tokens.add(made)
        return made, text

    def revoke_token(self, token_id: str) -> MachineToken:
        """Takes a token back.

        Raises:
            UnknownName: there is none of that id.
        """
        return self._wiring.store.tokens.revoke(token_id, self._wiring.clock())

    # --- the audit ---------------------------------------------------------------------------------------------------

    def begin_change(
        self, caller: Caller, action: str, subject: str, *, address: str = "", facts: Mapping[str, object] | None = None
    ) -> int:
        """Puts down that somebody is about to change something: the entry's number, for `end_change`."""
        return self._wiring.store.audit.begin(self.entry_of(caller, action, subject, address=address, facts=facts))

    def end_change(self, audit_id: int, outcome: AuditOutcome, facts: Mapping[str, object] | None = None) -> None:
        """Puts down how it went, once; `facts` are added to those from before."""
        end = self.end_of(audit_id, outcome, facts)
        self._wiring.store.audit.end(end.audit_id, end.outcome, end.facts, end.at)

    def write_changes(self, asked: Sequence[AuditEntry | AuditEnd]) -> list[int]:
        """Puts down many at once, what begins and how others went: the number of the entry of each."""
        return self._wiring.store.audit.write(asked)

    def entry_of(
        self, caller: Caller, action: str, subject: str, *, address: str = "", facts: Mapping[str, object] | None = None
    ) -> AuditEntry:
        """The entry of a change that begins now; its texts are legible, bounded and without secrets."""
        names = [kept_name(each, redacted) for each in (str(caller), address, action, subject)]
        actor, source, action, subject = names
        told = kept_facts(facts or {}, redacted)
        now, outcome = self._wiring.clock(), AuditOutcome.BEGUN
        entry = AuditEntry(0, now, actor, caller.kind, source, action, subject, outcome, told)
        return replace(entry, correlation_id=correlation_id())

    def end_of(self, audit_id: int, outcome: AuditOutcome, facts: Mapping[str, object] | None = None) -> AuditEnd:
        """How a change went that ends now."""
        return AuditEnd(audit_id, outcome, self._wiring.clock(), kept_facts(facts or {}, redacted))

    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, after the entry `before` where it is given.

        `action` may also be a noun alone: `cutover` for `cutover.promote` and all the others. Answers about records,
        `records.transform`, are among them where `action` or `actor` is given.
        """
        log = self._wiring.store.audit
        return log.entries(actor=actor, action=action, subject=subject, before=before, limit=limit)

    @cached_property
    def _tokens(self) -> Tokens:
        from lockgate.adapters.credentials.jwt import JwtTokens
        from lockgate.adapters.credentials.signing_keys import SigningKeys

        return JwtTokens(SigningKeys(self._wiring.secrets, self._wiring.secrets_folder))
