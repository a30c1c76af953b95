"""Passwords kept by argon2id with the second recommended option of RFC 9106: 64 MiB, three passes, four lanes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from lockgate.errors import ExtraMissing, SignInBusy

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
WAIT_SECONDS = 4.0
# What nobody's password was ever kept as: whoever names somebody unknown waits as long for an answer.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$bG9ja2dhdGUtbm9ib2R5cw$Zm9yIHdob2V2ZXIgbmFtZXMgb25lIG5vdCBrbm93bi4"


class Argon2Passwords:
    """Fulfils the `Passwords` port; each hashing takes 64 MiB, so no more than two go on in a process at once."""

    def __init__(self, *, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS) -> None:
        """Others wait for `wait_seconds` until it is their turn."""
        self._turns = BoundedSemaphore(at_once)
        self._wait_seconds = wait_seconds

    def hashed(self, password: str) -> str:
        """See `lockgate.core.ports.Passwords`: in the PHC string format, with parameters and a salt of its own."""
        with self._turn():
            return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def is_right(self, password: str, kept: str | None) -> bool:
        """See `lockgate.core.ports.Passwords`."""
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            with self._turn():
                return self._hasher.verify(kept or NOBODYS, password.encode("utf-8", "surrogatepass"))
        except (InvalidHashError, VerificationError):
            return False

    def is_outdated(self, kept: str) -> bool:
        """Whether it was made with other parameters than the library's present ones."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        try:
            from argon2 import PasswordHasher
        except ModuleNotFoundError as error:
            raise ExtraMissing("passwords need the extra 'server', which is not installed") from error
        return PasswordHasher()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._wait_seconds):
            raise SignInBusy
        try:
            yield
        finally:
            self._turns.release()
