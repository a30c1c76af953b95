"""Which passwords are taken: long ones that are not the first that somebody would try.

Source: NIST SP 800-63B, 5.1.1.2: a least length, no rules of composition, normalised, compared with what is common,
repeated, in sequence or the name.
"""

from __future__ import annotations

import re
from string import ascii_lowercase
from unicodedata import normalize

from lockgate.errors import PasswordRefused

SHORTEST = 12
LONGEST = 256
_LONGEST_BLOCK = 4
_ROWS = (
    "1234567890",
    ascii_lowercase,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
)
_COMMON = re.compile(
    "password|passwort|passw0rd|p@ssw0rd|passphrase|letmein|welcome|iloveyou|administrator|admin|lockgate|changeme"
    "|default|secret|qwerty|qwertz|trustno|monkey|dragon|football|baseball|sunshine|princess|master|superman|login"
)
# What is left of a common word with a year and a sign is no secret.
_LEAST_LEFT = 6


def normalised(password: str) -> str:
    """A password as it is compared, however the keyboard wrote it: NFKC."""
    return normalize("NFKC", password)


def checked_password(password: str, name: str, *, instead_of: str = "") -> str:
    """The password as it is kept, where it may be that of `name`, and is another than the one before.

    Raises:
        PasswordRefused: it may not; the message does not repeat it.
    """
    if len(password) > LONGEST:
        raise PasswordRefused(f"a password has at most {LONGEST} characters")
    taken = normalised(password)
    if not SHORTEST <= len(taken) <= LONGEST:
        raise PasswordRefused(f"a password has at least {SHORTEST} and at most {LONGEST} characters")
    if not taken.isprintable():
        raise PasswordRefused("a password has no line ends, tabs or other controls")
    if taken == normalised(instead_of):
        raise PasswordRefused("that is the password of before")
    reason = _weakness(taken.casefold(), name.casefold())
    if reason:
        raise PasswordRefused(f"the password is {reason}")
    return taken


def _weakness(folded: str, name: str) -> str:
    """Why somebody would guess it soon; empty where nothing is known of that."""
    if name and (_is_made_of(folded, name) or _is_made_of(folded, name[::-1])):
        return "the name"
    if any(folded == _repeated(folded[:size], len(folded)) for size in range(1, _LONGEST_BLOCK + 1)):
        return "a few characters again and again"
    if any(folded in _repeated(row, len(folded) + len(row)) for each in _ROWS for row in (each, each[::-1])):
        return "a sequence of the keyboard or the alphabet"
    if _COMMON.search(folded) and len(_letters_and_digits(_COMMON.sub("", folded))) < _LEAST_LEFT:
        return "one that very many people have"
    return ""


def _is_made_of(folded: str, word: str) -> bool:
    """Whether it is a word, repeated or with little around it."""
    return word in folded and len(_letters_and_digits(folded.replace(word, ""))) < _LEAST_LEFT


def _repeated(block: str, length: int) -> str:
    return (block * (length // len(block) + 1))[:length]


def _letters_and_digits(text: str) -> str:
    return "".join(each for each in text if each.isalnum())
