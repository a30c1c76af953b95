"""Signing in: one answer for whoever is not let in, the same work whoever is named, and failures that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.core.access import Person, SignedIn
from lockgate.core.ports import Passwords, Tokens
from lockgate.errors import SignInRefused
from lockgate.govern.accounts import written_name
from lockgate.govern.lockout import ADDRESS_FAILURES, ADDRESS_WINDOW, LOCKS, source_of
from lockgate.govern.passwords import LONGEST, normalised
from lockgate.govern.sessions import IDLE, digest_of, new_secret, new_session
from lockgate.govern.tokens import session_claims

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring

Given = tuple[str, str]


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
    begun, secret = new_session(person.name, address, now), new_secret()
    token = tokens.written(session_claims(begun, wiring.project.name, now))
    if not wiring.store.people.admit(begun, digest_of(secret), kept):
        raise SignInRefused
    if passwords.is_outdated(kept):
        wiring.store.people.rehash(person.name, passwords.hashed(_comparable(given[1])), instead_of=kept)
    return SignedIn(begun, secret, token)


def prove(wiring: Wiring, passwords: Passwords, given: Given, address: str) -> tuple[Person, str]:
    """Who knows this password, and what is kept of it.

    An attempt is put down for its address before the password is looked at, and taken back if it was right. A right
    password of an account that is locked or disabled is refused as a wrong one is, after as much work.

    Raises:
        SignInRefused: nobody does, or they may not sign in, or too many attempts came from there.
    """
    name, password = written_name(given[0]), given[1]
    attempt = _begun(wiring, address)
    people = wiring.store.people
    known = people.kept_password(name) if name is not None else None
    is_right = passwords.is_right(_comparable(password), known[1] if known else None)
    now = wiring.clock()
    if known is None or not is_right:
        locks = {failures: now + lasting for failures, lasting in LOCKS.items()}
        people.count_failure(name or "", now, locks)
        raise SignInRefused
    person, kept = known
    if not people.note_right(person.name, kept, now):
        raise SignInRefused
    if attempt is not None:
        wiring.store.attempts.succeeded(attempt)
    return person, kept


def _comparable(password: str) -> str:
    """A password as it is kept; what is too long for one is nobody's."""
    return normalised(password) if len(password) <= LONGEST else ""


def _begun(wiring: Wiring, address: str) -> int | None:
    """The attempt, put down; None where it comes from nowhere that could be told.

    Raises:
        SignInRefused: too many came from there.
    """
    if not address:
        return None
    now = wiring.clock()
    since = now - ADDRESS_WINDOW
    number = wiring.store.attempts.begin(source_of(address), now, since=since, most=ADDRESS_FAILURES)
    if number is None:
        raise SignInRefused
    return number
