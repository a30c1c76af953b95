"""What letting people and machines in asks of cryptography."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Passwords(Protocol):
    """Keeps passwords as what they cannot be read from; may be used by several threads."""

    def hashed(self, password: str) -> str:
        """What to keep of a password; another text each time.

        Raises:
            SignInBusy: too many are hashed at the same moment.
        """

    def is_right(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one of which this was kept; where nothing was, it takes as long, and is not.

        Raises:
            SignInBusy: too many are hashed at the same moment.
        """

    def is_outdated(self, kept: str) -> bool:
        """Whether what is kept was made in a way that is not the present one."""


class Tokens(Protocol):
    """Writes claims as signed text, and reads such text back; may be used by several threads."""

    def check_key(self) -> None:
        """Returns where there is a key to sign with.

        Raises:
            SecretMissing: there is none.
        """

    def written(self, claims: Mapping[str, object]) -> str:
        """The claims as a signed token.

        Raises:
            SecretMissing: there is no key to sign with.
        """

    def verified(self, text: str) -> Mapping[str, object]:
        """The claims of a token that was signed with one of our keys; what they say is not looked at.

        Raises:
            TokenRefused: it was not, or is written in a way in which ours are not.
            SecretMissing: there is no key to verify with.
        """
