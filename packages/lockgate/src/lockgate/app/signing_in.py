"""Signing in: one answer for whoever is not let in, the same work whoever is named, and failures that count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lockgate.core.access import Person, Session, SignedIn
from lockgate.core.ports import Passwords, Tokens
from lockgate.errors import LockgateError, SignInRefused
from lockgate.govern.accounts import written_name
from lockgate.govern.lockout import ADDRESS_FAILURES, ADDRESS_WINDOW, source_of
from lockgate.govern.passwords import LONGEST, checked_password, normalised
from lockgate.govern.sessions import IDLE, digest_of, new_secret, new_session
from lockgate.govern.tokens import session_claims

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

Given = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in, put down before the password is looked at.

    `number` is None where it comes from nowhere that could be told. Too many came from there where it is not
    `is_let_through`; of those, `is_first` is the one in a while that is worth telling.
    """

    number: int | None = None
    is_let_through: bool = True
    is_first: bool = False


def begin_attempt(wiring: Wiring, address: str) -> Attempt:
    """Puts an attempt down for where it comes from, if not too many came from there."""
    if not address:
        return Attempt()
    now, source, attempts = wiring.clock(), source_of(address), wiring.store.attempts
    since = now - ADDRESS_WINDOW
    number = attempts.begin(source, now, since=since, most=ADDRESS_FAILURES)
    if number is not None:
        return Attempt(number)
    told = attempts.begin(f"{source} told", now, since=since, most=1)
    return Attempt(is_let_through=False, is_first=told is not None)


@contextmanager
def counted(wiring: Wiring, address: str, attempt: Attempt | None) -> Iterator[None]:
    """What is done in this block is `attempt`, or another one that begins now; it stays only where it is refused.

    Raises:
        SignInRefused: too many came from there.
    """
    begun = attempt if attempt is not None else begin_attempt(wiring, address)
    if not begun.is_let_through:
        raise SignInRefused
    try:
        yield
    except SignInRefused:
        raise
    except BaseException:
        with suppress(LockgateError):
            take_back(wiring, begun)
        raise
    take_back(wiring, begun)


def take_back(wiring: Wiring, attempt: Attempt) -> None:
    """Forgets an attempt that was none of guessing."""
    if attempt.number is not None:
        wiring.store.attempts.succeeded(attempt.number)


def sign_in(wiring: Wiring, passwords: Passwords, tokens: Tokens, given: Given, address: str) -> SignedIn:
    """Begins a session of whoever gives name and password; old sessions are forgotten on the way.

    Raises:
        SignInRefused: they are not let in.
        SecretMissing: nobody is, for there is no key to sign tokens with; that is told whatever the password.
    """
    tokens.check_key()
    person, kept = prove(wiring, passwords, given, address)
    now = wiring.clock()
    wiring.store.sessions.prune(now, idle_since=now - IDLE)
    signed_in = _signed_in(wiring, tokens, new_session(person.name, address, now), now)
    digest = digest_of(signed_in.secret)
    if not wiring.store.people.admit(signed_in.session, digest, kept, source_of(address)):
        raise SignInRefused
    if passwords.is_outdated(kept):
        wiring.store.people.rehash(person.name, passwords.hashed(_comparable(given[1])), instead_of=kept)
    return signed_in


def change_password(
    wiring: Wiring, passwords: Passwords, tokens: Tokens, given: Given, new: str, address: str
) -> SignedIn:
    """Sets another password for whoever gives name and present one; ends their sessions, and begins one.

    Raises:
        SignInRefused: the present one is another, or they may not sign in.
        PasswordRefused: the new one is guessed too easily, or is the present one.
        SecretMissing: there is no key to sign tokens with.
    """
    tokens.check_key()
    person, before = prove(wiring, passwords, given, address)
    kept = passwords.hashed(checked_password(new, person.name, instead_of=given[1]))
    now = wiring.clock()
    signed_in = _signed_in(wiring, tokens, new_session(person.name, address, now), now)
    begun = (signed_in.session, digest_of(signed_in.secret))
    wiring.store.people.set_password(person.name, kept, now, instead_of=before, begun=begun)
    return signed_in


def prove(wiring: Wiring, passwords: Passwords, given: Given, address: str) -> tuple[Person, str]:
    """Who knows this password, and what is kept of it.

    A right password of an account that is locked or disabled is refused as a wrong one is, after as much work.

    Raises:
        SignInRefused: nobody does, or they may not sign in.
    """
    name, password = written_name(given[0]), given[1]
    people, source = wiring.store.people, source_of(address)
    known = people.kept_password(name) if name is not None else None
    is_right = passwords.is_right(_comparable(password), known[1] if known else None)
    now = wiring.clock()
    if known is None or not is_right:
        people.count_failure(name or "", source, now)
        raise SignInRefused
    person, kept = known
    if not people.note_right(person.name, kept, source, now):
        raise SignInRefused
    return person, kept


def locked_until(wiring: Wiring, name: str, address: str) -> datetime | None:
    """Until when somebody is not let in from there; None where they are."""
    written = written_name(name)
    return wiring.store.people.locked_until(written, source_of(address), wiring.clock()) if written else None


def _signed_in(wiring: Wiring, tokens: Tokens, begun: Session, now: datetime) -> SignedIn:
    return SignedIn(begun, new_secret(), tokens.written(session_claims(begun, wiring.project.name, now)))


def _comparable(password: str) -> str:
    """A password as it is kept; what is too long for one is nobody's."""
    return normalised(password) if len(password) <= LONGEST else ""
