"""How long somebody who has signed in stays so, and the secret that their browser is recognised by.

Source: OWASP Session Management Cheat Sheet (an absolute and an idle time-out, 256 random bits, kept as a digest).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_hex, token_urlsafe

from lockgate.core.access import Session

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=1)
TOUCHED_EVERY = timedelta(minutes=1)
MOST_SESSIONS = 50
"""How many one person has; another one ends the oldest."""
_SECRET_BYTES = 32
_ID_BYTES = 16


def new_session(person: str, address: str, at: datetime) -> Session:
    """A session that begins."""
    return Session(token_hex(_ID_BYTES), person, address, at, at, at + LONGEST)


def new_secret() -> str:
    """What the browser sends back: opaque, of 256 bits."""
    return token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a session's secret; nobody who reads it can sign in with it."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_over(session: Session, now: datetime) -> bool:
    """Whether a session has reached its end, or was left alone for too long."""
    return now >= session.expires_at or now >= session.seen_at + IDLE
