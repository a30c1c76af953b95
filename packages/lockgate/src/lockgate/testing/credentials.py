"""What whatever keeps passwords must do: a test class to inherit from, and one that does so without taking time."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_hex

import pytest

from lockgate.core.ports import Passwords

PASSWORD = "correct horse battery"
OTHER = "staple of another horse"


class QuickPasswords:
    """Fulfils the `Passwords` port for tests: salted, and guessed in no time."""

    def __init__(self, *, revision: str = "2") -> None:
        """What was kept at another revision is outdated."""
        self._revision = revision
        self.checked: list[str | None] = []

    def hashed(self, password: str) -> str:
        """See `lockgate.core.ports.Passwords`."""
        salt = token_hex(8)
        return f"quick${self._revision}${salt}${_digest(salt, password)}"

    def is_right(self, password: str, kept: str | None) -> bool:
        """See `lockgate.core.ports.Passwords`; `checked` remembers what was compared."""
        self.checked.append(kept)
        if kept is None or not kept.startswith("quick$"):
            return False
        salt, digest = kept.split("$")[2:]
        return digest == _digest(salt, password)

    def is_outdated(self, kept: str) -> bool:
        """See `lockgate.core.ports.Passwords`."""
        return not kept.startswith(f"quick${self._revision}$")


def _digest(salt: str, password: str) -> str:
    return sha256(f"{salt}\n{password}".encode("utf-8", "surrogatepass")).hexdigest()


class PasswordsConformance:
    """Inherit from it, and give the fixture `passwords`."""

    @pytest.fixture
    def passwords(self) -> Passwords:
        """What is tested."""
        raise NotImplementedError

    def test_the_right_password_is_right_and_no_other(self, passwords: Passwords) -> None:
        kept = passwords.hashed(PASSWORD)

        assert passwords.is_right(PASSWORD, kept)
        assert not passwords.is_right(OTHER, kept)
        assert not passwords.is_right("", kept)

    def test_the_same_password_is_kept_otherwise_each_time_and_never_as_it_is(self, passwords: Passwords) -> None:
        one, other = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)

        assert one != other
        assert PASSWORD not in one + other

    def test_every_character_counts(self, passwords: Passwords) -> None:
        long = "ż" * 255
        kept = passwords.hashed(f"{long}a")

        assert passwords.is_right(f"{long}a", kept)
        assert not passwords.is_right(f"{long}b", kept)

    @pytest.mark.parametrize("kept", [None, "", "x", "$argon2id$v=19$m=65536,t=3,p=4$"])
    def test_nobodys_password_is_wrong(self, passwords: Passwords, kept: str | None) -> None:
        assert not passwords.is_right(PASSWORD, kept)

    def test_what_no_text_can_hold_is_wrong_and_no_failure(self, passwords: Passwords) -> None:
        assert not passwords.is_right("\ud800\x00", passwords.hashed(PASSWORD))

    def test_what_is_kept_now_is_not_outdated(self, passwords: Passwords) -> None:
        assert not passwords.is_outdated(passwords.hashed(PASSWORD))
