"""The token that every request carries: taken once for all threads, and anew before it ends or once it was refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from lockgate.core.deadline import remaining_seconds
from lockgate.errors import RuntimeUnavailable

# Of a token's life so much is used: a request that is under way at its end would be refused.
USED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Token:
    """A token; `until` is when another one is taken, by this process's clock, None where it does not say."""

    text: str
    until: float | None


class TokenKeeper:
    """Holds the token in use."""

    def __init__(self, take: Callable[[], str], clock: Callable[[], float] = monotonic) -> None:
        """Nothing is taken before one is needed; `take` asks for a token."""
        self._take = take
        self._clock = clock
        self._lock = Lock()
        self._token: Token | None = None

    def current(self) -> str:
        """A token that is good for a while yet; what `take` raises where there is none to be had.

        Raises:
            RuntimeUnavailable: somebody else has been waiting for one for longer than the caller may.
        """
        remaining = remaining_seconds()
        if not self._lock.acquire(timeout=-1 if remaining is None else remaining):
            raise RuntimeUnavailable("no token was to be had in time")
        try:
            token = self._token
            if token is None or (token.until is not None and self._clock() >= token.until):
                at, text = self._clock(), self._take()
                life = life_seconds(text)
                token = self._token = Token(text, None if life is None else at + USED_SHARE * life)
            return token.text
        finally:
            self._lock.release()

    def refused(self, text: str) -> None:
        """Forgets a token, unless somebody has taken another one since."""
        with self._lock:
            if self._token is not None and self._token.text == text:
                self._token = None


def life_seconds(token: str) -> float | None:
    """How long a JWT is good for from its making on, as it says itself (RFC 7519, 4.1); None where it does not.

    Both times are the server's, so that its clock need not agree with ours. The signature is the server's concern.
    """
    parts = token.split(".")
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return life if life > 0 else None
