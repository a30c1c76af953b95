"""The keys that tokens are signed with: the lines of the secret `signing-key`, made where there is none.

Of several keys the first signs and each verifies, so that one is replaced without a token being refused.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex
from threading import Lock

from lockgate.core.ports import Secrets
from lockgate.core.secret import reference
from lockgate.errors import SecretMissing

NAME = "signing-key"
KEY_BYTES = 32
_NAME_DIGITS = 16
_HINT = f"A key is a line of {KEY_BYTES} random bytes in base64url, as `lockgate` writes it when there is none."


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of 256 bits, and the name that tokens know it by, which tells nothing of it."""

    name: str
    secret: bytes = field(repr=False)


class SigningKeys:
    """The keys in force; read once, and again when asked to."""

    def __init__(self, secrets: Secrets, folder: Path) -> None:
        """Look for the secret; where there is none, make it in `folder`."""
        self._secrets = secrets
        self._folder = folder
        self._reading = Lock()
        self._known: tuple[SigningKey, ...] = ()

    def __call__(self, again: bool = False) -> Sequence[SigningKey]:
        """The keys, the one that signs first.

        Raises:
            SecretMissing: they cannot be used, or there is none and none can be made.
        """
        with self._reading:
            if again or not self._known:
                self._known = self._read()
            return self._known

    def _read(self) -> tuple[SigningKey, ...]:
        try:
            text = self._secrets.resolve(reference(NAME))
        except SecretMissing:
            if not (self._folder / NAME).exists() and not _make(self._folder):
                raise
            text = self._secrets.resolve(reference(NAME))  # somebody may have made it since
        keys = tuple(_key(line.strip()) for line in text.splitlines() if line.strip())
        if not keys:
            raise SecretMissing(f"the secret {NAME!r} has no key", hint=_HINT, name=NAME)
        for line in text.splitlines():
            self._secrets.hide(line.strip())
        return keys


def _key(line: str) -> SigningKey:
    try:
        secret = urlsafe_b64decode(line + "=" * (-len(line) % 4))
    except ValueError:
        secret = b""
    if len(secret) < KEY_BYTES or urlsafe_b64encode(secret).rstrip(b"=").decode("ascii") != line.rstrip("="):
        raise SecretMissing(f"the secret {NAME!r} has a line that is no key", hint=_HINT, name=NAME)
    return SigningKey(sha256(b"lockgate signing key\n" + secret).hexdigest()[:_NAME_DIGITS], secret)


def new_key() -> str:
    """A new key, as a line of the secret."""
    return urlsafe_b64encode(token_bytes(KEY_BYTES)).rstrip(b"=").decode("ascii")


def _make(folder: Path) -> bool:
    """Makes the secret: whole or not at all, once, however many do so at once; whether it is there now."""
    place = folder / NAME
    aside = folder / f".{NAME}.{token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(new_key() + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # somebody else was first: theirs is the key
                os.link(aside, place)
        finally:
            aside.unlink(missing_ok=True)
    except OSError:
        return False
    return True
